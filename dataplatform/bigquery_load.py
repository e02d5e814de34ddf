"""How a Parquet file's rows come into BigQuery: one load job, and a select where JSON is read.

Descriptions alone: who holds the client runs the jobs. The platform and the local service load by
the same rules.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from dataplatform.bigquery_jobs import asset_label, patience, run

if TYPE_CHECKING:
    from google.cloud import bigquery

#: What a NUMERIC can hold: digits before the point, and after it.
_WHOLE_DIGITS, _PLACES = 29, 9
_NAMES = {"INTEGER": "INT64", "FLOAT": "FLOAT64", "BOOLEAN": "BOOL", "RECORD": "STRUCT"}


def quoted(name: str) -> str:
    """Return an identifier in backticks, whatever characters it holds."""
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"


def json_columns(path: Path) -> list[str]:
    """Return the columns of a Parquet file that hold JSON."""
    from pyarrow import parquet

    schema = parquet.ParquetFile(path).schema
    columns = (schema.column(place) for place in range(len(schema)))
    return [column.name for column in columns if column.logical_type.type == "JSON"]


def fields_of(path: Path) -> list[bigquery.SchemaField]:
    """Return the columns that hold a file's values in BigQuery; JSON comes as its text."""
    from google.cloud import bigquery
    from pyarrow import parquet

    found = []
    for field in parquet.ParquetFile(path).schema_arrow:
        name, precision, scale = type_of(field.type)
        digits: dict[str, Any] = {"precision": precision, "scale": scale} if precision else {}
        found.append(bigquery.SchemaField(field.name, name, **digits))
    return found


def type_name(field: bigquery.SchemaField) -> str:
    """Return the SQL name of a column's type; the service tells its old names."""
    name = _NAMES.get(field.field_type, field.field_type)
    if field.precision is not None:
        name = f"{name}({field.precision}, {field.scale or 0})"
    return f"ARRAY<{name}>" if field.mode == "REPEATED" else name


def type_of(kind: Any) -> tuple[str, int | None, int | None]:
    """Return BigQuery's type for one of Arrow's, with precision and scale for a decimal."""
    import pyarrow as pa

    if pa.types.is_boolean(kind):
        return "BOOLEAN", None, None
    if pa.types.is_integer(kind):
        return "INTEGER", None, None
    if pa.types.is_decimal(kind):
        small = kind.scale <= _PLACES and kind.precision - kind.scale <= _WHOLE_DIGITS
        return ("NUMERIC" if small else "BIGNUMERIC"), kind.precision, kind.scale
    if pa.types.is_floating(kind):
        return "FLOAT", None, None
    if pa.types.is_date(kind):
        return "DATE", None, None
    if pa.types.is_time(kind):
        return "TIME", None, None
    if pa.types.is_timestamp(kind):
        return ("TIMESTAMP" if kind.tz else "DATETIME"), None, None
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        return "BYTES", None, None
    return "STRING", None, None


def load_parquet(client: bigquery.Client, schema: str, table: str, path: Path, **job: Any) -> int:
    """Make a table of a Parquet file's rows; readers see the old rows or the new ones.

    Args:
        client: of the project that has the table.
        schema: its dataset; made where it is missing.
        table: the table; replaced if it exists.
        path: a local file.
        job: more settings of each job, such as ``labels``.

    Returns:
        The number of rows loaded.
    """
    client.create_dataset(f"{client.project}.{schema}", exists_ok=True)
    job = _labelled(job, schema, table)
    texts = json_columns(path)
    incoming = f"_dataplatform_load_{table}" if texts else table
    place = f"{client.project}.{schema}.{incoming}"
    done = _load(client, place, path, job)
    if texts:
        read = ", ".join(
            f"parse_json({quoted(name)}, wide_number_mode => 'round') as {quoted(name)}"
            for name in texts
        )
        columns = ", ".join(
            f"{quoted(one.name)} {'json' if one.name in texts else type_name(one)}"
            for one in fields_of(path)
        )
        _run(
            client,
            f"create or replace table {quoted(schema)}.{quoted(table)} ({columns}) as "
            f"select * replace ({read}) from {quoted(schema)}.{quoted(incoming)}",
            job,
        )
        client.delete_table(place, not_found_ok=True)
    return done


def merge_parquet(
    client: bigquery.Client, schema: str, table: str, path: Path, key: list[str], **job: Any
) -> None:
    """Bring a file's rows into a table by key: loaded beside it, then one MERGE.

    Args:
        client: of the project that has the table.
        schema: its dataset.
        table: the table; it exists and has the file's columns.
        path: a local Parquet file.
        key: the columns that name a row.
        job: more settings of each job.
    """
    incoming = f"_dataplatform_merge_{table}"
    job = _labelled(job, schema, table)
    load_parquet(client, schema, incoming, path, **job)
    columns = [field.name for field in fields_of(path)]
    on = " and ".join(f"t.{quoted(name)} = s.{quoted(name)}" for name in key)
    assigned = ", ".join(f"{quoted(n)} = s.{quoted(n)}" for n in columns if n not in key)
    listed = ", ".join(map(quoted, columns))
    values = ", ".join(f"s.{quoted(name)}" for name in columns)
    update = f"when matched then update set {assigned} " if assigned else ""
    _run(
        client,
        f"merge into {quoted(schema)}.{quoted(table)} as t "
        f"using {quoted(schema)}.{quoted(incoming)} as s on {on} {update}"
        f"when not matched then insert ({listed}) values ({values})",
        job,
    )
    client.delete_table(f"{client.project}.{schema}.{incoming}", not_found_ok=True)


def _labelled(job: dict[str, Any], schema: str, table: str) -> dict[str, Any]:
    """Say of a job which table it is for, unless that is said already."""
    return job | {
        "labels": {"asset": asset_label(f"{schema}.{table}"), **(job.get("labels") or {})}
    }


def _load(client: bigquery.Client, place: str, path: Path, job: dict[str, Any]) -> int:
    from google.cloud import bigquery

    settings = bigquery.LoadJobConfig(
        source_format=bigquery.SourceFormat.PARQUET,
        write_disposition=bigquery.WriteDisposition.WRITE_TRUNCATE,
        schema=fields_of(path),
        labels=job["labels"],
    )

    def load() -> int:
        with path.open("rb") as file:
            done: Any = client.load_table_from_file(file, place, job_config=settings).result()
        return int(done.output_rows or 0)

    # A table is replaced as a whole or not at all, so a load that was cut is simply done again.
    return int(patience()(load)())


def _run(client: bigquery.Client, sql: str, job: dict[str, Any]) -> None:
    from google.cloud import bigquery

    run(client, sql, bigquery.QueryJobConfig(**job))
