"""The group and its destination: where an account writes what it syncs."""

from __future__ import annotations

from typing import Any

from dataplatform.declarations.errors import UserError
from dataplatform.ingestion.account.changes import Change
from dataplatform.ingestion.account.plan import Account, Listener, Live, Plan, tests_of
from dataplatform.ingestion.account.settings import differences
from dataplatform.resources.fivetran.failure import FivetranFailure


def plan_group(account: Account, plan: Plan) -> None:
    """Plan the group, where the account has none of its name."""
    if account.group_id is not None:
        return
    change = Change("create", "group", account.group)

    def make(listener: Listener) -> None:
        listener.change(change)
        account.group_id = account.client.call("POST", "groups", {"name": account.group})["id"]

    plan.add([change], make)


def plan_destination(account: Account, plan: Plan) -> None:
    """Plan what makes the group's destination the environment's.

    Raises:
        UserError: the group has a destination of another service.
    """
    declared = account.project.environment.fivetran.destination
    live = _live(account)
    if live is None:
        plan.add(
            [Change("create", "destination", account.group)],
            lambda listener: _create(account, listener),
        )
        return
    if live.get("service") != declared.service:
        raise UserError(
            f"The group {account.group!r} has a destination of service {live.get('service')!r}, "
            f"and {account.project.environment.file} declares {declared.service!r}: "
            f"choose another group."
        )
    found = differences(
        declared.config, live.get("config", {}), account.resolved, account.knows("destination")
    )
    changes = [
        Change("change", "destination", account.group, one.path, one.before, one.after)
        for one in found
        if not one.unknown
    ]
    sent = account.resolved({d.key: declared.config[d.key] for d in found if not d.unknown})

    def change(listener: Listener) -> None:
        for one in changes:
            listener.change(one)
        answer = account.client.call(
            "PATCH", f"destinations/{live['id']}", {"config": sent, "run_setup_tests": True}
        )
        account.secrets.remember("destination", sent)
        _tell(account, answer, listener)

    plan.add(changes, change)
    plan.add(
        Change("unknown", "destination", account.group, one.path) for one in found if one.unknown
    )


def _live(account: Account) -> Live | None:
    if account.group_id is None:
        return None
    try:
        return account.client.call("GET", f"destinations/{account.group_id}")
    except FivetranFailure as failure:
        if failure.status != 404:
            raise
        return None


def _create(account: Account, listener: Listener) -> None:
    declared = account.project.environment.fivetran.destination
    listener.change(Change("create", "destination", account.group))
    config = account.resolved(declared.config)
    request: dict[str, Any] = {
        "group_id": account.group_id,
        "service": declared.service,
        "region": "EU",
        "time_zone_offset": "0",
        "config": config,
        "run_setup_tests": True,
    }
    answer = account.client.call("POST", "destinations", request)
    account.secrets.remember("destination", config)
    _tell(account, answer, listener)


def _tell(account: Account, answer: Live, listener: Listener) -> None:
    tests = tests_of(f"destination {account.group}", answer)
    for test in tests:
        listener.test(test)
    failed = [test for test in tests if test.status == "FAILED"]
    if failed:
        raise UserError(
            f"The destination of the group {account.group!r} failed its setup test "
            f"{failed[0].title!r}: {failed[0].message}"
        )
