"""Reading an account, planning what differs from the declared connections, and applying it.

Applying looks again at every step and does only what is missing, so it can be repeated after a
failure in the middle, and applying twice changes nothing. Nothing is ever deleted.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from dataplatform.declarations.errors import UserError
from dataplatform.ingestion.account import settling
from dataplatform.ingestion.account.changes import Change
from dataplatform.ingestion.account.destination import bring_destination
from dataplatform.ingestion.account.passing import Pass
from dataplatform.resources.fivetran.workspace import find_connection, find_group, open_client

if TYPE_CHECKING:
    from dataplatform.declarations.project import Project
    from dataplatform.resources.fivetran.client import AccountClient


def plan_connections(project: Project, client: AccountClient | None = None) -> list[Change]:
    """Return what applying would change, and what the account holds that no file declares.

    Args:
        project: whose connections are declared.
        client: the account; the environment's by default.

    Raises:
        UserError: the account cannot be reached, or a secret is not set.
    """
    one = Pass(project, client or open_client(project), changing=False)
    _run(one)
    return one.changes


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
    one = Pass(project, client or open_client(project), changing=True, tell=tell)
    _run(one)
    if one.troubles:
        raise UserError(" ".join(one.troubles))
    return [change for change in one.changes if change.action != "unmanaged"]


def _run(one: Pass) -> None:
    group = find_group(one.client, one.group)
    if group is None:
        one.found(Change("create", "group", one.group))
        if one.changing:
            group = one.client.call("POST", "groups", {"name": one.group})
    bring_destination(one, group)
    live = list(one.client.list_connectors_for_group(group["id"])) if group else []
    managed = set()
    for connection in one.project.connections:
        item = find_connection(live, connection)
        if item is None:
            item = settling.create(one, group, connection)
        else:
            managed.add(item["id"])
            settling.change(one, item, connection)
        if item is not None:
            settling.choose_tables(one, item, connection)
            settling.finish(one, item, connection)
    for item in live:
        if item["id"] not in managed:
            one.changes.append(Change("unmanaged", "connection", str(item["schema"])))
