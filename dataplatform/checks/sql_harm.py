"""What a rule's SQL must not do: write, read files, reach other databases, or ask for secrets.

A rule comes from a file that many may edit and runs with the platform's rights. So only one SELECT
over tables of the warehouse is let through. What a rule means is ``sql_rules``' business.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlglot import exp

#: What may stand in FROM besides tables and queries.
_SOURCES = {"unnest", "generate_series", "range", "flatten", "split_to_table", "generator", "table",
            "explode", "posexplode", "json_each", "json_tree", "json_array_elements"}  # fmt: skip
#: Functions that read files, reach out, tell secrets or change something, by how they begin.
_HARMFUL = re.compile(
    r"(read_|parquet_|sniff_csv|glob$|iceberg_|delta_scan|arrow_scan|seq_scan|pandas_scan|"
    r"sqlite_|postgres_|mysql_|attach|install|load_|force_|checkpoint|duckdb_secrets|which_secret|"
    r"getenv|query$|query_table$|http_|shellfs|pragma_|set_|setval|nextval|pg_read|pg_ls|"
    r"pg_sleep|pg_terminate|pg_cancel|pg_reload|lo_|dblink|xp_|system\$|writefile|write_|"
    r"external_query|copy_|export_|import_|write_log|from_substrait|add_parquet|st_read)"
)
_FILE = re.compile(
    r"[/\\\\:*?]|\.(csv|tsv|json|ndjson|jsonl|parquet|txt|db|duckdb|sqlite|xlsx)(\.\w+)?$"
)


def refuse_harm(tree: exp.Expr) -> None:
    """Refuse a query that does more than read tables.

    Args:
        tree: one parsed statement.

    Raises:
        ValueError: it does; the text says what.
    """
    from sqlglot import exp

    writes = (exp.DML, exp.DDL, exp.Command, exp.Into, exp.Copy, exp.Attach, exp.Set, exp.Pragma,
              exp.Lock)  # fmt: skip
    for node in tree.walk():
        if isinstance(node, writes) and not isinstance(node, exp.Query):
            raise ValueError("a rule may only read: it must be a SELECT statement")
        if isinstance(node, exp.Table):
            _refuse_source(node)
        elif isinstance(node, exp.Func):
            name = _name(node)
            if _HARMFUL.match(name):
                raise ValueError(f"a rule may only read tables, and not call {name}()")


def _refuse_source(table: exp.Table) -> None:
    from sqlglot import exp

    source = table.this
    if isinstance(source, exp.Func):
        name = _name(source)
        if name not in _SOURCES:
            raise ValueError(f"a rule may only read tables, and not call {name}()")
    for part in table.parts:
        if isinstance(part, exp.Literal) or _FILE.search(part.name):
            raise ValueError(f"a rule may only read tables, and not the file {part.name!r}")


def _name(function: exp.Func) -> str:
    from sqlglot import exp

    if isinstance(function, exp.Anonymous):
        return str(function.name).lower()
    return str(function.sql_name()).lower()
