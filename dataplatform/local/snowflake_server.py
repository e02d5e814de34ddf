"""The local stand-in for Snowflake: fakesnow's server with what it lacks for dbt put right.

A program of its own, run by the Python of `.venv-snowflake`, which has fakesnow and nothing of the
platform. It reaches into fakesnow, whose version is pinned exactly; each repair says what it is
for, and has a test. How it is started is in ``snowflake``.
"""

from __future__ import annotations

import argparse
import contextlib
import re
import runpy
from pathlib import Path
from typing import Any

import duckdb
import fakesnow.arrow
import fakesnow.cursor
import fakesnow.server
import pyarrow
import pyarrow.compute
import snowflake.connector.errors
import uvicorn
from fakesnow.cursor import FakeSnowflakeCursor
from fakesnow.instance import FakeSnow
from starlette.responses import JSONResponse
from starlette.routing import Route

_DONE = "SELECT 'Statement executed successfully.' AS status"
# What an account has and a double has not: accepted, without effect.
_ACCOUNT = re.compile(
    r"\s*(?:(?:create|alter|drop|use)\s+(?:or\s+replace\s+)?(?:secondary\s+)?"
    r"(?:warehouse|roles?|user|network\s+policy|resource\s+monitor|masking\s+policy"
    r"|row\s+access\s+policy|task|tag|integration)\b|grant\b|revoke\b"
    r"|alter\s+session\s+(?:set|unset)\b"
    # What hides values and rows hangs on tables: a tag of a column, a policy of rows.
    r"|alter\s+(?:table|view|schema)\s+\S+\s+(?:modify\s+column\s+\S+\s+)?(?:un)?set\s+tag\b"
    r"|alter\s+(?:table|view)\s+\S+\s+(?:add|drop)\s+row\s+access\s+policy\b)",
    re.IGNORECASE,
)
# Snowflake commits before a change of schema, and such a change by itself.
_DDL = re.compile(r"\s*(?:create|alter|drop|truncate|comment)\b", re.IGNORECASE)
# dbt lists functions beside tables; there are none, and the double's list lacks its columns.
_USER_FUNCTIONS = re.compile(r"\s*show\s+user\s+functions\b", re.IGNORECASE)
_NO_FUNCTIONS = (
    "SELECT '' AS \"catalog_name\", '' AS \"schema_name\", '' AS \"name\", "
    "'Y' AS \"is_builtin\" WHERE 1 = 0"
)
_COPY_GRANTS = re.compile(r"\s+copy\s+grants\b", re.IGNORECASE)
_FUNCTIONS = {"warehouse": "DOUBLE", "role": "DOUBLE", "account": "DOUBLE", "region": "LOCAL"}
_FUNCTION = re.compile(r"\bcurrent_(warehouse|role|account|region)\s*\(\s*\)", re.IGNORECASE)


def repair_statements() -> None:
    """Accept account-level statements, answer every error as SQL, leave no broken transaction."""
    execute = FakeSnowflakeCursor.execute

    def repaired(self: Any, command: str, *args: Any, **kwargs: Any) -> Any:
        _choose_public(self)
        if _ACCOUNT.match(command):
            command, args = _DONE, ()
            kwargs.pop("binding_params", None)
        if _USER_FUNCTIONS.match(command):
            command = _NO_FUNCTIONS
        command = _COPY_GRANTS.sub("", command)
        if _DDL.match(command):
            _commit_if_open(self)
        command = _FUNCTION.sub(lambda found: f"'{_FUNCTIONS[found[1].lower()]}'", command)
        try:
            return execute(self, command, *args, **kwargs)
        except (
            snowflake.connector.errors.ProgrammingError,
            snowflake.connector.errors.OperationalError,
        ):
            _roll_back_if_aborted(self)
            raise
        except Exception as error:
            _roll_back_if_aborted(self)
            # The server would answer 500, and every client would try again for minutes.
            raise snowflake.connector.errors.ProgrammingError(
                msg=f"SQL execution error: {error}", errno=100132, sqlstate="P0000"
            ) from error

    FakeSnowflakeCursor.execute = repaired
    # The server reads a statement before the cursor does, and cannot read all of an account's.
    read = fakesnow.server.parse_one
    fakesnow.server.parse_one = lambda sql: read(_DONE if _ACCOUNT.match(sql) else sql)


