"""Connections: what is synced from a source, how often, and as which tables.

A file ``config/connections/<name>.yml`` is the whole truth about a connection. Raw assets come
from it alone. How a connection is set up or synced is the business of ``ingestion``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from dataplatform.declarations.errors import nearest
from dataplatform.declarations.naming import fivetran_name, is_identifier
from dataplatform.declarations.yaml_file import Strict, YamlFile, read_yaml, validate
from dataplatform.keys import (
    CANDIDATE,
    CURATED,
    INTERMEDIATE,
    LAKE_RAW,
    PUBLISHED,
    SNAPSHOTS,
    STAGING,
    Relation,
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


@dataclass(frozen=True)
class Table:
    """One table of a source.

    Attributes:
        name: its name in the source, such as ``public.orders`` or ``Contact``.
        columns: column in the destination -> type family.
        primary_key: columns in the destination; empty where the source has no key.
        description: Markdown.
        line: where the file declares it.
    """

    name: str
    columns: dict[str, str]
    primary_key: list[str] = field(default_factory=list)
    description: str = ""
    line: int = 1


@dataclass(frozen=True)
class Connection:
    """One declared connection; texts in ``config`` may hold references, resolved at use.

    Attributes:
        name: the file's stem.
        file: the file, relative to the project.
        service: the kind of source, by Fivetran's name.
        schema: the schema its tables land in; None for a database.
        prefix: what the source's schemas are prefixed with; None where there is ``schema``.
        config: the service's settings, raw.
        sync_frequency: minutes between two syncs.
        schedule_type: whether Fivetran's own clock runs it.
        daily_sync_time: "HH:MM" in UTC, at a frequency of 1440 only.
        paused: whether its schedule rests.
        freshness: hours after which its tables are late; None promises nothing.
        after: extracts whose files it reads, which therefore run first.
    """

    name: str
    file: Path
    service: Service
    schema: str | None
    prefix: str | None
    config: dict[str, Any]
    tables: list[Table]
    sync_frequency: int
    schedule_type: Literal["auto", "manual"]
    daily_sync_time: str | None
    paused: bool
    owner: str
    description: str
    freshness: float | None
    after: list[str]

    @property
    def destination_schema(self) -> str:
        """What Fivetran calls the connection's schema: the schema, or the prefix of a database."""
        return self.schema or self.prefix or ""

    @property
    def relations(self) -> dict[Relation, Table]:
        """Every table by the relation it lands in."""
        return {self.relation(table): table for table in self.tables}

    def relation(self, table: Table | str) -> Relation:
        """Return the relation that a table of the source lands in, by Fivetran's naming rule.

        Args:
            table: a declared table, or a table's name in the source.
        """
        name = table if isinstance(table, str) else table.name
        if self.prefix is None:
            return Relation(self.schema or "", fivetran_name(name))
        source_schema, _, source_table = name.rpartition(".")
        return Relation(
            f"{self.prefix}_{fivetran_name(source_schema)}", fivetran_name(source_table)
        )

    def table(self, relation: Relation) -> Table | None:
        """Return the table that lands in a relation, or None."""
        return self.relations.get(relation)


class _TableFile(Strict):
    description: str = ""
    primary_key: list[str] = []
    columns: dict[str, str]


class _ConnectionFile(Strict):
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
    after: list[str] = []
    config: dict[str, Any] = {}
    tables: dict[str, _TableFile]


def load_connection(path: Path, root: Path) -> Connection:
    """Read one connection file.

    Raises:
        DeclarationError: something in it is wrong; the text names the line.
    """
    file = read_yaml(path, root)
    content = validate(_ConnectionFile, file, "a connection")
    _check_landing(file, path.stem, content)
    _check_schedule(file, content)
    _check_files(file, content)
    if not content.tables:
        raise file.error(("tables",), "the connection declares no table.")
    tables = []
    for name, table in content.tables.items():
        _check_table(file, content.service, name, table)
        tables.append(
            Table(
                name=name,
                columns=dict(table.columns),
                primary_key=list(table.primary_key),
                description=table.description,
                line=file.line(("tables", name)) or 1,
            )
        )
    connection = Connection(
        name=path.stem,
        file=file.path,
        service=content.service,
        schema=content.schema_,
        prefix=content.prefix,
        config=content.config,
        tables=tables,
        sync_frequency=content.sync_frequency,
        schedule_type=content.schedule_type,
        daily_sync_time=content.daily_sync_time,
        paused=content.paused,
        owner=content.owner,
        description=content.description,
        freshness=content.freshness,
        after=list(content.after),
    )
    _check_landed_names(file, connection)
    return connection


def _check_landing(file: YamlFile, name: str, content: _ConnectionFile) -> None:
    if not is_identifier(name):
        raise file.error((), f"{name!r} is not a safe name for a connection: {_RULE}")
    wanted, other = (
        ("prefix", "schema") if content.service == "postgres" else ("schema", "prefix")
    )
    values = {"schema": content.schema_, "prefix": content.prefix}
    if values[other] is not None:
        raise file.error(
            (other,), f"a {content.service} connection has {wanted!r}, not {other!r}."
        )
    value = values[wanted]
    if value is None:
        raise file.error(
            (), f"the setting {wanted!r} of a {content.service} connection is missing."
        )
    if not is_identifier(value):
        raise file.error(
            (wanted,), f"{value!r} is not a safe name for a {wanted}: {_RULE}"
        )
    if value in RESERVED_SCHEMAS:
        raise file.error(
            (wanted,), f"{value!r} is a schema of the platform's own: choose another."
        )


def _check_schedule(file: YamlFile, content: _ConnectionFile) -> None:
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


def check_owner(file: YamlFile, loc: tuple[str | int, ...], owner: str) -> None:
    """Refuse an owner that is neither an e-mail address nor ``team:<name>``.

    Raises:
        DeclarationError: it is neither.
    """
    if not re.fullmatch(r"team:[A-Za-z0-9_-]+|[^@\s]+@[^@\s]+\.[^@\s]+", owner):
        raise file.error(
            loc, f"{owner!r} is no owner: write an e-mail address or team:<name>."
        )


def _check_files(file: YamlFile, content: _ConnectionFile) -> None:
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
            raise file.error(
                loc, "an entry of config.files must be settings (key: value)."
            )
        for key in one:
            if key not in known:
                raise file.error(
                    (*loc, key),
                    f"{key!r} is not a setting of 'files' in a connection.{nearest(key, known)}",
                )
        for key in ("table_name", "file_pattern"):
            if not isinstance(one.get(key), str):
                raise file.error(
                    loc, f"the setting {key!r} of 'files' in a connection is missing."
                )
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
            raise file.error(
                ("tables", name), f"the table {name!r} has no entry in config.files."
            )


def _check_table(
    file: YamlFile, service: Service, name: str, table: _TableFile
) -> None:
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
        raise file.error(
            loc, f"{name!r} must be a table's name alone, without a schema."
        )
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


def check_type(
    file: YamlFile, loc: tuple[str | int, ...], column: str, family: str
) -> None:
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


def _check_landed_names(file: YamlFile, connection: Connection) -> None:
    landed: dict[Relation, str] = {}
    for table in connection.tables:
        relation = connection.relation(table)
        if relation in landed:
            raise file.error(
                ("tables", table.name),
                f"{table.name!r} and {landed[relation]!r} would both land in {relation}.",
            )
        landed[relation] = table.name


_RULE = "use letters, digits and underscores, beginning with a letter, at most 63."
