"""What a connection's file may say, and what it may not.

The file's shape and the rules that its shape cannot express: where tables land, when they are
synced, which files of a bucket are which table, which names and types are sound. The declared
connection itself is ``connection``'s.
"""

from __future__ import annotations

import re
from typing import Any, Literal

from pydantic import Field

from dataplatform.declarations.errors import nearest
from dataplatform.declarations.naming import is_identifier
from dataplatform.declarations.owner import check_owner
from dataplatform.declarations.strict import Strict
from dataplatform.declarations.yaml_file import YamlFile
from dataplatform.keys import (
    CANDIDATE,
    CURATED,
    INTERMEDIATE,
    LAKE_RAW,
    PUBLISHED,
    SNAPSHOTS,
    STAGING,
)

Service = Literal["postgres", "salesforce", "s3"]

TYPE_FAMILIES = (
    "string",
    "integer",
    "bigint",
    "decimal",
    "double",
    "boolean",
    "date",
    "timestamp",
    "timestamptz",
    "json",
    "binary",
)
#: What Fivetran accepts as minutes between two syncs.
SYNC_FREQUENCIES = (1, 5, 15, 30, 60, 120, 180, 360, 480, 720, 1440)
#: Schemas that the platform itself writes; a source may not land there.
RESERVED_SCHEMAS = frozenset(
    {STAGING, INTERMEDIATE, CANDIDATE, PUBLISHED, CURATED, LAKE_RAW, SNAPSHOTS}
    | {"main", "public", "information_schema", "pg_catalog"}
)

_DECIMAL = re.compile(r"decimal\((\d{1,2}),\s*(\d{1,2})\)")
_SOURCE_PART = re.compile(r"[A-Za-z_][A-Za-z0-9_$]{0,62}")
_RULE = "use letters, digits and underscores, beginning with a letter, at most 63."


class TableFile(Strict):
    description: str = ""
    primary_key: list[str] = Field(default_factory=list)
    columns: dict[str, str]


class ConnectionFile(Strict):
    service: Service
    schema_: str | None = Field(default=None, alias="schema")
    prefix: str | None = None
    description: str
    owner: str
    sync_frequency: int = 1440
    schedule_type: Literal["auto", "manual"] = "auto"
    daily_sync_time: str | None = None
    paused: bool = False
    freshness: float | None = None
    after: list[str] = Field(default_factory=list)
    config: dict[str, Any] = Field(default_factory=dict)
    tables: dict[str, TableFile]


def check_landing(file: YamlFile, name: str, content: ConnectionFile) -> None:
    if not is_identifier(name):
        raise file.error((), f"{name!r} is not a safe name for a connection: {_RULE}")
    wanted, other = ("prefix", "schema") if content.service == "postgres" else ("schema", "prefix")
    values = {"schema": content.schema_, "prefix": content.prefix}
    if values[other] is not None:
        raise file.error((other,), f"a {content.service} connection has {wanted!r}, not {other!r}.")
    value = values[wanted]
    if value is None:
        raise file.error(
            (), f"the setting {wanted!r} of a {content.service} connection is missing."
        )
    if not is_identifier(value):
        raise file.error((wanted,), f"{value!r} is not a safe name for a {wanted}: {_RULE}")
    if value in RESERVED_SCHEMAS:
        raise file.error((wanted,), f"{value!r} is a schema of the platform's own: choose another.")


def check_schedule(file: YamlFile, content: ConnectionFile) -> None:
    if content.sync_frequency not in SYNC_FREQUENCIES:
        options = ", ".join(map(str, SYNC_FREQUENCIES))
        raise file.error(
            ("sync_frequency",),
            f"sync_frequency must be one of {options} minutes, not {content.sync_frequency}.",
        )
    time = content.daily_sync_time
    if time is not None:
        if content.sync_frequency != 1440:
            raise file.error(
                ("daily_sync_time",),
                "daily_sync_time needs a sync_frequency of 1440 minutes.",
            )
        if not re.fullmatch(r"([01]\d|2[0-3]):00", time):
            raise file.error(
                ("daily_sync_time",),
                f"daily_sync_time must be a full hour like 06:00, not {time!r}.",
            )
    if content.freshness is not None and content.freshness <= 0:
        raise file.error(
            ("freshness",),
            f"freshness must be hours above 0, not {content.freshness:g}.",
        )
    check_owner(file, ("owner",), content.owner)


