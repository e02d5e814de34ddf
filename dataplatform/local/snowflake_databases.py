"""Databases beside one another in the local stand-in for Snowflake: cloned, listed, compared.

A part of ``snowflake_server``, run by the same Python. A clone is a copy here: what it costs and
how long it takes is no measure of Snowflake's.
"""

from __future__ import annotations

import contextlib
import re
import string
from pathlib import Path
from typing import Any

import duckdb
import fakesnow.info_schema
import fakesnow.macros
import snowflake.connector.errors
from fakesnow.cursor import FakeSnowflakeCursor
from sqlglot import exp

_NAME = r'(?:"(?P<{0}_quoted>[^"]+)"|(?P<{0}>\w+))'
_CLONE = re.compile(
    r"\s*create\s+(?:transient\s+)?database\s+" + _NAME.format("made")
    + r"\s+clone\s+" + _NAME.format("base") + r"\s*;?\s*",
    re.IGNORECASE,
)  # fmt: skip
_DROP = re.compile(
    r"\s*drop\s+database\s+(?P<exists>if\s+exists\s+)?" + _NAME.format("made") + r"\s*;?\s*",
    re.IGNORECASE,
)
_DONE = "SELECT '{} successfully {}.' AS status"
#: What the double keeps beside a database's own schemas.
_ITS_OWN = ("main", "_fs_information_schema", "information_schema", "pg_catalog")
_EXTENSIONS = ("_fs_tables_ext", "_fs_columns_ext")


def repair_databases(folder: Path) -> None:
    """Clone and drop databases by one statement, as the service does.

    Args:
        folder: where the double keeps a file for each database.
    """
    execute = FakeSnowflakeCursor.execute

    def repaired(self: Any, command: str, *args: Any, **kwargs: Any) -> Any:
        cloned, dropped = _CLONE.fullmatch(command), _DROP.fullmatch(command)
        if cloned is not None:
            made, base = _named(cloned, "made"), _named(cloned, "base")
            clone(self._duck_conn, folder, base, made)
            command = _DONE.format(f"Database {made}", "created")
        if dropped is not None:
            made = _named(dropped, "made")
            drop(self._duck_conn, folder, made, missing=dropped["exists"] is not None)
            command = _DONE.format(made, "dropped")
        return execute(self, command, *args, **kwargs)

    FakeSnowflakeCursor.execute = repaired


def repair_words() -> None:
    """Answer HASH by a signed number, write a double with nine digits, keep comments apart."""
    transform = FakeSnowflakeCursor._transform

    def transformed(self: Any, expression: Any, params: Any) -> Any:
        if isinstance(expression, exp.Create) and expression.args.get("kind") in ("TABLE", "VIEW"):
            _forget_comment(self, expression.find(exp.Table))
        return transform(self, expression.transform(_portable, copy=False), params)

    FakeSnowflakeCursor._transform = transformed


def _forget_comment(cursor: Any, table: Any) -> None:
    """Let what takes another one's place have its own comment, and not the older one's."""
    if table is None:
        return
    names = []
    for part, usual in (("catalog", cursor._conn.database), ("db", cursor._conn.schema)):
        found = table.args.get(part)
        names.append(usual if found is None else _folded(found))
    with cursor._duck_conn.cursor() as own:
        own.execute(
            "DELETE FROM _fs_global._fs_information_schema._fs_tables_ext WHERE "
            "ext_table_catalog = ? AND ext_table_schema = ? AND ext_table_name = ?",
            [*names, _folded(table.this)],
        )


def _folded(identifier: Any) -> str:
    name = str(identifier.name)
    return name if identifier.args.get("quoted") else name.upper()


def repair_listing() -> None:
    """List views among the tables of the information schema, where the double lists tables."""
    tables = fakesnow.info_schema.SQL_CREATE_INFORMATION_SCHEMA_TABLES_VIEW.template
    views = """
union all by name
select
    database_name AS "TABLE_CATALOG",
    schema_name AS "TABLE_SCHEMA",
    view_name AS "TABLE_NAME",
    'SYSADMIN' AS "TABLE_OWNER",
    'VIEW' AS "TABLE_TYPE",
    'NO' AS "IS_TEMPORARY",
    kept.comment AS "COMMENT"
from duckdb_views
left join _fs_global._fs_information_schema._fs_tables_ext kept
  on kept.ext_table_catalog = database_name
 and kept.ext_table_schema = schema_name
 and kept.ext_table_name = view_name
where database_name = '${catalog}'
  and schema_name != '_fs_information_schema'
  and not internal
"""
    # The files of earlier days have the view without them.
    whole = tables.replace("view if not exists", "or replace view") + views
    fakesnow.info_schema.SQL_CREATE_INFORMATION_SCHEMA_TABLES_VIEW = string.Template(whole)


