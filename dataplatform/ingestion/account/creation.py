"""Making a connection anew, and letting one go that was made from here and is no longer declared.

Who made a connection is written down before it is made, so that a kill in between loses nothing;
only what is written down there is ever deleted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dataplatform.ingestion.account.changes import Change
from dataplatform.ingestion.account.plan import Account, Listener, Live, Plan, tests_of
from dataplatform.ingestion.account.settings import declared_config, declared_settings
from dataplatform.ingestion.account.steps import choose_tables, run_tests, trust

if TYPE_CHECKING:
    from dataplatform.declarations.connection import Connection


def plan_creation(account: Account, plan: Plan, connection: Connection) -> None:
    """Plan a connection that the account does not have."""
    plan.add(
        [Change("create", "connection", connection.name)],
        lambda listener: _create(account, connection, listener),
    )


def plan_leftover(account: Account, plan: Plan, item: Live, allow_destroy: bool) -> None:
    """Plan what becomes of a connection that no file declares.

    Args:
        account: the account.
        plan: gets the step.
        item: the connection's record.
        allow_destroy: whether one that was made from here may be deleted.
    """
    name = str(item["schema"])
    place = _place(str(item.get("service")), name.split(".")[0])
    note = account.made.content.get(place)
    if note is None or note.get("id") not in (None, item["id"]):
        plan.add([Change("unmanaged", "connection", name)])
        return
    name = str(note.get("name", name))
    if not allow_destroy:
        plan.add([Change("keep", "connection", name)])
        return
    change = Change("delete", "connection", name)

    def act(listener: Listener) -> None:
        listener.change(change)
        account.client.call_connection("DELETE", item["id"])
        account.made.forget(place)

    plan.add([change], act)


def _create(account: Account, connection: Connection, listener: Listener) -> None:
    listener.change(Change("create", "connection", connection.name))
    place = _place(connection.service, connection.destination_schema)
    account.made.update(place, {"name": connection.name, "id": None})
    config = account.resolved(declared_config(connection))
    auth = account.resolved(connection.auth)
    # Paused until its tables are chosen: nothing undeclared may be synced in between.
    item = account.client.call(
        "POST",
        "connections",
        {
            **declared_settings(connection),
            "service": connection.service,
            "group_id": account.group_id,
            "config": config,
            **({"auth": auth} if auth else {}),
            "paused": True,
            "run_setup_tests": True,
            **trust(connection),
        },
    )
    account.made.update(place, {"id": item["id"]})
    account.secrets.remember(connection.name, {**config, **({"auth": auth} if auth else {})})
    for test in tests_of(f"connection {connection.name}", item):
        listener.test(test)
    choose_tables(account, item, connection)
    ready = (item.get("status") or {}).get("setup_state") == "connected"
    if not ready and not run_tests(account, item, connection, listener):
        return
    if not connection.paused:
        account.client.call_connection("PATCH", item["id"], body={"paused": False})


def _place(service: str, schema: str) -> str:
    return f"{service} {schema}"
