"""The steps that bring one connection in line: pause, settings, tables, tests, resume.

Making a connection anew is in ``creation``. A step says what it changes before it is carried out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dataplatform.ingestion.account.changes import Change
from dataplatform.ingestion.account.plan import Account, Listener, Live, Plan, tests_of
from dataplatform.ingestion.account.reading import LiveConnection, read_schemas
from dataplatform.ingestion.account.settings import (
    declared_config,
    differences,
    setting_differences,
)
from dataplatform.ingestion.account.tables import TableDifferences, table_differences
from dataplatform.resources.fivetran.failure import FivetranFailure

if TYPE_CHECKING:
    from dataplatform.declarations.connection import Connection


def plan_connection(
    account: Account, plan: Plan, connection: Connection, live: LiveConnection
) -> None:
    """Plan what brings an existing connection in line with its file.

    A pause comes first and a resume last: nothing is synced while its tables are chosen.
    """
    item = live.item
    paused = bool(item.get("paused"))
    if connection.paused and not paused:
        _pause(account, plan, connection, item)
    _settings(account, plan, connection, item)
    _tables(account, plan, connection, item, table_differences(connection, live.schemas))
    _setup(account, plan, connection, item)
    if paused and not connection.paused:
        _pause(account, plan, connection, item)


def trust(connection: Connection) -> dict[str, bool]:
    """Return what a setup test is told to take for the source's own."""
    return {
        "trust_certificates": connection.trust.certificates,
        "trust_fingerprints": connection.trust.fingerprints,
    }


def _pause(account: Account, plan: Plan, connection: Connection, item: Live) -> None:
    change = Change(
        "pause" if connection.paused else "resume",
        "connection",
        connection.name,
        "paused",
        not connection.paused,
        connection.paused,
    )

    def act(listener: Listener) -> None:
        listener.change(change)
        account.client.call_connection("PATCH", item["id"], body={"paused": connection.paused})

    plan.add([change], act)


def _settings(account: Account, plan: Plan, connection: Connection, item: Live) -> None:
    name, declared = connection.name, declared_config(connection)
    knows = account.knows(name)
    config = differences(declared, item.get("config", {}), account.resolved, knows)
    auth = differences(
        {"auth": connection.auth} if connection.auth else {},
        {},
        account.resolved,
        account.knows_hidden(name, f"{connection.service} {connection.destination_schema}"),
        hidden=True,
    )
    changes = [
        Change("change", "connection", name, prefix + one.path, one.before, one.after)
        for prefix, found in (("config.", config), ("", auth))
        for one in found
        if not one.unknown
    ]
    request: dict[str, Any] = setting_differences(connection, item)
    changes += [
        Change("change", "connection", name, field, item.get(field), value)
        for field, value in request.items()
    ]
    sent = account.resolved({d.key: declared[d.key] for d in config if not d.unknown})
    if sent:
        request["config"] = sent
    if any(not one.unknown for one in auth):
        request["auth"] = account.resolved(connection.auth)
    if sent or "auth" in request:
        request |= {"run_setup_tests": True, **trust(connection)}

    def act(listener: Listener) -> None:
        for change in changes:
            listener.change(change)
        answer = account.client.call_connection("PATCH", item["id"], body=request)
        remembered = {**sent, **({"auth": request["auth"]} if "auth" in request else {})}
        if remembered:
            account.secrets.remember(name, remembered)
            for test in tests_of(f"connection {name}", answer):
                listener.test(test)

    plan.add(changes, act)
    plan.add(
        Change("unknown", "connection", name, prefix + one.path)
        for prefix, found in (("config.", config), ("", auth))
        for one in found
        if one.unknown
    )


def _tables(
    account: Account, plan: Plan, connection: Connection, item: Live, found: TableDifferences
) -> None:
    def act(listener: Listener) -> None:
        if found.missing:
            # Made in the source since the account last looked, or the account never looked.
            choose_tables(account, item, connection, listener)
            return
        for change in found.changes:
            listener.change(change)
        account.client.call_connection("PATCH", item["id"], "/schemas", found.request)

    plan.add(found.changes, act)


def choose_tables(
    account: Account, item: Live, connection: Connection, listener: Listener | None = None
) -> None:
    """Let the account look at the source anew, then choose the declared tables.

    What the source does not offer is one of the account's troubles.
    """
    try:
        account.client.call_connection("POST", item["id"], "/schemas/reload", {})
        found = table_differences(connection, read_schemas(account.client, item["id"], connection))
    except FivetranFailure as failure:
        account.troubles.append(
            f"The tables of connection {connection.name!r} cannot be read: {failure}"
        )
        return
    missing = {str(relation) for relation in found.missing}
    if found.missing:
        names = ", ".join(table.name for table in found.missing.values())
        account.troubles.append(
            f"{connection.file}: the source of {connection.name!r} offers no {names}."
        )
    if found.request:
        for change in found.changes:
            if listener is not None and change.name not in missing:
                listener.change(change)
        account.client.call_connection("PATCH", item["id"], "/schemas", found.request)


def _setup(account: Account, plan: Plan, connection: Connection, item: Live) -> None:
    state = (item.get("status") or {}).get("setup_state")
    if state == "connected":
        return
    change = Change("test", "connection", connection.name, "setup_state", state, "connected")

    def act(listener: Listener) -> None:
        listener.change(change)
        run_tests(account, item, connection, listener)

    plan.add([change], act)


def run_tests(account: Account, item: Live, connection: Connection, listener: Listener) -> bool:
    """Run a connection's setup tests and return whether it is set up; else it is a trouble."""
    details = account.client.call_connection("POST", item["id"], "/test", trust(connection))
    for test in tests_of(f"connection {connection.name}", details):
        listener.test(test)
    status = details.get("status") or {}
    if status.get("setup_state") == "connected":
        return True
    reasons = "; ".join(str(task.get("message")) for task in status.get("tasks", []))
    account.troubles.append(
        f"{connection.file}: the connection {connection.name!r} is not set up: "
        f"{reasons or status.get('setup_state')}"
    )
    return False
