"""Two warehouses in one session, so that what is asked of both is asked by one statement.

Files of DuckDB are attached to each other, and so are lakes (``places_attached``); two databases
of one Snowflake account and two projects of one BigQuery location are named in full
(``places_named``). Where no engine reaches both, the tables are exported as Parquet and compared
by DuckDB (``places_exported``). What is asked is said by those who ask.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager

from dataplatform.declarations.errors import UserError
from dataplatform.diff.places_attached import attached_files, attached_lakes
from dataplatform.diff.places_exported import exported
from dataplatform.diff.places_named import named_databases, named_projects
from dataplatform.diff.sides import Both, Side
from dataplatform.keys import Relation
from dataplatform.resources.warehouse.duckdb import DuckDBAdapter

#: For each kind of warehouse how two of it come into one session, and which settings of theirs
#: must agree for that.
_WAYS = {
    "duckdb": (attached_files, ()),
    "ducklake": (attached_lakes, ()),
    "snowflake": (named_databases, ("account", "host", "port")),
    "bigquery": (named_projects, ("location", "endpoint")),
}


def beside(here: Side, there: Side, wanted: Iterable[Relation]) -> AbstractContextManager[Both]:
    """Open both sides in one session.

    Args:
        here: what is looked at.
        there: what it is held against.
        wanted: the relations that are asked about, where they must be brought together first.

    Raises:
        UserError: a side cannot be reached, or is empty, or both are one.
    """
    for side in (here, there):
        if isinstance(side.warehouse, DuckDBAdapter) and not side.warehouse.path.is_file():
            raise UserError(f"{side.name} has nothing to compare: it has no warehouse file yet.")
    if here.type == there.type and here.type in _WAYS:
        way, shared = _WAYS[here.type]
        if all(here.setting(name) == there.setting(name) for name in shared):
            return way(here, there)
    return exported(here, there, wanted)
