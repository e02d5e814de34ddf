"""The rehearsal company: every raw table of the demo's connections, on any day of its past.

A file of its own holds all that will ever happen; views over it say what a sync at the moment
``synced_at`` would have brought. Every value follows from a row's number, so the same day always
holds the same rows. What a day is like is the business of ``seasons``; the rows' SQL is in
``company_shop`` and ``company_others``.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from dataplatform.keys import Relation
from dataplatform.rehearsal.company_others import OTHER_MASTERS, OTHER_TABLES
from dataplatform.rehearsal.company_shop import SHOP_MASTERS, SHOP_TABLES
from dataplatform.rehearsal.seasons import calendar_sql

if TYPE_CHECKING:
    import duckdb

#: Days of business before the first day that is looked at.
BACKLOG_DAYS = 60
#: What the company's file is called wherever it is attached: its name without the suffix.
CATALOG = "company"
TABLES = {**SHOP_TABLES, **OTHER_TABLES}

# A number in [0, 1) that a field of a row always throws; the same in every process.
_CHANCE = """
    create or replace macro chance(field, number) as
    (hash(field || ':' || cast(number as varchar)) >> 11) / 9007199254740992.0
"""
_PICK = """
    create or replace macro pick(words, field, number) as
    words[1 + cast(floor(len(words) * chance(field, number)) as integer)]
"""


def relations() -> list[Relation]:
    """Return the raw tables of the rehearsal company."""
    return [Relation(*name.split(".")) for name in TABLES]


def make(connection: duckdb.DuckDBPyConnection, now: datetime, days: int) -> None:
    """Make everything that happens to the company until now, in the connection's own database.

    Args:
        connection: of an empty file that is called ``company``.
        now: its last moment.
        days: how many days before it can be looked at.
    """
    last = now.date()
    first = last - timedelta(days=days + BACKLOG_DAYS)
    connection.execute(_CHANCE)
    connection.execute(_PICK)
    connection.execute(calendar_sql(first, last))
    for statement in (*SHOP_MASTERS, *OTHER_MASTERS):
        connection.execute(statement)
    at(connection, now)
    for schema in sorted({name.split(".")[0] for name in TABLES}):
        connection.execute(f"create schema if not exists {schema}")
    for name, rows in TABLES.items():
        # Named in full, so that the views also hold in a connection that has the file attached.
        ever = f"{CATALOG}.main.{name.replace('.', '__')}"
        connection.execute(f"create or replace table {ever} as {rows.ever}")
        connection.execute(f"create or replace view {name} as {rows.seen.format(rows=ever)}")


def at(connection: duckdb.DuckDBPyConnection, moment: datetime) -> None:
    """Let the views show what a sync at a moment brings."""
    connection.execute(f"set variable synced_at = timestamptz '{moment.isoformat()}'")


def attach(connection: duckdb.DuckDBPyConnection, file: Path, moment: datetime) -> None:
    """Put the company's file beside the connection's own database, at a moment."""
    connection.execute(f"attach '{file}' as {CATALOG} (read_only)")
    at(connection, moment)


def deliver(connection: duckdb.DuckDBPyConnection, only: Sequence[Relation] = ()) -> None:
    """Write raw tables as a sync at the moment would have left them.

    Args:
        connection: whose own database is the warehouse, with the company's attached.
        only: these tables; all when empty.
    """
    for relation in only or relations():
        connection.execute(f"create schema if not exists {relation.schema}")
        connection.execute(
            f"create or replace table {relation} as select * from {CATALOG}.{relation}"
        )
