"""How a declared connection is recognised in an account: by service and destination schema.

The name of a connection's file is its logical id; an account gives ids of its own, so the two
meet at what cannot change without moving the tables.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dataplatform.declarations.connection import Connection


def destination_config(connection: Connection) -> dict[str, str]:
    """Return the part of the API's ``config`` that names the destination."""
    if connection.prefix:
        return {"schema_prefix": str(connection.prefix)}
    return {"schema": str(connection.schema)}


def matches(item: Mapping[str, Any], connection: Connection) -> bool:
    """Return whether an account's record is that of a declared connection.

    File connectors carry their only table in the name (``schema.table``), so the first part
    counts.
    """
    if item.get("service") != connection.service:
        return False
    wanted = connection.destination_schema
    live = str(item.get("schema", ""))
    return live == wanted or live.split(".")[0] == wanted
