"""Planning what differs between the declared connections and an account, and applying it.

Applying carries out exactly the steps of a plan. What was done stays done: a plan made after a
failure in the middle holds what is left, and applying twice changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from dataplatform.declarations.errors import UserError
from dataplatform.ingestion.account.changes import Change
from dataplatform.ingestion.account.creation import plan_creation, plan_leftover
from dataplatform.ingestion.account.destination import plan_destination, plan_group
from dataplatform.ingestion.account.plan import Account, Listener, Plan
from dataplatform.ingestion.account.reading import read_connection, together
from dataplatform.ingestion.account.steps import plan_connection
from dataplatform.ingestion.account.webhooks import plan_webhook
from dataplatform.resources.fivetran.workspace import find_connection, find_group, open_client

if TYPE_CHECKING:
    from dataplatform.declarations.project import Project
    from dataplatform.resources.fivetran.client import AccountClient


def make_plan(account: Account, *, allow_destroy: bool = False) -> Plan:
    """Read an account and return what brings it in line with what is declared.

    Args:
        account: the account and the project.
        allow_destroy: whether connections that were made from here and whose files are gone are
            deleted; without it they are kept, and told.

    Raises:
        UserError: the account cannot be reached, or a secret that must be compared is not set.
    """
    plan = Plan()
    group = find_group(account.client, account.group)
    account.group_id = str(group["id"]) if group else None
    plan_group(account, plan)
    plan_destination(account, plan)
    client = account.client
    items = list(client.list_connectors_for_group(str(account.group_id))) if group else []
    declared = account.project.connections
    pairs = [(connection, find_connection(items, connection)) for connection in declared]
    found = [(connection, item) for connection, item in pairs if item is not None]
    read = together(lambda pair: read_connection(client, pair[1], pair[0]), found)
    live = {connection.name: one for (connection, _), one in zip(found, read, strict=True)}
    for connection in declared:
        if connection.name in live:
            plan_connection(account, plan, connection, live[connection.name])
        else:
            plan_creation(account, plan, connection)
    managed = {item["id"] for _, item in found}
    for item in items:
        if item["id"] not in managed:
            plan_leftover(account, plan, item, allow_destroy)
    plan_webhook(account, plan)
    return plan


def carry_out(account: Account, plan: Plan, listener: Listener | None = None) -> None:
    """Do what a plan says.

    Args:
        account: the account that the plan was made of.
        plan: its steps.
        listener: told of each change when it is made, and of each setup test.

    Raises:
        UserError: the account refuses, a secret is not set, a setup test failed, or a declared
            table is not in the source. What was done before stays.
    """
    told = listener or Listener()
    for step in plan.steps:
        if step.act is not None:
            step.act(told)
    if account.troubles:
        raise UserError(" ".join(account.troubles))


def plan_connections(
    project: Project, client: AccountClient | None = None, *, rotate: bool = False
) -> list[Change]:
    """Return what applying would change, and what the account holds that no file declares.

    Args:
        project: whose connections are declared.
        client: the account; the environment's by default.
        rotate: whether every secret is to be sent anew.

    Raises:
        UserError: the account cannot be reached, or a secret is not set.
    """
    return make_plan(Account(project, client or open_client(project), rotate)).changes


def apply_connections(
    project: Project,
    client: AccountClient | None = None,
    tell: Callable[[Change], None] = lambda change: None,
) -> list[Change]:
    """Make the account hold the declared connections, and return what was changed.

    Nothing is deleted.

    Args:
        project: whose connections are declared.
        client: the account; the environment's by default.
        tell: called with each change when it is made.

    Raises:
        UserError: as ``make_plan`` and ``carry_out`` say.
    """
    account = Account(project, client or open_client(project))
    plan = make_plan(account)
    carry_out(account, plan, Listener(change=tell))
    return [change for change in plan.pending if change.action != "keep"]
