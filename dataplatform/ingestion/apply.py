"""Reading an account, planning what differs from the declared connections, and applying it.

Applying looks again at every step and does only what is missing, so it can be repeated after a
failure in the middle, and applying twice changes nothing. Nothing is ever deleted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from dataplatform.declarations.errors import UserError
from dataplatform.ingestion.account.changes import (
    Change,
    config_differences,
    declared_config,
    declared_settings,
    looks_secret,
    same,
    schema_differences,
)
from dataplatform.ingestion.account.secrets import SentSecrets
from dataplatform.resources.fivetran.transport import FivetranFailure
from dataplatform.resources.fivetran.workspace import (
    find_connection,
    find_group,
    group_name,
    open_client,
)

if TYPE_CHECKING:
    from dataplatform.declarations.connection import Connection
    from dataplatform.declarations.project import Project
    from dataplatform.resources.fivetran.client import AccountClient

Live = Mapping[str, Any]


def plan_connections(project: Project, client: AccountClient | None = None) -> list[Change]:
    """Return what applying would change, and what the account holds that no file declares.

    Args:
        project: whose connections are declared.
        client: the account; the environment's by default.

    Raises:
        UserError: the account cannot be reached, or a secret is not set.
    """
    return _Reconciler(project, client or open_client(project), change=False).run()


def apply_connections(
    project: Project,
    client: AccountClient | None = None,
    tell: Callable[[Change], None] = lambda change: None,
) -> list[Change]:
    """Make the account hold the declared connections, and return what was changed.

    Args:
        project: whose connections are declared.
        client: the account; the environment's by default.
        tell: called with each change when it is made.

    Raises:
        UserError: the account cannot be reached or refuses, a secret is not set, a setup test
            failed, or a declared table is not in the source. What was changed before stays;
            applying again goes on from there.
    """
    changes = _Reconciler(project, client or open_client(project), change=True, tell=tell).run()
    return [change for change in changes if change.action != "unmanaged"]


class _Reconciler:
    """One pass over the account, which changes what differs or only looks."""

    def __init__(
        self,
        project: Project,
        client: AccountClient,
        *,
        change: bool,
        tell: Callable[[Change], None] = lambda change: None,
    ) -> None:
        self.project = project
        self.client = client
        self.changing = change
        self.tell = tell
        self.changes: list[Change] = []
        self.troubles: list[str] = []
        self.group = group_name(project)
        self.secrets = SentSecrets(project.state, f"{project.environment.name}/{self.group}")

    def run(self) -> list[Change]:
        group = find_group(self.client, self.group)
        if group is None:
            self._found(Change("create", "group", self.group))
            if self.changing:
                group = self.client.call("POST", "groups", {"name": self.group})
        self._destination(group)
        live = list(self.client.list_connectors_for_group(group["id"])) if group else []
        managed = set()
        for connection in self.project.connections:
            item = find_connection(live, connection)
            if item is None:
                item = self._create(group, connection)
            else:
                managed.add(item["id"])
                self._change(item, connection)
            if item is not None:
                self._tables(item, connection)
                self._finish(item, connection)
        for item in live:
            if item["id"] not in managed:
                self.changes.append(Change("unmanaged", "connection", str(item["schema"])))
        if self.troubles and self.changing:
            raise UserError(" ".join(self.troubles))
        return self.changes

    def _found(self, change: Change) -> None:
        self.changes.append(change)
        if self.changing:
            self.tell(change)

    def _destination(self, group: Live | None) -> None:
        declared = self.project.environment.fivetran.destination
        live: Live | None = None
        if group is not None:
            try:
                live = self.client.call("GET", f"destinations/{group['id']}")
            except FivetranFailure as failure:
                if " 404 " not in str(failure):
                    raise
        config = self.project.environment.resolve_all(declared.config)
        if live is None:
            self._found(Change("create", "destination", self.group))
            if self.changing and group is not None:
                request = {
                    "group_id": group["id"],
                    "service": declared.service,
                    "region": "EU",
                    "time_zone_offset": "0",
                    "config": config,
                    "run_setup_tests": True,
                }
                self._check_destination(self.client.call("POST", "destinations", request))
                self._remember("destination", config)
            return
        if live.get("service") != declared.service:
            raise UserError(
                f"The group {self.group!r} has a destination of service {live.get('service')!r}, "
                f"and {self.project.environment.file} declares {declared.service!r}: "
                f"choose another group."
            )
        differences = config_differences(
            config,
            live.get("config", {}),
            lambda key, value: self.secrets.known("destination", key, value),
        )
        for field, (before, after) in differences.items():
            self._found(Change("change", "destination", self.group, field, before, after))
        if differences and self.changing:
            changed = {key: config[key] for key in differences}
            answer = self.client.call(
                "PATCH",
                f"destinations/{live['id']}",
                {"config": changed, "run_setup_tests": True},
            )
            self._check_destination(answer)
            self._remember("destination", config)

    def _check_destination(self, answer: Live) -> None:
        failed = [test for test in answer.get("setup_tests", []) if test["status"] == "FAILED"]
        if failed:
            raise UserError(
                f"The destination of the group {self.group!r} failed its setup test "
                f"{failed[0]['title']!r}: {failed[0].get('message', '')}"
            )

    def _create(self, group: Live | None, connection: Connection) -> Live | None:
        self._found(Change("create", "connection", connection.name))
        if not self.changing or group is None:
            return None
        config = declared_config(connection, self.project.environment.resolve_all)
        # Paused until its tables are chosen: nothing undeclared may be synced in between.
        item = self.client.call(
            "POST",
            "connections",
            {
                **declared_settings(connection),
                "service": connection.service,
                "group_id": group["id"],
                "config": config,
                "paused": True,
                "run_setup_tests": True,
            },
        )
        self._remember(connection.name, config)
        return item

    def _change(self, item: Live, connection: Connection) -> None:
        config = declared_config(connection, self.project.environment.resolve_all)
        differences = config_differences(
            config,
            item.get("config", {}),
            lambda key, value: self.secrets.known(connection.name, key, value),
        )
        settings = {
            name: value
            for name, value in declared_settings(connection).items()
            if name != "paused" and not same(value, item.get(name))
        }
        for field, (before, after) in differences.items():
            self._found(
                Change(
                    "change",
                    "connection",
                    connection.name,
                    f"config.{field}",
                    before,
                    after,
                )
            )
        for field, value in settings.items():
            self._found(
                Change(
                    "change",
                    "connection",
                    connection.name,
                    field,
                    item.get(field),
                    value,
                )
            )
        request: dict[str, Any] = dict(settings)
        if differences:
            request["config"] = {key: config[key] for key in differences}
            request["run_setup_tests"] = True
        if request and self.changing:
            self.client.call_connection("PATCH", item["id"], body=request)
            self._remember(connection.name, config)

    def _tables(self, item: Live, connection: Connection) -> None:
        config = self.client.get_schema_config_for_connector(item["id"], False)
        changes, request, missing = schema_differences(connection, config)
        if missing and self.changing:
            # Made in the source since the account last looked, or the account never looked.
            try:
                config = self.client.call_connection("POST", item["id"], "/schemas/reload", {})
            except FivetranFailure as failure:
                self.troubles.append(
                    f"The tables of connection {connection.name!r} cannot be read: {failure}"
                )
                return
            changes, request, missing = schema_differences(connection, config)
        if missing:
            self.troubles.append(
                f"{connection.file}: the source of {connection.name!r} offers no "
                f"{', '.join(missing)}."
            )
        for change in changes:
            self._found(change)
        if request and self.changing:
            self.client.call_connection("PATCH", item["id"], "/schemas", request)

    def _finish(self, item: Live, connection: Connection) -> None:
        """Check that the connection is set up, then let its declared pause or schedule rule."""
        details = self.client.get_connector_details(item["id"])
        status = details.get("status", {})
        if status.get("setup_state") != "connected" and self.changing:
            details = self.client.call_connection("POST", item["id"], "/test", {})
            status = details.get("status", status)
        if status.get("setup_state") != "connected":
            reasons = "; ".join(str(task.get("message")) for task in status.get("tasks", []))
            self.troubles.append(
                f"{connection.file}: the connection {connection.name!r} is not set up: "
                f"{reasons or status.get('setup_state')}"
            )
            return
        if bool(details.get("paused")) != connection.paused:
            created = any(c.action == "create" and c.name == connection.name for c in self.changes)
            if not created:
                self._found(
                    Change(
                        "change",
                        "connection",
                        connection.name,
                        "paused",
                        details.get("paused"),
                        connection.paused,
                    )
                )
            if self.changing:
                self.client.call_connection("PATCH", item["id"], body={"paused": connection.paused})

    def _remember(self, name: str, config: Mapping[str, Any]) -> None:
        kept = {key: value for key, value in config.items() if looks_secret(key)}
        # Services mask more than names tell; every text setting is therefore remembered.
        kept |= {key: value for key, value in config.items() if isinstance(value, str)}
        self.secrets.remember(name, kept)
