"""Reading an account: its connections with their settings and their schema configs.

Many connections are read at a time, a few requests in flight. Nothing is compared here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from dataplatform.ingestion.account.tables import live_tables, needs_columns
from dataplatform.resources.fivetran.failure import FivetranFailure

if TYPE_CHECKING:
    from dataplatform.declarations.connection import Connection
    from dataplatform.resources.fivetran.client import AccountClient

_IN_FLIGHT = 8
One = TypeVar("One")
Other = TypeVar("Other")


@dataclass(frozen=True)
class LiveConnection:
    """A connection as the account holds it.

    Attributes:
        item: its record, config included.
        schemas: its schema config; empty where the account has looked at the source not yet.
    """

    item: Mapping[str, Any]
    schemas: Mapping[str, Any]


def read_connection(
    client: AccountClient, item: Mapping[str, Any], connection: Connection
) -> LiveConnection:
    """Return a connection with all that its file may speak of.

    Args:
        client: the account.
        item: its record as a list showed it; some accounts leave the config out there.
        connection: the declared one.
    """
    if "config" not in item:
        item = client.get_connector_details(item["id"])
    return LiveConnection(item, read_schemas(client, str(item["id"]), connection))


def read_schemas(client: AccountClient, live_id: str, connection: Connection) -> dict[str, Any]:
    """Return a connection's schema config, with the columns of tables that speak of them."""
    config = dict(client.get_schema_config_for_connector(live_id, False))
    for schema, name, relation, entry in live_tables(connection, config):
        table = connection.table(relation)
        if table is None or not needs_columns(connection, table):
            continue
        known = {str(c.get("name_in_destination")) for c in (entry.get("columns") or {}).values()}
        if not {*table.columns, *table.excluded} <= known:
            # An account lists a table's columns in full only where it is asked for them.
            columns = read_columns(client, live_id, schema, name)
            config["schemas"][schema]["tables"][name] = {**entry, "columns": columns}
    return config


def read_columns(
    client: AccountClient, live_id: str, schema: str, table: str
) -> dict[str, Mapping[str, Any]]:
    """Return a table's columns by their names in the source; none where they are not known."""
    try:
        answer = client.call_connection("GET", live_id, f"/schemas/{schema}/tables/{table}/columns")
    except FivetranFailure as failure:
        if failure.status != 404:
            raise
        return {}
    columns = answer.get("columns")
    return dict(columns) if isinstance(columns, Mapping) else {}


def together(read: Callable[[One], Other], items: Iterable[One]) -> list[Other]:
    """Return what reading each item gives, in order, a few at a time."""
    with ThreadPoolExecutor(_IN_FLIGHT, thread_name_prefix="account") as pool:
        return list(pool.map(read, items))
