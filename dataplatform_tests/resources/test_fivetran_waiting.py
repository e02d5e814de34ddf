"""Waiting for syncs that begin, end, fail, stop or are put off at every awkward moment."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from dataplatform.resources.fivetran.failure import FivetranFailure
from dataplatform.resources.fivetran.watch import Patience
from dataplatform_tests.resources.fivetran_script import (
    BRIEF,
    LONG_AGO,
    Account,
    answers,
    begin,
    client,
    fail,
    nothing,
    pause,
    put_off,
    refused,
    stop,
    succeed,
)
from dataplatform_tests.resources.scripted_server import Answer, scripted

Step = Callable[[Account], None]


def sync(account: Account, **more: Any) -> tuple[Any, list[str]]:
    """Sync through the client; return what came out and what was told."""
    told: list[str] = []
    with scripted(account) as server:
        return client(server.url, tell=told.append, **more).sync_and_poll("live"), told


def at_sync(account: Account, *steps: Step) -> Account:
    """Let a sync begin when it is asked for, and go on by these looks."""

    def asked(it: Account) -> None:
        begin(it)
        it.steps = list(steps)

    account.on_sync.append(asked)
    return account


def test_one_sync_is_asked_for_and_no_running_one_is_ever_stopped() -> None:
    account = at_sync(Account(), nothing, nothing, succeed)
    found, _ = sync(account)
    assert found.connector_details["succeeded_at"] == account.succeeded
    assert account.asked == ["sync"]
    assert account.bodies == [{"force": False}]


def test_a_sync_that_is_slow_to_begin_is_waited_for() -> None:
    account = Account()
    account.on_sync.append(lambda it: it.steps.extend([nothing, begin, succeed]))
    found, _ = sync(account)
    assert found.connector_details["succeeded_at"] == account.succeeded


def test_a_sync_between_two_looks_is_noticed() -> None:
    account = Account()
    account.on_sync.append(succeed)
    assert sync(account)[0].connector_details["succeeded_at"] == account.succeeded


# Somebody else's syncs


def test_an_older_sync_is_awaited_and_followed_by_exactly_one() -> None:
    account = at_sync(Account(begin, nothing, nothing, succeed), nothing, succeed)
    found, told = sync(account)
    assert account.asked == ["sync"]
    assert found.connector_details["succeeded_at"] == account.succeeded
    assert account.clock > LONG_AGO and "under way" in told[0]


@pytest.mark.parametrize("end", [fail, stop])
def test_an_older_sync_may_end_badly_and_ours_still_runs(end: Step) -> None:
    account = at_sync(Account(begin, nothing, end), succeed)
    found, _ = sync(account)
    assert account.asked == ["sync"]
    assert found.connector_details["succeeded_at"] == account.succeeded


def test_a_younger_sync_is_joined_and_none_is_asked_for() -> None:
    def next_one(account: Account) -> None:
        succeed(account)
        begin(account)

    account = Account(begin, nothing, next_one, nothing, succeed)
    found, _ = sync(account)
    assert account.asked == []
    assert found.connector_details["succeeded_at"] == account.succeeded


def test_a_younger_sync_that_fails_is_ours_and_fails_us() -> None:
    def next_one(account: Account) -> None:
        succeed(account)
        begin(account)

    with pytest.raises(FivetranFailure, match="failed: the source is on fire"):
        sync(Account(begin, next_one, nothing, fail))


def test_the_last_moment_of_an_older_sync_is_not_taken_for_a_younger_one() -> None:
    def ended_but_still_shown(account: Account) -> None:
        succeed(account)
        account.state = "syncing"

    account = at_sync(Account(begin, ended_but_still_shown, nothing, stop), nothing, succeed)
    sync(account)
    assert account.asked == ["sync"]


def test_somebody_who_was_faster_is_joined() -> None:
    account = Account()

    def refuse(it: Account) -> None:
        begin(it)
        it.answer = refused(409, "Conflict", "is syncing already")
        it.steps = [nothing, nothing, succeed]

    account.on_sync.append(refuse)
    found, _ = sync(account)
    assert account.asked == ["sync"]
    assert found.connector_details["succeeded_at"] == account.succeeded


def test_a_refusal_for_another_reason_is_told() -> None:
    account = Account()
    account.on_sync.append(lambda it: setattr(it, "answer", refused(409, "Conflict", "not now")))
    with pytest.raises(FivetranFailure, match="409 Conflict: not now"):
        sync(account)


def test_a_resync_joins_nobody() -> None:
    def next_one(account: Account) -> None:
        succeed(account)
        begin(account)

    account = at_sync(Account(begin, next_one, nothing, succeed), nothing, succeed)
    with scripted(account) as server:
        client(server.url).resync_and_poll("live", resync_parameters={"public": ["orders"]})
    assert account.asked == ["resync"]
    assert account.bodies == [{"public": ["orders"]}]


# Ends that are no success


def test_a_failed_sync_gives_its_reason_and_its_log() -> None:
    with pytest.raises(FivetranFailure, match="failed: the source is on fire; see http") as caught:
        sync(at_sync(Account(), nothing, fail))
    assert "/v1/local/connections/live/syncs" in str(caught.value.metadata["log_url"].value)
    assert caught.value.allow_retries


def test_a_sync_that_stops_without_a_result_is_told() -> None:
    with pytest.raises(FivetranFailure, match=r"stopped without a result within 0\.3 s"):
        sync(at_sync(Account(), nothing, stop), patience=Patience(stop=0.3))


def test_a_sync_that_never_begins_is_told() -> None:
    with pytest.raises(FivetranFailure, match=r"did not begin within 0\.4 s"):
        sync(Account(), patience=Patience(start=0.4))


def test_a_sync_that_never_ends_is_given_up() -> None:
    with pytest.raises(FivetranFailure, match=r"did not end within 0\.5 s .*'syncing'"):
        sync(at_sync(Account()), patience=Patience(sync=0.5))


def test_an_older_sync_that_never_ends_is_given_up() -> None:
    with pytest.raises(FivetranFailure, match=r"did not end within 0\.5 s"):
        sync(Account(begin), patience=Patience(sync=0.5))


def test_a_connection_that_is_paused_meanwhile_is_told() -> None:
    with pytest.raises(FivetranFailure, match="somebody paused the connection"):
        sync(at_sync(Account(), nothing, pause))


def test_a_connection_that_is_deleted_meanwhile_is_told() -> None:
    gone = answers(refused(404, "NotFound_Connection", "Cannot find connection"))
    with pytest.raises(FivetranFailure, match="404 NotFound_Connection: Cannot find connection"):
        sync(at_sync(Account(), nothing, *gone))


def test_a_paused_connection_says_what_to_do_and_is_not_tried_again() -> None:
    account = Account(pause)
    with pytest.raises(FivetranFailure, match="is paused: set `paused: false`") as caught:
        sync(account)
    assert account.asked == [] and not caught.value.allow_retries


@pytest.mark.parametrize(
    ("state", "said"), [("broken", "is broken: the key was revoked"), ("incomplete", "not set up")]
)
def test_a_connection_that_is_not_well_is_tested_and_says_why(state: str, said: str) -> None:
    account = Account()
    account.setup = state
    account.tests = [{"title": "Key", "status": "FAILED", "message": "the key was revoked"}]
    with pytest.raises(FivetranFailure, match=said) as caught:
        sync(account)
    assert account.asked == ["test"]
    assert "connections apply" in str(caught.value) and "revoked" in str(caught.value)


def test_a_connection_that_is_mended_is_synced() -> None:
    account = Account(nothing, lambda it: setattr(it, "setup", "connected"))
    account.setup = "broken"
    at_sync(account, nothing, succeed)
    sync(account)
    assert account.asked == ["test", "sync"]


# Clocks that are put right


def test_an_end_in_the_past_counts() -> None:
    account = Account()
    account.failed = "2031-01-01T00:00:00+00:00"
    at_sync(account, nothing, succeed)
    assert sync(account)[0].connector_details["succeeded_at"] < account.failed


def test_a_failure_in_the_past_counts() -> None:
    account = Account()
    account.succeeded = "2031-01-01T00:00:00+00:00"
    with pytest.raises(FivetranFailure, match="failed: the source is on fire"):
        sync(at_sync(account, nothing, fail))


def test_a_time_that_is_forgotten_is_no_end() -> None:
    account = Account()
    account.succeeded = "2021-01-01T00:00:00+00:00"
    at_sync(account, lambda it: setattr(it, "succeeded", None), nothing, succeed)
    assert sync(account)[0].connector_details["succeeded_at"] == account.succeeded


@pytest.mark.parametrize("hours", [1, -1])
def test_a_clock_that_moves_while_a_sync_runs_ends_nothing(hours: int) -> None:
    account = Account()
    account.succeeded = "2021-01-01T00:00:00+00:00"

    def moved(it: Account) -> None:
        it.skew = timedelta(hours=hours)

    def put_right(it: Account) -> None:
        it.skew = timedelta()

    at_sync(account, nothing, moved, nothing, put_right, nothing, succeed)
    found, _ = sync(account)
    assert found.connector_details["succeeded_at"] == account.succeeded == account.clock.isoformat()
    assert account.steps == []


def test_a_time_without_a_zone_is_utc() -> None:
    account = Account()
    account.succeeded = "2021-01-01T00:00:00"
    with scripted(account) as server:
        found = client(server.url).look("live")
    assert found.succeeded_at == datetime.fromisoformat("2021-01-01T00:00:00+00:00")


# Put off


@pytest.mark.parametrize("seconds", [0.2, -3600.0, None])
def test_a_sync_that_was_put_off_is_asked_for_again_when_its_time_has_come(
    seconds: float | None,
) -> None:
    account = Account()
    account.on_sync.append(put_off(seconds))
    at_sync(account, nothing, succeed)
    _, told = sync(account)
    assert account.asked == ["sync", "sync"]
    assert any("put the sync of 'live' off" in line for line in told)


def test_a_sync_that_is_put_off_again_and_again_is_given_up() -> None:
    account = Account()
    account.on_sync = [put_off(0.05)] * 10
    with pytest.raises(FivetranFailure, match="put off by Fivetran again after"):
        sync(account)
    assert account.asked == ["sync"] * (1 + BRIEF.reschedules)


def test_a_sync_that_is_put_off_for_too_long_is_told_at_once() -> None:
    account = Account()
    account.on_sync.append(put_off(7200))
    with pytest.raises(FivetranFailure, match=r"longer than the 60 s that it may take"):
        sync(account)
    assert account.asked == ["sync"]


def test_a_sync_that_was_put_off_and_begins_by_itself_is_not_asked_for_again() -> None:
    account = Account()

    def by_itself(it: Account) -> None:
        it.rescheduled = None
        begin(it)

    def asked(it: Account) -> None:
        put_off(2)(it)
        it.steps = [nothing, by_itself, nothing, succeed]

    account.on_sync.append(asked)
    sync(account)
    assert account.asked == ["sync"]


# An API that is away while a sync runs


@pytest.mark.parametrize(
    "away",
    [
        refused(500, "Error"),
        refused(503, "Unavailable"),
        Answer("<html>"),
        Answer({"data": {"id": "live"}}),
    ],
)
def test_an_api_that_is_away_for_a_while_is_borne(away: Answer) -> None:
    account = at_sync(Account(), nothing, *answers(*[away] * 3), nothing, succeed)
    found, told = sync(account)
    assert found.connector_details["succeeded_at"] == account.succeeded
    assert account.asked == ["sync"]
    assert any("Still waiting" in line for line in told)


def test_an_api_that_stays_away_is_told() -> None:
    account = at_sync(Account(), *answers(*[refused(500, "Error", "down")] * 500))
    with pytest.raises(FivetranFailure, match="500 Error: down"):
        sync(account, patience=Patience(outage=0.5))


def test_credentials_that_are_revoked_meanwhile_are_told_at_once() -> None:
    account = at_sync(Account(), *answers(refused(401, "AuthFailed")))
    with pytest.raises(FivetranFailure, match="api_key and api_secret"):
        sync(account)


def test_progress_is_told_while_a_sync_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dataplatform.resources.fivetran.watch._FIRST_TOLD", 0.2)
    account = at_sync(Account(), *[nothing] * 6, succeed)
    _, told = sync(account)
    assert told[0] == "Asked for a sync of 'live'."
    assert any(line.startswith("Waiting for 'live' for ") for line in told)
    assert told[-1].endswith(": syncing.")


def test_a_wait_for_a_newer_sync_than_one_knows() -> None:
    account = Account(nothing, begin, nothing, succeed)
    with scripted(account) as server:
        found = client(server.url).poll_sync("live", LONG_AGO)
    assert found["succeeded_at"] == account.succeeded
    assert account.asked == []
