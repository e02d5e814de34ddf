"""dagster-fivetran's workspace for an environment, under the resource key ``fivetran``.

Address and credentials come from the environment and are resolved when the first request is
sent. The ids of declared connections are logical (the file's name); the account's own ids are
found at run time by group and destination schema.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from dagster import AssetExecutionContext, AssetMaterialization, MaterializeResult
from dagster_fivetran import FivetranSyncConfig, FivetranWorkspace
from dagster_fivetran.fivetran_event_iterator import FivetranEventIterator
from pydantic import Field, PrivateAttr

from dataplatform.declarations.errors import UserError
from dataplatform.resources.fivetran.api import FIVETRAN_API
from dataplatform.resources.fivetran.client import AccountClient
from dataplatform.resources.fivetran.failure import FivetranFailure
from dataplatform.resources.fivetran.identity import matches
from dataplatform.resources.fivetran.typed_events import TypedEvents
from dataplatform.resources.project import declared_project

if TYPE_CHECKING:
    from dataplatform.declarations.connection import Connection
    from dataplatform.declarations.project import Project


class DeclaredWorkspace(FivetranWorkspace):
    """The account in which the declared connections live: Fivetran's, or the local service's."""

    project_root: str = Field(description="The folder that holds config/ and dbt_project/.")
    # Fields of the parent that the environment fills when they are needed.
    account_id: str = Field(default="declared")
    api_key: str = Field(default="")
    api_secret: str = Field(default="")
    disable_schedule_on_trigger: bool = Field(
        default=False,
        description="Never used: a connection's file alone owns its schedule.",
    )
    _client: AccountClient | None = PrivateAttr(default=None)
    _live_ids: dict[str, str] = PrivateAttr(default_factory=dict)

    @property
    def project(self) -> Project:
        """The project whose connections are declared."""
        return declared_project(self.project_root)

    def get_client(self) -> AccountClient:
        """Return the client, made at first use.

        Raises:
            UserError: the address or a credential cannot be resolved.
        """
        if self._client is None:
            self._client = open_client(self.project, self.live_id)
        return self._client

    def live_id(self, connection_id: str) -> str:
        """Return the account's id of a declared connection; another id is returned as it is.

        Raises:
            FivetranFailure: the declared connection does not exist in the account.
        """
        declared = {connection.name: connection for connection in self.project.connections}
        if connection_id not in declared:
            return connection_id
        if connection_id not in self._live_ids:
            client = self.get_client()
            group = find_group(client, group_name(self.project))
            items = client.list_connectors_for_group(group["id"]) if group else []
            for connection in declared.values():
                live = find_connection(items, connection)
                if live is not None:
                    self._live_ids[connection.name] = str(live["id"])
        if connection_id not in self._live_ids:
            connection = declared[connection_id]
            raise FivetranFailure(
                f"The connection {connection_id!r} ({connection.service} into "
                f"{connection.destination_schema}) does not exist in the group "
                f"{group_name(self.project)!r}: run `dataplatform connections apply`."
            )
        return self._live_ids[connection_id]

    def succeeded_at(self, connection_id: str) -> datetime | None:
        """Return when the connection's last successful sync ended, or None before the first."""
        return self.get_client().look(connection_id).succeeded_at

    def url(self, live_id: str) -> str:
        """Return where a person looks at a connection."""
        return self.get_client().page_of(live_id)

    def logs_url(self, live_id: str) -> str:
        """Return where a connection's syncs are logged."""
        return self.get_client().logs_of(live_id)

    def sync_and_poll(
        self, context: AssetExecutionContext, config: FivetranSyncConfig | None = None
    ) -> FivetranEventIterator[AssetMaterialization | MaterializeResult[Any]]:
        """Sync the step's connection once, for all of its tables, and report what it synced.

        Args:
            context: of a step over a connection's tables.
            config: asks for a re-sync instead.

        Returns:
            The tables' events; ``fetch_column_metadata`` adds their columns with types.
        """
        resync = config is not None and config.resync
        return TypedEvents(
            events=self._resync_and_poll(context, config.resync_parameters if config else None)
            if resync
            else self._sync_and_poll(context),
            fivetran_workspace=self,
            context=context,
        )

    def last_sync(self, connection_id: str) -> Mapping[str, Any]:
        """Return what the local service tells of a connection's last sync: rows by table.

        Fivetran's own API has no such record; the answer is then empty.
        """
        if api_url(self.project).startswith(FIVETRAN_API):
            return {}
        try:
            live = self.live_id(connection_id)
            path = f"local/connections/{live}/syncs"
            items = self.get_client().call("GET", path, params={"limit": 1})["items"]
        except FivetranFailure:
            return {}
        return items[0] if items else {}


def api_url(project: Project) -> str:
    """Return the API's address, without a version or a slash at its end."""
    text = project.environment.resolve(project.environment.fivetran.api_url or FIVETRAN_API)
    return text.rstrip("/").removesuffix("/v1")


def group_name(project: Project) -> str:
    """Return the name (or id) of the group in which the project's connections live."""
    return project.environment.resolve(project.environment.fivetran.group)


def open_client(project: Project, resolve_id: Any = None) -> AccountClient:
    """Return a client of the environment's account.

    Args:
        project: its environment gives address and credentials.
        resolve_id: turns logical ids into the account's; without it ids are used as they are.

    Raises:
        UserError: the address or a credential cannot be resolved.
    """
    declared, resolve = project.environment.fivetran, project.environment.resolve
    if not declared.api_key or not declared.api_secret:
        raise UserError(
            f"The environment {project.environment.name!r} has no fivetran api_key and api_secret."
        )
    return AccountClient(
        api_url(project),
        resolve(declared.api_key),
        resolve(declared.api_secret),
        resolve_id=resolve_id or (lambda name: name),
    )


def find_group(client: AccountClient, name: str) -> Mapping[str, Any] | None:
    """Return the account's group of a name (or of an id), or None."""
    groups = client.get_groups()["items"]
    return next((group for group in groups if name in (group["name"], group["id"])), None)


def find_connection(
    items: Iterable[Mapping[str, Any]], connection: Connection
) -> Mapping[str, Any] | None:
    """Return the account's record of a declared connection among a group's, or None."""
    return next((item for item in items if matches(item, connection)), None)
