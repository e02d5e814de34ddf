"""What a connection's file may say, and what it may not.

The file's shape, and the rules of its shape: where tables land, which files of a bucket are which
table, which names and types are sound. When and by which way it is synced is
``connection_rules``'s; the declared connection itself is ``connection``'s.
"""

from __future__ import annotations

import re
from typing import Any, Literal

from pydantic import Field

from dataplatform.declarations.connection_services import KNOWN, is_database, meant
from dataplatform.declarations.errors import nearest
from dataplatform.declarations.file_source import problems
from dataplatform.declarations.naming import is_identifier
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

#: Kinds of sources whose tables are file patterns.
FILES = frozenset({"s3", "gcs"})
#: The kind whose one table is a named range.
SHEETS = "google_sheets"
NetworkingMethod = Literal["Directly", "SshTunnel", "PrivateLink", "ProxyAgent"]
SchemaChanges = Literal["allow_all", "allow_columns", "block_all"]
SyncMode = Literal["soft_delete", "history", "live"]
Sensitivity = Literal["low", "normal", "high", "custom", "sync_frequency"]

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
    sync_mode: SyncMode = "soft_delete"
    hashed: list[str] = Field(default_factory=list)
    excluded: list[str] = Field(default_factory=list)
    columns: dict[str, str]


class ScheduleFile(Strict):
    """A cron, which Dagster keeps; the connection itself is then on manual."""

    cron: str
    timezone: str = "UTC"


class NetworkingFile(Strict):
    """How Fivetran reaches the source, by the API's names."""

    method: NetworkingMethod
    private_link_id: str | None = None
    proxy_agent_id: str | None = None
    hybrid_deployment_agent_id: str | None = None


class DataDelayFile(Strict):
    """How late data may be before Fivetran itself warns; minutes at ``custom`` only."""

    sensitivity: Sensitivity
    threshold: int | None = None


class TrustFile(Strict):
    """Whether a setup test takes what the source shows it for its own."""

    certificates: bool = False
    fingerprints: bool = False


class ConnectionFile(Strict):
    service: str
    schema_: str | None = Field(default=None, alias="schema")
    prefix: str | None = None
    description: str
    owner: str
    sync_frequency: int = 1440
    schedule_type: Literal["auto", "manual"] | None = None
    schedule: ScheduleFile | None = None
    daily_sync_time: str | None = None
    paused: bool = False
    data_delay: DataDelayFile | None = None
    networking: NetworkingFile | None = None
    trust: TrustFile = TrustFile()
    schema_changes: SchemaChanges = "allow_columns"
    freshness: float | None = None
    after: list[str] = Field(default_factory=list)
    config: dict[str, Any] = Field(default_factory=dict)
    auth: dict[str, Any] = Field(default_factory=dict)
    tables: dict[str, TableFile]


def check_service(file: YamlFile, content: ConnectionFile) -> None:
    """Refuse what is no kind of source, or nearly one."""
    service = content.service
    if not re.fullmatch(r"[a-z][a-z0-9_]*", service):
        raise file.error(
            ("service",),
            f"{service!r} is not a kind of source, which Fivetran writes like google_sheets."
            f"{nearest(service.lower(), KNOWN)}",
        )
    close = meant(service)
    if close:
        raise file.error(
            ("service",), f"{service!r} is not a kind of source. Did you mean {close!r}?"
        )


def check_landing(file: YamlFile, name: str, content: ConnectionFile) -> None:
    if not is_identifier(name):
        raise file.error((), f"{name!r} is not a safe name for a connection: {_RULE}")
    database = is_database(content.service)
    wanted, other = ("prefix", "schema") if database else ("schema", "prefix")
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


def check_files(file: YamlFile, content: ConnectionFile) -> None:
    """The tables of a bucket are found by its file patterns, so the two must agree."""
    if content.service not in FILES:
        return
    if "files" not in content.config and content.config.get("table") in content.tables:
        # The older form of such a connection reads one table by one pattern.
        return
    for loc, text in problems(content.config, content.tables):
        raise file.error(("config", *loc), text)
    patterned = {one["table_name"] for one in content.config["files"]}
    for name in content.tables:
        if name not in patterned:
            raise file.error(("tables", name), f"the table {name!r} has no entry in config.files.")


def check_sheet(file: YamlFile, content: ConnectionFile) -> None:
    """A named range of a spreadsheet is one table, which both name."""
    if content.service != SHEETS:
        return
    for setting in ("sheet_id", "named_range", "table"):
        value = content.config.get(setting)
        if not isinstance(value, str) or not value:
            raise file.error(
                ("config",), f"the setting {setting!r} of a {SHEETS} connection is missing."
            )
    table = content.config["table"]
    if table not in content.tables:
        raise file.error(
            ("config", "table"),
            f"{table!r} is not this connection's table.{nearest(table, content.tables)}",
        )
    for name in content.tables:
        if name != table:
            raise file.error(
                ("tables", name),
                f"a {SHEETS} connection reads one table, which config.table says is {table!r}.",
            )


def check_table(file: YamlFile, service: str, name: str, table: TableFile) -> None:
    loc = ("tables", name)
    parts = name.split(".")
    if not all(_SOURCE_PART.fullmatch(part) for part in parts):
        raise file.error(loc, f"{name!r} is not a safe name for a table: {_RULE}")
    database = is_database(service)
    if database and len(parts) != 2:
        raise file.error(
            loc,
            f"{name!r} must be written as schema.table, such as public.{parts[-1]}.",
        )
    if not database and len(parts) != 1:
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
