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
import fakesnow.transforms
import pyarrow
import pyarrow.compute
import snowflake.connector.errors
import uvicorn
from fakesnow.cursor import FakeSnowflakeCursor
from fakesnow.instance import FakeSnow
from sqlglot import exp
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


def repair_transforms() -> None:
    """Put right what becomes of statements: temporary tables, clones, MERGE, sums."""
    transform = FakeSnowflakeCursor._transform
    explode = FakeSnowflakeCursor._transform_explode

    def transformed(self: Any, expression: Any, params: Any) -> Any:
        replaces = expression.args.get("replace") and expression.find(exp.Clone)
        made = transform(self, _without_temporary(expression), params)
        if replaces:
            # A clone takes the place of the table of its name; the double forgets that it may.
            made.set("replace", True)
        table = made.find(exp.Table) if isinstance(made, exp.Create) else None
        if table is not None and table.name.lower() == "merge_candidates":
            # Notes on it would lie in another database, which no transaction with rows may touch.
            made.args.pop("text_lengths", None)
            made.args.pop("table_comment", None)
        return made

    def exploded(self: Any, expression: Any) -> Any:
        if isinstance(expression, exp.Merge):
            _qualify_inserted(expression)
        return explode(self, expression)

    def exact(expression: Any) -> Any:
        summed = expression.this if isinstance(expression, exp.Sum) else None
        made = implicit(expression)
        if summed is not None:
            # A sum of decimals is a decimal; text, which Snowflake would cast, is refused here.
            (made.this if isinstance(made, exp.Alias) else made).set("this", summed)
        return made

    implicit = fakesnow.transforms.numeric_agg_implicit_cast
    fakesnow.transforms.numeric_agg_implicit_cast = exact
    FakeSnowflakeCursor._transform = transformed
    FakeSnowflakeCursor._transform_explode = exploded


def _without_temporary(expression: Any) -> Any:
    """DuckDB has temporary tables in a schema of their own only; dbt names another."""
    if isinstance(expression, exp.Create) and expression.args.get("kind") in ("TABLE", "VIEW"):
        table = expression.find(exp.Table)
        properties = expression.args.get("properties")
        if table is not None and table.db and properties is not None:
            kept = [
                one
                for one in properties.expressions
                if not isinstance(one, exp.TemporaryProperty | exp.TransientProperty)
            ]
            properties.set("expressions", kept)
    return expression.transform(_portable, copy=False)


def _portable(node: Any) -> Any:
    """Write what DuckDB has by another name: a hash of all columns of all rows, arrays."""
    if isinstance(node, exp.HashAgg):
        whole = exp.Anonymous(this="hash", expressions=[exp.Var(this="*COLUMNS(*)")])
        return exp.Cast(
            this=exp.Anonymous(this="bit_xor", expressions=[whole]), to=exp.DataType.build("text")
        )
    # The double keeps arrays as JSON, which DuckDB's functions of lists do not take.
    if isinstance(node, exp.ArrayToString):
        return _call("array_to_string", _listed(node.this, "VARCHAR"), node.expression)
    if isinstance(node, exp.ArrayContains):
        return _call("list_contains", _listed(node.this, "JSON"), node.expression)
    if isinstance(node, exp.WithinGroup) and isinstance(node.this, exp.ArrayAgg):
        # Missing values are left out, and an array of none is an array.
        value = node.this.this
        ordered = exp.Order(this=value, expressions=node.expression.expressions)
        missing = exp.Is(this=value.copy(), expression=exp.Null())
        present = exp.Where(this=exp.Not(this=missing))
        values = exp.Filter(this=_call("list", ordered), expression=present)
        return _call("to_json", exp.Coalesce(this=values, expressions=[exp.Array()]))
    return node


def _call(name: str, *values: Any) -> Any:
    """Call a function of DuckDB's, which the double leaves as it is."""
    return exp.Anonymous(this=name, expressions=list(values))


def _listed(array: Any, kind: str) -> Any:
    """Make a list of what the double has as JSON; what is replaced is not looked into again."""
    whole = array.transform(_portable, copy=False)
    return _call("from_json", whole, exp.Literal.string(f'["{kind}"]'))


def _qualify_inserted(merge: Any) -> None:
    """A MERGE inserts the source's columns; by a bare name the target's would be meant as well."""
    source = merge.args["using"].alias_or_name
    for when in merge.args["whens"].expressions:
        then = when.args.get("then")
        if isinstance(then, exp.Insert) and then.expression is not None:
            for column in then.expression.find_all(exp.Column):
                if not column.table:
                    column.set("table", exp.to_identifier(source))


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


async def health(request: Any) -> JSONResponse:
    """Tell that the server answers."""
    return JSONResponse({"status": "ok"})


def main() -> None:
    """Serve until told to end; databases are files of the state folder."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    options = parser.parse_args()
    repair_statements()
    repair_transforms()
    repair_timestamps()
    databases = options.state / "databases"
    databases.mkdir(parents=True, exist_ok=True)
    # By its path: among its neighbours is one of the name of Snowflake's own package.
    beside = runpy.run_path(str(Path(__file__).with_name("snowflake_databases.py")))
    beside["repair_listing"]()
    beside["repair_databases"](databases)
    beside["repair_words"]()
    fakesnow.server.shared_fs = FakeSnow(db_path=databases)
    beside["attach_all"](fakesnow.server.shared_fs.duck_conn, databases)
    fakesnow.server.app.router.routes.append(Route("/health", health))
    uvicorn.run(fakesnow.server.app, host=options.host, port=options.port, log_level="warning")


if __name__ == "__main__":
    main()