def check_files(file: YamlFile, content: ConnectionFile) -> None:
    """The tables of a bucket are found by its file patterns, so the two must agree."""
    if content.service != "s3":
        return
    files = content.config.get("files")
    if not isinstance(files, list) or not files:
        raise file.error(
            ("config",), "an s3 connection needs config.files, a list of file patterns."
        )
    known = {
        "table_name",
        "file_pattern",
        "file_type",
        "primary_keys",
        "archive_pattern",
    }
    for index, one in enumerate(files):
        loc = ("config", "files", index)
        if not isinstance(one, dict):
            raise file.error(loc, "an entry of config.files must be settings (key: value).")
        for key in one:
            if key not in known:
                raise file.error(
                    (*loc, key),
                    f"{key!r} is not a setting of 'files' in a connection.{nearest(key, known)}",
                )
        for key in ("table_name", "file_pattern"):
            if not isinstance(one.get(key), str):
                raise file.error(loc, f"the setting {key!r} of 'files' in a connection is missing.")
        if one["table_name"] not in content.tables:
            raise file.error(
                (*loc, "table_name"),
                f"{one['table_name']!r} is not among this connection's tables."
                f"{nearest(one['table_name'], content.tables)}",
            )
        try:
            re.compile(one["file_pattern"])
        except re.error as error:
            raise file.error(
                (*loc, "file_pattern"),
                f"file_pattern is not a regular expression: {error}.",
            ) from None
    patterned = {one["table_name"] for one in files}
    for name in content.tables:
        if name not in patterned:
            raise file.error(("tables", name), f"the table {name!r} has no entry in config.files.")


def check_table(file: YamlFile, service: Service, name: str, table: TableFile) -> None:
    loc = ("tables", name)
    parts = name.split(".")
    if not all(_SOURCE_PART.fullmatch(part) for part in parts):
        raise file.error(loc, f"{name!r} is not a safe name for a table: {_RULE}")
    if service == "postgres" and len(parts) != 2:
        raise file.error(
            loc,
            f"{name!r} must be written as schema.table, such as public.{parts[-1]}.",
        )
    if service != "postgres" and len(parts) != 1:
        raise file.error(loc, f"{name!r} must be a table's name alone, without a schema.")
    if not table.columns:
        raise file.error((*loc, "columns"), f"the table {name!r} declares no column.")
    for column, family in table.columns.items():
        if not is_identifier(column):
            raise file.error(
                (*loc, "columns", column),
                f"{column!r} is not a safe name for a column: {_RULE}",
            )
        check_type(file, (*loc, "columns", column), column, family)
    for index, column in enumerate(table.primary_key):
        if column not in table.columns:
            raise file.error(
                (*loc, "primary_key", index),
                f"the primary key column {column!r} is not among the columns of {name!r}."
                f"{nearest(column, table.columns)}",
            )


def check_type(file: YamlFile, loc: tuple[str | int, ...], column: str, family: str) -> None:
    """Refuse a type that is none of the type families.

    Raises:
        DeclarationError: an unknown family, or a decimal without a sound precision and scale.
    """
    decimal = _DECIMAL.fullmatch(family)
    if decimal:
        precision, scale = int(decimal[1]), int(decimal[2])
        if not 1 <= precision <= 38 or scale > precision:
            raise file.error(
                loc,
                f"{family!r} of {column!r} must have 1 to 38 digits and no more places.",
            )
        return
    if family == "decimal" or family.startswith("decimal("):
        raise file.error(
            loc,
            f"the decimal {column!r} needs its digits and places, as decimal(14,2).",
        )
    if family not in TYPE_FAMILIES:
        raise file.error(
            loc,
            f"{family!r} of {column!r} is not a type.{nearest(family, TYPE_FAMILIES)}",
        )
