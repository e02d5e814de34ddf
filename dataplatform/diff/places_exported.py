"""Two warehouses that no engine reaches at once: their tables as Parquet, in a DuckDB in memory."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dataplatform.diff.places_attached import catalog_place
from dataplatform.diff.sides import Both, Side
from dataplatform.keys import Relation
from dataplatform.resources.warehouse import quoted
from dataplatform.resources.warehouse.duckdb import DuckDBSession


@contextmanager
def exported(here: Side, there: Side, wanted: Iterable[Relation]) -> Iterator[Both]:
    """Export what is asked about from both sides, and open the files in one session.

    Args:
        here: what is looked at.
        there: what it is held against.
        wanted: the relations that are asked about.
    """
    import duckdb

    relations = list(wanted)
    with tempfile.TemporaryDirectory() as folder, duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        places = []
        for name, side in (("here", here), ("there", there)):
            connection.execute(f"ATTACH ':memory:' AS {quoted(name)}")
            # An empty comparison needs no export; facts are asked in one session.
            for relation in side.warehouse.facts(relations, fingerprint=False):
                file = Path(folder) / f"{name}.{relation}.parquet"
                side.warehouse.export_parquet(relation, file)
                _view(connection, name, relation, file)
            places.append(catalog_place(DuckDBSession(connection), name))
        yield Both(DuckDBSession(connection), "duckdb", *places)


def _view(connection: Any, catalog: str, relation: Relation, file: Path) -> None:
    """Show a Parquet file as a table, with columns named and instants written alike."""
    escaped = str(file).replace("'", "''")
    rows = connection.execute(f"DESCRIBE SELECT * FROM read_parquet('{escaped}')").fetchall()
    columns = ", ".join(
        (f"{quoted(name)}::TIMESTAMP" if kind.startswith("TIMESTAMP") else quoted(name))
        + f" AS {quoted(name.lower())}"
        for name, kind, *_ in rows
    )
    schema = f"{quoted(catalog)}.{quoted(relation.schema)}"
    connection.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
    connection.execute(
        f"CREATE VIEW {schema}.{quoted(relation.table)} AS "
        f"SELECT {columns} FROM read_parquet('{escaped}')"
    )
