"""One declared connection worked by hand: synced, loaded anew, paused, tested, looked back at.

Every wait has a limit, and what is told while waiting is one line. Its declared settings are
``steps``' business; steps of a run sync through dagster-fivetran's workspace instead.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from dataplatform.declarations.errors import UserError, nearest
from dataplatform.ingestion.account.plan import SetupResult, tests_of
from dataplatform.ingestion.account.steps import trust
from dataplatform.ingestion.account.tables import live_tables
from dataplatform.resources.fivetran.failure import FivetranFailure
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

LONGEST_SYNC_SECONDS = 6 * 3600.0
_FIRST_LOOK_SECONDS, _LONGEST_LOOK_SECONDS = 0.2, 10.0


@dataclass
class Operated:
    """A declared connection and where it lives.

    Attributes:
        connection: as declared.
        client: the account.
        live_id: the account's id of it.
    """

    connection: Connection
    client: AccountClient
    live_id: str

    @classmethod
    def open(cls, project: Project, name: str) -> Operated:
        """Find a declared connection in the environment's account.

        Raises:
            UserError: no file declares it, or the account does not have it.
        """
        declared = {one.name: one for one in project.connections}
        if name not in declared:
            raise UserError(f"{name!r} is not a declared connection.{nearest(name, declared)}")
        client = open_client(project)
        group = find_group(client, group_name(project))
        items = client.list_connectors_for_group(str(group["id"])) if group else []
        item = find_connection(items, declared[name])
        if item is None:
            raise UserError(
                f"The connection {name!r} does not exist in the group {group_name(project)!r}: "
                f"run `dataplatform connections apply`."
            )
        return cls(declared[name], client, str(item["id"]))

    def details(self) -> Mapping[str, Any]:
        """Return the account's record."""
        return self.client.get_connector_details(self.live_id)

    def last_end(self) -> datetime | None:
        """Return when its last sync ended, well or badly."""
        return _last_end(self.details())

    def sync(self) -> None:
        """Ask for a sync.

        Raises:
            FivetranFailure: the account refuses, as for a paused connection.
        """
        self.client.start_sync(self.live_id)

    def resync(self, table: str | None) -> None:
        """Ask for a load from the beginning, of one declared table or of all.

        Raises:
            UserError: no such table is declared, or the account does not sync it.
        """
        if table is None:
            self.client.start_resync(self.live_id)
            return
        declared = {one.name: one for one in self.connection.tables}
        if table not in declared:
            raise UserError(
                f"{table!r} is not a table of {self.connection.file}.{nearest(table, declared)}"
            )
        wanted = self.connection.relation(declared[table])
        config = self.client.get_schema_config_for_connector(self.live_id, False)
        for schema, name, relation, _ in live_tables(self.connection, config):
            if relation == wanted:
                self.client.start_resync(self.live_id, {schema: [name]})
                return
        raise UserError(
            f"The connection {self.connection.name!r} does not sync {table!r} yet: "
            f"run `dataplatform connections apply`."
        )

    def pause(self, paused: bool) -> None:
        """Pause or resume it, whatever its file says."""
        self.client.call_connection("PATCH", self.live_id, body={"paused": paused})

    def test(self) -> list[SetupResult]:
        """Run its setup tests and return what they say."""
        answer = self.client.call_connection("POST", self.live_id, "/test", trust(self.connection))
        return tests_of(self.connection.name, answer)

    def not_set_up(self) -> str:
        """Return why it is not set up; an empty text where it is."""
        status = self.details().get("status") or {}
        if status.get("setup_state") == "connected":
            return ""
        return _reasons(status) or str(status.get("setup_state"))

    def trusted(self) -> dict[str, int]:
        """Return how many certificates and fingerprints of the source the account trusts."""
        found = {}
        for kind in ("certificates", "fingerprints"):
            try:
                answer = self.client.call_connection("GET", self.live_id, f"/{kind}")
            except FivetranFailure as failure:
                if failure.status != 404:
                    raise
                continue
            found[kind] = len(answer.get("items", []))
        return found

    def progress(
        self, before: datetime | None, limit: float = LONGEST_SYNC_SECONDS
    ) -> Iterator[str]:
        """Yield how a sync goes, one line at each look, until one has ended.

        Args:
            before: when the last sync had ended before this one was asked for.
            limit: seconds after which waiting is given up.

        Raises:
            UserError: the sync failed, was put off, or did not end in time.
        """
        name, began, pause = self.connection.name, time.monotonic(), _FIRST_LOOK_SECONDS
        while True:
            details = self.details()
            status = details.get("status") or {}
            ended = _last_end(details)
            if ended is not None and (before is None or ended > before):
                if ended == _moment(details.get("failed_at")):
                    raise UserError(f"The sync of {name!r} failed: {_reasons(status)}")
                return
            if status.get("rescheduled_for"):
                raise UserError(
                    f"Fivetran put the sync of {name!r} off until {status['rescheduled_for']}."
                )
            if time.monotonic() - began > limit:
                raise UserError(f"The sync of {name!r} did not end within {limit:.0f} s.")
            yield " · ".join([str(status.get("sync_state", "waiting")), *self._running()])
            time.sleep(pause)
            pause = min(pause * 1.3, _LONGEST_LOOK_SECONDS)

    def syncs(self, limit: int) -> list[dict[str, Any]]:
        """Return its last syncs, newest first, where the account keeps a record of them."""
        try:
            answer = self.client.call(
                "GET", f"local/connections/{self.live_id}/syncs", params={"limit": limit}
            )
        except FivetranFailure as failure:
            if failure.status != 404:
                raise
            return []
        return list(answer.get("items", []))

    def without_history(self) -> str:
        """Return what can be told where the account keeps no record of syncs."""
        details = self.details()
        return (
            f"Last good sync {details.get('succeeded_at') or 'never'}, last failed one "
            f"{details.get('failed_at') or 'never'}; more at {self.client.page_of(self.live_id)}."
        )

    def told(self, sync: Mapping[str, Any]) -> list[str]:
        """Return a sync's tables and its error as lines."""
        lines = []
        for table in sync.get("tables") or []:
            moved = ", ".join(
                f"{table[kind]:,} {kind}"
                for kind in ("inserted", "updated", "deleted")
                if table.get(kind)
            )
            lines.append(f"{table.get('schema')}.{table.get('table')}: {moved or 'unchanged'}")
        if sync.get("error"):
            lines.append(str(sync["error"]))
        return lines

    def last_tables(self) -> list[str]:
        """Return what the last sync moved, as lines."""
        last = self.syncs(1)
        return self.told(last[0]) if last else []

    def _running(self) -> list[str]:
        """The tables that a sync under way has dealt with, where the account tells."""
        last = self.syncs(1)
        done = len(last[0].get("tables") or []) if last and not last[0].get("finished_at") else 0
        return [f"{done} of {len(self.connection.tables)} tables"] if done else []


def _last_end(details: Mapping[str, Any]) -> datetime | None:
    ends = [_moment(details.get(key)) for key in ("succeeded_at", "failed_at")]
    return max((end for end in ends if end is not None), default=None)


def _moment(text: Any) -> datetime | None:
    if not text:
        return None
    found = datetime.fromisoformat(str(text))
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _reasons(status: Mapping[str, Any]) -> str:
    return "; ".join(str(t.get("message") or t.get("code")) for t in status.get("tasks") or [])
