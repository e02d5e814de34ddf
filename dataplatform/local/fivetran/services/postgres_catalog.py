"""What a PostgreSQL database holds, in the service's words.

Reads the catalogue: tables, columns, keys, the destination type of each column, and a signature
that changes whenever rows may read differently although none was rewritten.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from typing import Any

from dataplatform.local.fivetran.model import Column, Table
from dataplatform.local.fivetran.naming import (
    column_names,
    destination_names,
    prefixed_schemas,
)
from dataplatform.local.fivetran.services.postgres_values import needs_server

# Rows are rewritten by nearly every change of a table. The signature holds what is not: columns
# added with a default, labels of an enumeration, expressions of virtual columns, partitions.
_CATALOGUE = """
SELECT n.nspname, c.relname, c.oid::bigint, c.relkind::text,
       coalesce((SELECT json_agg(i.inhrelid::bigint ORDER BY i.inhrelid)
                 FROM pg_partition_tree(c.oid) p JOIN pg_inherits i ON i.inhrelid = p.relid), '[]'),
       (SELECT json_agg(json_build_array(
                 a.attname, a.attnum, format_type(a.atttypid, a.atttypmod), t.typtype,
                 coalesce(a.attnum = ANY(k.indkey), false),
                 CASE WHEN a.attgenerated <> '' THEN pg_get_expr(d.adbin, d.adrelid) END,
                 (SELECT json_agg(e.enumlabel ORDER BY e.enumsortorder) FROM pg_enum e
                  WHERE e.enumtypid = t.oid)) ORDER BY a.attnum)
        FROM pg_attribute a
        JOIN pg_type t ON t.oid = a.atttypid
        LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped),
       c.relreplident::text, c.relpersistence = 'u',
       (SELECT json_agg(json_build_array(pg_relation_filenode(x.oid), x.xmin::text::bigint)
                 ORDER BY x.oid)
        FROM (SELECT relid::oid FROM pg_partition_tree(c.oid) UNION SELECT c.oid) p(oid)
        JOIN pg_class x ON x.oid = p.oid),
       (SELECT coalesce(json_agg(a.attnum ORDER BY a.attnum), '[]') FROM pg_attribute a
        WHERE a.attrelid = c.oid AND a.atthasmissing AND NOT a.attisdropped),
       c.relhassubclass, c.relnatts
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_index k ON k.indrelid = c.oid AND k.indisprimary
WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relpersistence <> 't'
  AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'
