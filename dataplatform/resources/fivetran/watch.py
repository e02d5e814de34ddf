"""Waiting for a connection's sync: every wait has a limit, and every end a reason.

A sync has ended when the account's times of its last success or failure have changed; their order
is not asked, since clocks are put right; a clock that moves meanwhile is known by the time at which
the connection was made. Asking for a sync is the work of ``client``.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from dagster import MetadataValue

from dataplatform.resources.fivetran.failure import FivetranFailure
from dataplatform.resources.fivetran.readable import Connection

if TYPE_CHECKING:
    from dataplatform.resources.fivetran.client import AccountClient

LONGEST_POLL_SECONDS = 10.0
_FIRST_POLL_SECONDS = 0.1
# Looking this much later than a sync's end, at most, as a share of its duration.
_LATENESS = 0.1
# When progress is told first, and how often afterwards, in seconds.
_FIRST_TOLD = 5.0
_TOLD_EVERY = 60.0


@dataclass(frozen=True)
class Patience:
    """How long things may take, in seconds.

    Attributes:
        sync: a sync, from asking to its end, with all that it waits for.
        start: from asking until it is seen to run.
        stop: from the end of running until its result is told.
        outage: how long the API may not answer while a sync runs.
        reschedules: how often a sync that was put off is asked for again.
    """

    sync: float = 6 * 3600.0
    start: float = 600.0
    stop: float = 60.0
    outage: float = 300.0
    reschedules: int = 3


@dataclass(frozen=True)
class After:
    """Any sync that ends later than a moment."""

    moment: datetime


class Watch:
    """One wait for one connection.

    Args:
        client: asks the account.
        name: the connection, by the id it is spoken of.
        interval: the longest time between two looks, in seconds.
        limit: seconds in all; the client's patience by default.
    """

    def __init__(
        self, client: AccountClient, name: str, interval: float, limit: float | None
    ) -> None:
        self._client, self._name, self._interval = client, name, interval
        self._patience = client.patience
        self._limit = self._patience.sync if limit is None else limit
        self._began = time.monotonic()
        self._next_told = _FIRST_TOLD
        self._silent_since: float | None = None
        self._created_at: datetime | None = None

    def begin(self, first: Connection) -> None:
        """Take a look that was made before as the first; times are told by its clock."""
        self._created_at = first.created_at

    @property
    def passed(self) -> float:
        """Seconds since the wait began."""
        return time.monotonic() - self._began

    def until_told(self, running: Connection) -> Connection:
        """Wait until the sync that runs is over: its end is told, or nothing runs any more."""
        while True:
            found = self._look(running)
            if not found.syncing or has_ended(running, found):
                return found
            self._pause(found)

    def until_idle(self, found: Connection) -> Connection:
        """Wait until no sync runs, whichever it is."""
        while found.syncing:
            self._pause(found)
            found = self._look(found)
        return found

    def until_ended(self, before: Connection | After) -> Connection:
        """Wait until a sync that was asked for has ended well.

        Args:
            before: the connection as it was, or the time after which an end counts.

        Raises:
            FivetranFailure: it failed, stopped, never began, was put off too often or too long,
                or did not end in time.
        """
        known = before if isinstance(before, Connection) else None
        seen_running = False
        quiet_since: float | None = None
        asked_again, ask_at = 0, None
        while True:
            found = self._look(known)
            if _ended(before, found):
                if _succeeded(known, found):
                    return found
                raise self._failure(found, f"failed{_because(found)}", retried=True)
            if found.paused:
                raise self._failure(found, "was stopped: somebody paused the connection")
            if found.put_off:
                quiet_since = None
                if ask_at is None:
                    ask_at = self._put_off(found, asked_again)
                if time.monotonic() >= ask_at:
                    self._client.start_sync(self._name)
                    asked_again, ask_at = asked_again + 1, None
            elif found.syncing:
                seen_running, quiet_since, ask_at = True, None, None
            else:
                quiet_since = quiet_since or time.monotonic()
                patience = self._patience.stop if seen_running else self._patience.start
                if time.monotonic() - quiet_since > patience:
                    what = "stopped without a result" if seen_running else "did not begin"
                    raise self._failure(found, f"{what} within {patience:g} s", retried=True)
            self._pause(found, ask_at)

    def _put_off(self, found: Connection, asked_again: int) -> float:
        """Return when a sync that was put off is asked for again, by the monotonic clock."""
        if asked_again >= self._patience.reschedules:
            raise self._failure(
                found,
                f"was put off by Fivetran again after it was asked for {asked_again + 1} times",
            )
        moment = found.rescheduled_for
        wait = 0.0 if moment is None else (moment - datetime.now(UTC)).total_seconds()
        # A little more each time: a time that has passed already is no reason to hurry.
        wait = max(wait, _FIRST_POLL_SECONDS * 2**asked_again)
        if self.passed + wait > self._limit:
            raise self._failure(
                found,
                f"was put off by Fivetran until {moment}, longer than the {self._limit:g} s that "
                f"it may take",
            )
        until = "a little later" if moment is None else f"{moment:%Y-%m-%d %H:%M:%S} UTC"
        self._client.tell(
            f"Fivetran put the sync of {self._name!r} off until {until}; asking again in "
            f"{wait:.0f} s."
        )
        return time.monotonic() + wait

    def _look(self, known: Connection | None) -> Connection:
        """Return the connection; an API that does not answer for a while is borne."""
        while True:
            try:
                found = self._client.look(self._name)
            except FivetranFailure as failure:
                now = time.monotonic()
                self._silent_since = self._silent_since or now
                if not failure.passing or now - self._silent_since > self._patience.outage:
                    raise
                self._client.tell(f"{failure.description} Still waiting for {self._name!r}.")
                self._pause(known)
            else:
                self._silent_since = None
                self._created_at = self._created_at or found.created_at
                return found.by_clock_of(self._created_at)

    def _pause(self, found: Connection | None, wake_at: float | None = None) -> None:
        passed = self.passed
        if passed >= self._limit:
            state = f" (its state is {found.sync_state!r})" if found else ""
            raise self._failure(found, f"did not end within {self._limit:g} s{state}")
        if passed >= self._next_told:
            self._next_told = passed + min(max(passed, _FIRST_TOLD), _TOLD_EVERY)
            state = found.sync_state if found else "unknown"
            self._client.tell(f"Waiting for {self._name!r} for {passed:.0f} s: {state}.")
        wait = min(max(_FIRST_POLL_SECONDS, passed * _LATENESS), self._interval)
        if wake_at is not None:
            wait = min(wait, max(0.0, wake_at - time.monotonic()))
        time.sleep(min(wait, self._limit - passed))

    def _failure(
        self, found: Connection | None, what: str, *, retried: bool = False
    ) -> FivetranFailure:
        if found is None:
            return FivetranFailure(f"The sync of connection {self._name!r} {what}.")
        logs = self._client.logs_of(found.id)
        return FivetranFailure(
            f"The sync of connection {self._name!r} {what}; see {logs}.",
            metadata={
                "connector_details": MetadataValue.json(dict(found.details)),
                "log_url": MetadataValue.url(logs),
            },
            allow_retries=retried,
        )


def has_ended(before: Connection, found: Connection) -> bool:
    """Tell whether a sync has ended between two looks; a time that is gone tells of none."""
    return (found.succeeded_at is not None and found.succeeded_at != before.succeeded_at) or (
        found.failed_at is not None and found.failed_at != before.failed_at
    )


def _ended(before: Connection | After, found: Connection) -> bool:
    if isinstance(before, After):
        return found.last_ended > before.moment
    return has_ended(before, found)


def _succeeded(before: Connection | None, found: Connection) -> bool:
    if found.succeeded_at is None or found.failed_at is None:
        return found.failed_at is None
    if before is not None and found.failed_at == before.failed_at:
        return True
    if before is not None and found.succeeded_at == before.succeeded_at:
        return False
    return found.succeeded_at > found.failed_at


def _because(found: Connection) -> str:
    return f": {'; '.join(found.reasons)}" if found.reasons else ""
