"""A scripted Fivetran account for tests of the client: one connection that syncs as it is told."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from dataplatform.resources.fivetran.client import AccountClient
from dataplatform.resources.fivetran.transport import Retries
from dataplatform.resources.fivetran.watch import Patience
from dataplatform_tests.resources.scripted_server import Answer, Request

QUICK = Retries(attempts=2, delay=0.01, factor=1.0, timeout=5.0)
BRIEF = Patience(sync=60.0, start=10.0, stop=10.0, outage=10.0, reschedules=2)
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def data(value: Any, **more: Any) -> Answer:
    return Answer({"code": "Success", "data": value}, **more)


def refused(status: int, code: str, message: str = "no") -> Answer:
    return Answer({"code": code, "message": message}, status)


def client(url: str, **more: Any) -> AccountClient:
    return AccountClient(url, "key", "secret", retries=QUICK, **{"patience": BRIEF, **more})


def details(**more: Any) -> dict[str, Any]:
    return {
        "id": "live",
        "schema": "raw_salesforce",
        "service": "salesforce",
        "group_id": "group",
        "paused": False,
        "succeeded_at": None,
        "failed_at": None,
        "status": {"setup_state": "connected", "sync_state": "scheduled", "tasks": []},
        **more,
    }


class Account:
    """One connection; each look at it plays the next of the steps that a test lays down.

    A step is a function that changes the account; without one left, nothing changes any more.
    """

    def __init__(self, *steps: Callable[[Account], None]) -> None:
        self.steps = list(steps)
        self.on_sync: list[Callable[[Account], None]] = []
        self.asked: list[str] = []
        self.bodies: list[Any] = []
        self.answer: Answer | None = None
        self.state, self.setup, self.paused = "scheduled", "connected", False
        self.succeeded: str | None = None
        self.failed: str | None = None
        self.rescheduled: str | None = None
        self.tasks: list[dict[str, str]] = []
        self.tests: list[dict[str, str]] = []
        self.clock = LONG_AGO
        self.skew = timedelta()

    def __call__(self, request: Request) -> Answer:
        if request.path.endswith("/schemas"):
            return data({"schemas": {}})
        verb = request.path.rsplit("/", 1)[-1]
        if request.method == "POST":
            self.asked.append(verb)
            self.bodies.append(request.body)
            if self.on_sync and verb in ("sync", "resync"):
                self.on_sync.pop(0)(self)
            if self.answer is not None:
                answer, self.answer = self.answer, None
                return answer
            return Answer({"code": "Success", "message": "triggered"})
        if self.steps:
            self.steps.pop(0)(self)
        if self.answer is not None:
            answer, self.answer = self.answer, None
            return answer
        return data(self.details())

    def details(self) -> dict[str, Any]:
        return details(
            paused=self.paused,
            created_at=self.shown(LONG_AGO.isoformat()),
            succeeded_at=self.shown(self.succeeded),
            failed_at=self.shown(self.failed),
            setup_tests=self.tests,
            status={
                "setup_state": self.setup,
                "sync_state": self.state,
                "rescheduled_for": self.rescheduled,
                "tasks": self.tasks,
            },
        )

    def shown(self, moment: str | None) -> str | None:
        if moment is None or not self.skew:
            return moment
        return (datetime.fromisoformat(moment) + self.skew).isoformat()

    def tick(self) -> str:
        self.clock += timedelta(minutes=1)
        return self.clock.isoformat()


def nothing(account: Account) -> None:
    """Let a look pass."""


def begin(account: Account) -> None:
    """Begin a sync."""
    assert account.state != "syncing", "two syncs at once"
    account.state = "syncing"


def succeed(account: Account) -> None:
    """End the sync well."""
    account.state, account.succeeded = "scheduled", account.tick()


def fail(account: Account) -> None:
    """End the sync badly."""
    account.state, account.failed = "scheduled", account.tick()
    account.tasks = [{"code": "x", "message": "the source is on fire"}]


def stop(account: Account) -> None:
    """End the sync without a result."""
    account.state = "scheduled"


def pause(account: Account) -> None:
    """Pause the connection."""
    account.state, account.paused = "paused", True


def put_off(seconds: float | None) -> Callable[[Account], None]:
    """Let Fivetran put the sync off."""

    def step(account: Account) -> None:
        account.state = "rescheduled"
        account.rescheduled = (
            None
            if seconds is None
            else (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()
        )

    return step


def answers(*found: Answer) -> list[Callable[[Account], None]]:
    """Let the next looks be answered so."""

    def step(one: Answer) -> Callable[[Account], None]:
        return lambda account: setattr(account, "answer", one)

    return [step(one) for one in found]
