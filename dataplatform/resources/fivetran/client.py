"""The client that the platform uses: requests to one account, its syncs included.

What is asked for here never changes a connection's schedule, and never stops a sync that runs.
How a sync is awaited is in ``watch``; how requests are made is in ``api``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from dagster_fivetran.types import FivetranOutput

from dataplatform.resources.fivetran.api import ApiClient
from dataplatform.resources.fivetran.failure import FivetranFailure
from dataplatform.resources.fivetran.readable import CONNECTED, Connection, readable_connection
from dataplatform.resources.fivetran.watch import (
    LONGEST_POLL_SECONDS,
    After,
    Patience,
    Watch,
    has_ended,
)


class AccountClient(ApiClient):
    """A client of one account that also syncs.

    Args:
        others: as ``ApiClient`` takes them.
        patience: how long syncs are waited for.
        tell: is given the progress of a sync, a line at a time; Dagster's log by default.
    """

    def __init__(
        self,
        *others: Any,
        patience: Patience | None = None,
        tell: Callable[[str], None] | None = None,
        **named: Any,
    ) -> None:
        super().__init__(*others, **named)
        self.patience = patience or Patience()
        self._tell = tell

    def tell(self, line: str) -> None:
        """Pass on what a person who waits may want to read."""
        (self._tell or self._log.info)(line)

    def look(self, connector_id: str) -> Connection:
        """Return how a connection is now.

        Raises:
            FivetranFailure: it cannot be asked, or its answer cannot be read.
        """
        return readable_connection(self.get_connector_details(connector_id))

    def start_sync(self, connector_id: str) -> None:
        """Ask for a sync; one that runs already is left to run, and the schedule as it is."""
        # Forced, Fivetran would stop a sync that somebody else waits for.
        body = {"force": False}
        self.call_connection("POST", connector_id, "/sync", body, legacy_rest="/force")
        self.tell(f"Asked for a sync of {connector_id!r}.")

    def start_resync(
        self, connector_id: str, resync_parameters: Mapping[str, Sequence[str]] | None = None
    ) -> None:
        """Ask for a new load of a connection's rows.

        Args:
            connector_id: the connection.
            resync_parameters: tables by schema; all where there are none.
        """
        rest = "/resync" if resync_parameters is None else "/schemas/tables/resync"
        self.call_connection("POST", connector_id, rest, resync_parameters or {})
        self.tell(f"Asked for a re-sync of {connector_id!r}.")

    def poll_sync(
        self,
        connector_id: str,
        previous_sync_completed_at: datetime,
        poll_interval: float = LONGEST_POLL_SECONDS,
        poll_timeout: float | None = None,
    ) -> Mapping[str, Any]:
        """Wait until a sync has ended that is newer than the given one.

        A sync that Fivetran put off is asked for again when its time has come, a few times.

        Args:
            connector_id: the connection.
            previous_sync_completed_at: when its last sync had ended before.
            poll_interval: the longest wait between two looks, in seconds; the first are shorter.
            poll_timeout: seconds until waiting is given up; the client's own limit by default.

        Raises:
            FivetranFailure: the sync failed, was put off too long, or did not end in time.
        """
        watch = Watch(self, connector_id, poll_interval, poll_timeout)
        return watch.until_ended(After(previous_sync_completed_at)).details

    def resync_and_poll(
        self,
        connector_id: str,
        poll_interval: float = LONGEST_POLL_SECONDS,
        poll_timeout: float | None = None,
        resync_parameters: Mapping[str, Sequence[str]] | None = None,
    ) -> FivetranOutput | None:
        """Load a connection's rows anew, after any sync that runs; as ``sync_and_poll``."""
        ask = partial(self.start_resync, resync_parameters=resync_parameters)
        return self._sync_and_poll(ask, connector_id, poll_interval, poll_timeout)

    def _sync_and_poll(
        self,
        sync_fn: Callable[..., Any],
        connector_id: str,
        poll_interval: float = LONGEST_POLL_SECONDS,
        poll_timeout: float | None = None,
    ) -> FivetranOutput | None:
        watch = Watch(self, connector_id, poll_interval, poll_timeout)
        before = self._ready(connector_id)
        watch.begin(before)
        joined = False
        if before.syncing:
            # It began before we came, so it may miss rows.
            self.tell(f"A sync of {connector_id!r} is under way; waiting for its end.")
            before = watch.until_told(before)
        if before.syncing:
            # A younger one, which has read all that we came for; or the older one's last moment.
            idle = watch.until_idle(before)
            joined = sync_fn == self.start_sync and has_ended(before, idle)
            before = before if joined else idle
        if not joined:
            self._ask(sync_fn, connector_id)
        ended = watch.until_ended(before)
        # Read afterwards: the first sync makes the schema config complete.
        schemas = self.get_schema_config_for_connector(connector_id)
        return FivetranOutput(ended.details, schemas)

    def _ask(self, sync_fn: Callable[..., Any], connector_id: str) -> None:
        try:
            sync_fn(connector_id=connector_id)
        except FivetranFailure as failure:
            # Somebody was faster: their sync began after we came, so it is ours as well.
            joined = failure.status == 409 and sync_fn == self.start_sync
            if not joined or not self.look(connector_id).syncing:
                raise

    def _ready(self, connector_id: str) -> Connection:
        """Return the connection, able to sync.

        Raises:
            FivetranFailure: it is paused, or not set up and its setup tests say why.
        """
        found = self.look(connector_id)
        page = self.page_of(found.id)
        if found.paused:
            raise FivetranFailure(
                f"The connection {connector_id!r} is paused: set `paused: false` in its file and "
                f"run `dataplatform connections apply`, or resume it at {page}.",
                metadata={"log_url": self.logs_of(found.id)},
                allow_retries=False,
            )
        if found.setup_state == CONNECTED or found.syncing:
            return found
        # It may be mended by now; its setup tests know.
        self.call_connection("POST", connector_id, "/test", {})
        tried = self.look(connector_id)
        if tried.setup_state == CONNECTED:
            return tried
        reasons = "; ".join(tried.reasons or found.reasons)
        state = "broken" if "broken" in (found.setup_state, tried.setup_state) else "not set up"
        raise FivetranFailure(
            f"The connection {connector_id!r} is {state}{f': {reasons}' if reasons else ''}. Mend "
            f"its source or its settings and run `dataplatform connections apply`, or mend it at "
            f"{page}.",
            metadata={"log_url": self.logs_of(found.id)},
            allow_retries=False,
        )