def _choose_public(cursor: Any) -> None:
    """A session that named no schema is in PUBLIC; the double would be in none."""
    connection = cursor._conn
    if connection.database and not connection.schema_set:
        place = f"{connection.database}.PUBLIC"
        cursor._duck_conn.execute(f"CREATE SCHEMA IF NOT EXISTS {place}")
        cursor._duck_conn.execute(f"SET schema = '{place}'")
        connection._schema, connection.schema_set = "PUBLIC", True


def _commit_if_open(cursor: Any) -> None:
    with contextlib.suppress(duckdb.TransactionException):
        cursor._duck_conn.commit()
        cursor._conn._in_transaction = False


def _roll_back_if_aborted(cursor: Any) -> None:
    """Snowflake goes on after a statement that failed; DuckDB refuses all but ROLLBACK."""
    try:
        cursor._duck_conn.execute("SELECT 1")
    except Exception as error:
        if "transaction" in str(error).lower():
            cursor._duck_conn.execute("ROLLBACK")
            cursor._conn._in_transaction = False


def repair_timestamps() -> None:
    """Answer NULL for a timestamp that is NULL, not the first of January 1970."""
    to_struct = fakesnow.arrow.timestamp_to_sf_struct

    def repaired(column: Any) -> Any:
        whole = column.combine_chunks() if isinstance(column, pyarrow.ChunkedArray) else column
        if isinstance(whole, pyarrow.ChunkedArray):
            whole = pyarrow.concat_arrays(whole.chunks)
        if not whole.null_count:
            return to_struct(whole)
        filled = to_struct(whole.fill_null(0))
        fields = [filled.type.field(position) for position in range(filled.type.num_fields)]
        return pyarrow.StructArray.from_arrays(
            filled.flatten(), fields=fields, mask=pyarrow.compute.is_null(whole)
        )

    fakesnow.arrow.timestamp_to_sf_struct = repaired


def repair_describing() -> None:
    """Ask the engine for a result's columns; the double reads and writes the statement anew."""
    describe = FakeSnowflakeCursor._describe_last_sql

    def repaired(self: Any) -> Any:
        try:
            self._duck_conn.execute(f"DESCRIBE {self._last_sql}", self._last_params)
        except duckdb.Error:
            return describe(self)
        return self._duck_conn.fetchall()

    FakeSnowflakeCursor._describe_last_sql = repaired


async def health(request: Any) -> JSONResponse:
    """Tell that the server answers."""
    return JSONResponse({"status": "ok"})


def _beside(module: str) -> dict[str, Any]:
    """Run a module by its path: a neighbour of it has the name of Snowflake's own package."""
    return runpy.run_path(str(Path(__file__).with_name(f"{module}.py")))


def main() -> None:
    """Serve until told to end; databases are files of the state folder."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    options = parser.parse_args()
    repair_statements()
    _beside("snowflake_transforms")["repair_transforms"]()
    repair_timestamps()
    repair_describing()
    databases = options.state / "databases"
    databases.mkdir(parents=True, exist_ok=True)
    of_databases = _beside("snowflake_databases")
    of_databases["repair_listing"]()
    of_databases["repair_databases"](databases)
    of_databases["repair_words"]()
    fakesnow.server.shared_fs = FakeSnow(db_path=databases)
    of_databases["attach_all"](fakesnow.server.shared_fs.duck_conn, databases)
    fakesnow.server.app.router.routes.append(Route("/health", health))
    uvicorn.run(fakesnow.server.app, host=options.host, port=options.port, log_level="warning")


if __name__ == "__main__":
    main()
