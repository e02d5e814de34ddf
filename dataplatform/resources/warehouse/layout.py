"""The layout of the platform's own tables in the warehouse's schema ``dataplatform``: a number.

It is the name of an empty table, ``layout_1``, so that whoever lists the schema has read it. Where
there is none, the tables are of the first layout, which was written before the number was.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection

from dataplatform.declarations.errors import UserError
from dataplatform.keys import PLATFORM, Relation
from dataplatform.resources.warehouse.interface import Session
from dataplatform.resources.warehouse.swap import Swap

VERSION = 1
"""What this code reads and writes."""
#: What leads to a layout from the one before: statements, each of which may be run twice.
STEPS: dict[int, Callable[[Swap], list[str]]] = {}

_NAME = re.compile(r"layout_(\d+)")


def marker(version: int) -> Relation:
    """Return the table whose name tells a layout."""
    return Relation(PLATFORM, f"layout_{version}")


def check(tables: Collection[str]) -> int:
    """Return the layout that the schema's tables have.

    Args:
        tables: the names in the schema ``dataplatform``, in small letters.

    Raises:
        UserError: a newer version of the platform has written them.
    """
    found = max((int(one[1]) for name in tables if (one := _NAME.fullmatch(name))), default=1)
    if found > VERSION:
        raise UserError(
            f"The platform's own tables in this warehouse (schema {PLATFORM}) have layout {found}, "
            f"of a newer version; this one knows layout {VERSION}. Use the newer image again, or "
            "bring back the schema as it was before the upgrade."
        )
    return found


def ready(session: Session, swap: Swap) -> set[str]:
    """Make the schema, bring older tables to this code's layout, and return the schema's tables.

    Args:
        session: an open one, outside a transaction.
        swap: how the warehouse writes SQL.

    Raises:
        UserError: a newer version of the platform has written them.
    """
    tables = swap.tables(session, PLATFORM)
    found = check(tables)
    if marker(VERSION).table in tables:
        return tables
    if not tables:
        session.execute(swap.schema(PLATFORM))
    for version in range(found + 1, VERSION + 1) if tables else ():
        for statement in STEPS[version](swap):
            session.execute(statement)
    since = f"{swap.column('since')} {swap.text_type}"
    session.execute(f"CREATE TABLE IF NOT EXISTS {swap.name(marker(VERSION))} ({since})")
    # The older markers stay: the highest counts, and an older code finds it and stops.
    return tables