ORDER BY 1, 2
"""

_PLAIN = {
    "smallint": "INTEGER",
    "integer": "INTEGER",
    "bigint": "BIGINT",
    "real": "DOUBLE",
    "double precision": "DOUBLE",
    "boolean": "BOOLEAN",
    "text": "VARCHAR",
    "date": "DATE",
    "timestamp without time zone": "TIMESTAMP",
    "timestamp with time zone": "TIMESTAMP WITH TIME ZONE",
    "time without time zone": "TIME",
    "uuid": "VARCHAR",
    "bytea": "BLOB",
    "json": "JSON",
    "jsonb": "JSON",
}
_NUMERIC = re.compile(r"numeric\((\d+),(\d+)\)")
_SIZED = re.compile(r"\(\d+\)")


def destination_type(source_type: str, kind: str) -> tuple[str, str | None]:
    """Return a column's destination type and how PostgreSQL must render it, if it must.

    Args:
        source_type: the type as PostgreSQL formats it, such as ``numeric(12,2)``.
        kind: PostgreSQL's class of type: ``e`` for enumerations.

    Returns:
        The DuckDB type, and None where the binary form can be read as it is, else a template
        with ``{}`` in place of the column.
    """
    numeric = _NUMERIC.fullmatch(source_type)
    if numeric and int(numeric[1]) <= 38 and int(numeric[2]) <= int(numeric[1]):
        return f"DECIMAL({numeric[1]},{numeric[2]})", None
    if source_type.endswith("[]"):
        return "JSON", "to_jsonb({})::text"
    if kind == "e":
        return "VARCHAR", "{}::text"
    base = _SIZED.sub("", source_type)
    if base in ("character varying", "character"):
        return "VARCHAR", None
    # Numbers without bounds stay exact only as text; so does everything that has no equal here.
    return (_PLAIN[base], None) if base in _PLAIN else ("VARCHAR", "{}::text")


def _shape(
    database: str,
    oid: int,
    parts: list[int],
    nodes: list[int],
    filled: list[int],
    last: int,
    attributes: list[list[Any]],
) -> dict[str, Any]:
    """Return what tells whether rows read differently now although no change of them was told.

    Columns go by their number: name, type and labels or expression; ``filled`` are those added
    with a value for the rows that were there; ``nodes`` change when a table is rewritten; ``last``
    is the highest number ever given, for none is given twice.
    """
    return {
        "table": [database, oid, parts],
        "nodes": nodes,
        "filled": filled,
        "last": last,
        "columns": {str(a[1]): [a[0], *a[2:]] for a in attributes},
    }


def read_tables(connection: Any, prefix: str, identity: str) -> list[Table]:
    """Return all tables of a database.

    Args:
        connection: an open psycopg connection.
        prefix: the destination schema's prefix.
        identity: names this very database; part of each signature.
    """
    rows = connection.execute(_CATALOGUE).fetchall()
    by_schema: dict[str, list[str]] = {}
    for schema, name, *_ in rows:
        by_schema.setdefault(schema, []).append(name)
    schemas = prefixed_schemas(prefix, by_schema)
    targets = {schema: destination_names(names) for schema, names in by_schema.items()}
    alike = Counter((row[0].lower(), row[1].lower()) for row in rows)
    tables = []
    for row in rows:
        schema, name, oid, kind, parts, attributes, replica, unlogged, nodes, filled, *more = row
        parent, last = more
        attributes = attributes or []
        names = column_names(attribute[0] for attribute in attributes)
        columns, renders, by_server = [], {}, {}
        for source, _, source_type, type_kind, key, _, _ in attributes:
            wanted, render = destination_type(source_type, type_kind)
            columns.append(Column(source, names[source], wanted, bool(key), source_type))
            if render is not None:
                renders[source] = render
                if needs_server(source_type, type_kind, render):
                    by_server[source] = render
        signed = json.dumps([identity, oid, parts, attributes])
        folded = {attribute[0].lower() for attribute in attributes}
        tables.append(
            Table(
                schema,
                name,
                schemas[schema],
                targets[schema][name],
                tuple(columns),
                hashlib.sha256(signed.encode()).hexdigest(),
                details={
                    "oid": oid,
                    "partitioned": kind == "p",
                    # Its rows are all in one heap, so that an index finds all of them.
                    "single": kind == "r" and not parent,
                    "unlogged": unlogged,
                    "identity": replica,
                    "primary_key": [a[0] for a in attributes if a[4]],
                    "generated": [a[0] for a in attributes if a[5] is not None],
                    "shape": _shape(
                        identity, oid, parts, [node for node, _ in nodes], filled, last, attributes
                    ),
                    # The transaction that last changed what the catalogue says of each of them.
                    "changed_by": [xid for _, xid in nodes],
                    "by_server": by_server,
                    "renders": renders,
                    # The parallel scan finds tables by names without case, and reads heaps only.
                    "scan": kind == "r"
                    and not parts
                    and bool(columns)
                    and all(render == "{}::text" for render in renders.values())
                    and all(kind_ == "e" for src, _, _, kind_, *_ in attributes if src in renders)
                    and len(folded) == len(attributes)
                    and alike[schema.lower(), name.lower()] == 1,
                },
            )
        )
    return tables


def last_column(table: Table) -> str:
    """Return PostgreSQL's query for the highest number ever given to a column of a table."""
    return f"SELECT relnatts FROM pg_class WHERE oid = {int(table.details['oid'])}"
