"""How fast rows come into each warehouse, beside the warehouse's own bulk path written by hand.

``python -m benchmarks.loads`` writes one Parquet file of 1,000,000 rows and 10 columns and loads
it in turns, into servers of its own, by

- the adapter, as parity, promotion and everything else that brings rows in does;
- the local Fivetran service's destination, as a first sync lands, its own columns included;
- the bare client: DuckDB reads the file into a table; DuckLake does so in one transaction;
  Snowflake's connector sends PUT and COPY INTO; Google's client runs one load job.

The order changes each round, and a first round is not counted. Each way is held against the bare
client's of the same round, and the middle of these ratios is at most 1.2. Snowflake and BigQuery
are the stand-ins. Before these the local service keeps a copy of its own, which it writes as well
(in production Fivetran lands the rows): how long its syncs take is reported, without a target.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from benchmarks.servers import timed
from benchmarks.targets import Targets
from dataplatform.ducklake import connect
from dataplatform.keys import Relation
from dataplatform.local.fivetran.destination import open_destination
from dataplatform.local.fivetran.model import Column, Table
from dataplatform.resources.warehouse.bigquery import BigQueryAdapter
from dataplatform.resources.warehouse.duckdb import DuckDBAdapter
from dataplatform.resources.warehouse.ducklake import DuckLakeAdapter
from dataplatform.resources.warehouse.interface import Warehouse
from dataplatform.resources.warehouse.snowflake import SnowflakeAdapter
from dataplatform_tests.child_server import child, free_port

TARGET = 1.2
#: What the bare client makes, and what ours does.
BARE, LOADED, SYNCED = "bare", "loaded", "synced"
_ROWS = """
SELECT i AS id, 'customer ' || i AS name, md5(CAST(i AS VARCHAR)) AS digest,
       CAST((i * 7919) % 100000 / 100.0 AS DECIMAL(14, 2)) AS amount,
       CAST(i % 5 AS INTEGER) AS kind, sqrt(i) AS score, i % 2 = 0 AS flag,
       TIMESTAMPTZ '2025-01-01 00:00:00+00' + i * INTERVAL 1 SECOND AS created_at,
       CAST(DATE '2025-01-01' + CAST(i % 365 AS INTEGER) AS DATE) AS day,
       CASE WHEN i % 3 > 0 THEN 'note ' || i END AS note