def _portable(node: Any) -> Any:
    if isinstance(node, exp.Anonymous) and node.name.lower() == "hash":
        # DuckDB's has no sign, and the protocol no number as large.
        half = exp.BitwiseRightShift(this=node.copy(), expression=exp.Literal.number(1))
        return exp.cast(half, exp.DataType.Type.BIGINT)
    if isinstance(node, exp.ToChar) and "EEEE" in str(node.args.get("format") or ""):
        digits = exp.Literal.string("%.8e")
        return exp.Anonymous(this="printf", expressions=[digits, node.this])
    return node


def _named(found: re.Match[str], part: str) -> str:
    """Return a name as the service folds it."""
    return found[f"{part}_quoted"] or found[part].upper()


def attach_all(connection: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """Attach every database of an earlier day: views of one may read another."""
    for file in sorted(folder.glob("*.db")):
        if not file.stem.startswith("_fs_"):
            attach(connection, folder, file.stem)


def attach(connection: duckdb.DuckDBPyConnection, folder: Path, name: str) -> None:
    """Attach one database, with what the double keeps in each."""
    file = str(folder / f"{name}.db").replace("'", "''")
    connection.execute(f"ATTACH IF NOT EXISTS '{file}' AS {_quoted(name)}")
    connection.execute(fakesnow.info_schema.per_db_creation_sql(name))
    connection.execute(fakesnow.macros.creation_sql(name))


def clone(connection: duckdb.DuckDBPyConnection, folder: Path, base: str, made: str) -> None:
    """Make a database with copies of another one's tables and with its views."""
    known = _databases(connection)
    if base not in known:
        raise _error(2003, "02000", f"Database '{base}' does not exist or not authorized.")
    if made in known:
        raise _error(2002, "42710", f"Object '{made}' already exists.")
    own = connection.cursor()
    attach(own, folder, made)
    own.execute(f"USE {_quoted(made)}.main")
    others = ", ".join(f"'{one}'" for one in _ITS_OWN)
    where = f"database_name = ? AND NOT internal AND schema_name NOT IN ({others})"
    schemas = own.execute(
        "SELECT schema_name FROM duckdb_schemas() WHERE database_name = ? "
        f"AND schema_name NOT IN ({others})",
        [base],
    ).fetchall()
    for (schema,) in schemas:
        own.execute(f"CREATE SCHEMA IF NOT EXISTS {_quoted(schema)}")
    tables = own.execute(
        f"SELECT schema_name, table_name FROM duckdb_tables() WHERE {where}", [base]
    )
    for schema, table in tables.fetchall():
        place = f"{_quoted(schema)}.{_quoted(table)}"
        own.execute(f"CREATE TABLE {place} AS FROM {_quoted(base)}.{place}")
    views = own.execute(f"SELECT sql FROM duckdb_views() WHERE {where} ORDER BY view_oid", [base])
    for (sql,) in views.fetchall():
        own.execute(sql)
    for name in _EXTENSIONS:
        own.execute(
            f"INSERT OR REPLACE INTO _fs_global._fs_information_schema.{name} "
            f"SELECT * REPLACE (? AS ext_table_catalog) "
            f"FROM _fs_global._fs_information_schema.{name} WHERE ext_table_catalog = ?",
            [made, base],
        )
    own.close()


def drop(connection: duckdb.DuckDBPyConnection, folder: Path, name: str, *, missing: bool) -> None:
    """Drop a database and its file."""
    if name not in _databases(connection):
        if missing:
            return
        raise _error(2003, "02000", f"Database '{name}' does not exist or not authorized.")
    with contextlib.suppress(duckdb.Error):
        connection.execute("USE memory.main")
    connection.execute(f"DETACH {_quoted(name)}")
    for extension in _EXTENSIONS:
        connection.execute(
            f"DELETE FROM _fs_global._fs_information_schema.{extension} "
            "WHERE ext_table_catalog = ?",
            [name],
        )
    for file in folder.glob(f"{name}.db*"):
        file.unlink(missing_ok=True)


def _databases(connection: duckdb.DuckDBPyConnection) -> set[str]:
    rows = connection.execute("SELECT database_name FROM duckdb_databases()").fetchall()
    return {str(name) for (name,) in rows}


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _error(number: int, state: str, text: str) -> Exception:
    return snowflake.connector.errors.ProgrammingError(
        msg=f"SQL compilation error:\n{text}", errno=number, sqlstate=state
    )