FROM range(1, {rows} + 1) AS t(i)
"""


@dataclass(frozen=True)
class Engine:
    """One warehouse, and the three ways into it.

    Attributes:
        adapter: the platform's.
        service, config: the destination of the local Fivetran service.
        bare: loads a file into the table ``raw.bare`` by the engine's client alone.
    """

    adapter: Warehouse
    service: str
    config: dict[str, Any]
    bare: Callable[[Path], None]


@contextmanager
def _duckdb(folder: Path) -> Iterator[Engine]:
    path, alone = folder / "warehouse.duckdb", folder / "bare.duckdb"

    def bare(file: Path) -> None:
        with duckdb.connect(str(alone)) as engine:
            engine.execute("CREATE SCHEMA IF NOT EXISTS raw")
            engine.execute(
                f"CREATE OR REPLACE TABLE raw.{BARE} AS SELECT * FROM read_parquet('{file}')"
            )

    yield Engine(DuckDBAdapter(lambda: path), "duckdb", {"path": str(path)}, bare)


@contextmanager
def _ducklake(folder: Path) -> Iterator[Engine]:
    from dataplatform_tests.resources.lakes import served_lake

    with served_lake() as settings:
        files = {f"files_{name}": value for name, value in settings["files"].items()}

        def bare(file: Path) -> None:
            with connect(settings) as engine:
                engine.execute("BEGIN")
                engine.execute("CREATE SCHEMA IF NOT EXISTS raw")
                engine.execute(
                    f"CREATE OR REPLACE TABLE raw.{BARE} AS SELECT * FROM read_parquet('{file}')"
                )
                engine.execute("COMMIT")

        yield Engine(
            DuckLakeAdapter(lambda: settings), "ducklake", {**settings["catalog"], **files}, bare
        )


@contextmanager
def _snowflake(folder: Path) -> Iterator[Engine]:
    import snowflake.connector

    from dataplatform.local.snowflake import Snowflake

    server = Snowflake("snowflake", folder, free_port(), Snowflake.make_credentials())
    with child(server):
        login = {
            **{name: server.record()[name] for name in ("user", "password", "host", "port")},
            "protocol": "http",
            "account": "local",
            "database": "ANALYTICS",
        }

        def bare(file: Path) -> None:
            columns = {
                "id": "NUMBER(38,0)", "name": "VARCHAR", "digest": "VARCHAR",
                "amount": "NUMBER(14,2)", "kind": "NUMBER(38,0)", "score": "FLOAT",
                "flag": "BOOLEAN", "created_at": "TIMESTAMP_TZ", "day": "DATE", "note": "VARCHAR",
            }  # fmt: skip
            declared = ", ".join(f"{name} {kind}" for name, kind in columns.items())
            read = ", ".join(f"$1:{name}::{kind}" for name, kind in columns.items())
            copy = (
                f"COPY INTO raw.{BARE} FROM (SELECT {read} FROM @raw.bare_stage/{file.name}) "
                "FILE_FORMAT = (TYPE = PARQUET USE_LOGICAL_TYPE = TRUE)"
            )
            session = {"session_parameters": {"TIMEZONE": "UTC"}, "network_timeout": 300}
            with (
                snowflake.connector.connect(**login, **session) as connection,
                connection.cursor() as cursor,
            ):
                for statement in (
                    "CREATE SCHEMA IF NOT EXISTS raw",
                    "CREATE OR REPLACE TEMPORARY STAGE raw.bare_stage",
                    f"CREATE OR REPLACE TABLE raw.{BARE} ({declared})",
                    f"PUT 'file://{file}' @raw.bare_stage AUTO_COMPRESS = FALSE OVERWRITE = TRUE",
                    copy,
                ):
                    cursor.execute(statement)

        settings = {**login, "role": "TRANSFORMER", "warehouse": "TRANSFORMING"}
        mirror = {"mirror": str(folder / "mirror.duckdb")}
        yield Engine(SnowflakeAdapter(lambda: settings), "snowflake", {**login, **mirror}, bare)


@contextmanager
def _bigquery(folder: Path) -> Iterator[Engine]:
    from google.cloud import bigquery
    from google.oauth2.credentials import Credentials

    from dataplatform.local.bigquery import BigQuery

    ports = {"grpc": free_port()}
    server = BigQuery("bigquery", folder, free_port(), BigQuery.make_credentials(), ports)
    with child(server):
        record = server.record()

        def bare(file: Path) -> None:
            client = bigquery.Client(
                project=record["project"],
                location="EU",
                credentials=Credentials(token=record["token"]),
                client_options={"api_endpoint": record["url"]},
            )
            client.create_dataset("raw", exists_ok=True)
            kinds = {
                "id": "INT64", "name": "STRING", "digest": "STRING", "amount": "NUMERIC",
                "kind": "INT64", "score": "FLOAT64", "flag": "BOOL", "created_at": "TIMESTAMP",
                "day": "DATE", "note": "STRING",
            }  # fmt: skip
            job = bigquery.LoadJobConfig(
                source_format="PARQUET",
                write_disposition="WRITE_TRUNCATE",
                schema=[bigquery.SchemaField(*one) for one in kinds.items()],
            )
            with file.open("rb") as stream:
                client.load_table_from_file(stream, f"raw.{BARE}", job_config=job).result()
            client.close()

        settings = {
            "project": record["project"],
            "location": "EU",
            "token": record["token"],
            "endpoint": record["url"],
        }
        config = {
            "project_id": record["project"],
            "data_set_location": "EU",
            "token": record["token"],
            "endpoint": record["url"],
            "mirror": str(folder / "mirror.duckdb"),
        }
        yield Engine(BigQueryAdapter(lambda: settings), "big_query", config, bare)


ENGINES = {
    "duckdb": _duckdb,
    "ducklake": _ducklake,
    "snowflake": _snowflake,
    "bigquery": _bigquery,
}


def write_rows(file: Path, rows: int) -> Table:
    """Write the rows as Parquet and return how the service would describe their table."""
    with duckdb.connect() as engine:
        engine.execute("SET TimeZone = 'UTC'")
        engine.execute(f"COPY ({_ROWS.format(rows=int(rows))}) TO '{file}' (FORMAT parquet)")
        held = engine.execute(f"DESCRIBE SELECT * FROM read_parquet('{file}')").fetchall()
    columns = tuple(Column(name, name, kind, key=name == "id") for name, kind, *_ in held)
    return Table("public", "measured", "raw", SYNCED, columns)


def measure(
    engine: Engine, file: Path, table: Table, rounds: int, scratch: Path
) -> dict[str, list[float]]:
    """Return the seconds of ``bare``, ``loaded`` and ``synced``, round by round.

    Args:
        engine: where to load into.
        file: the rows.
        table: how the service describes them.
        rounds: how often each way is measured, after one that is not.
        scratch: a folder for the service.
    """
    taken: dict[str, list[float]] = {}
    for number in range(rounds + 1):
        synced = Table(table.schema, table.name, "raw", f"{SYNCED}_{number}", table.columns)
        ways: dict[str, Callable[[], object]] = {
            BARE: lambda: engine.bare(file),
            LOADED: lambda: engine.adapter.load_parquet(Relation("raw", LOADED), file),
            SYNCED: lambda to=synced: _sync(engine, to, file, scratch),  # type: ignore[misc]
        }
        first = number % len(ways)
        for name in [*ways][first:] + [*ways][:first]:
            seconds = timed(ways[name])
            taken.setdefault(name, []).extend([seconds] if number else [])
        counted = {
            engine.adapter.row_count(Relation("raw", one)) for one in (LOADED, synced.target)
        }
        if len(counted) != 1:
            raise SystemExit(f"The loads differ: {counted} rows.")
        engine.adapter.query(
            f"DROP TABLE {engine.adapter.swap.name(Relation('raw', synced.target))}", "a benchmark"
        )
    return taken


def _sync(engine: Engine, table: Table, file: Path, scratch: Path) -> None:
    destination = open_destination(engine.service, engine.config, scratch, "salt")
    with destination.session("measured", "a benchmark") as session:
        session.begin()
        session.prepare(table, replace=False)
        session.load(table, f"SELECT * FROM read_parquet('{file}')")
        session.remember(table, {})


def main() -> int:
    """Measure and print ratios; return 1 if a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--engines", default=",".join(ENGINES), help="which, by commas")
    options = parser.parse_args()
    told = Targets("loads")
    for name in options.engines.split(","):
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-loads-")))
            (folder / name).mkdir()
            engine = stack.enter_context(ENGINES[name](folder / name))
            table = write_rows(folder / "measured.parquet", options.rows)
            found = measure(
                engine, folder / "measured.parquet", table, options.rounds, folder / "scratch"
            )
        for way in (LOADED, SYNCED):
            ratios = [ours / bare for ours, bare in zip(found[way], found[BARE], strict=True)]
            if way == SYNCED and "mirror" in engine.config:
                told.reported(f"{name}_{way}_vs_bare", statistics.median(ratios))
            else:
                told.at_most(f"{name}_{way}_vs_bare", statistics.median(ratios), TARGET)
        for way, seconds in found.items():
            told.reported(f"{name}_seconds_{way}", statistics.median(seconds))
    return told.code


if __name__ == "__main__":
    sys.exit(main())
