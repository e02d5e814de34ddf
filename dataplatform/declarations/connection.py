"""Connections: what is synced from a source, how often, and as which tables.

A file ``config/connections/<name>.yml`` is the whole truth about a connection. Raw assets come
from it alone. How a connection is set up or synced is the business of ``ingestion``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from dataplatform.declarations.connection_file import (
    TYPE_FAMILIES,
    ConnectionFile,
    DataDelayFile,
    NetworkingFile,
    ScheduleFile,
    SchemaChanges,
    SyncMode,
    TrustFile,
    check_files,
    check_landing,
    check_service,
    check_sheet,
    check_table,
)
from dataplatform.declarations.connection_rules import (
    SYNC_FREQUENCIES,
    check_choices,
    check_networking,
    check_schedule,
)
from dataplatform.declarations.connection_seed import refuse_older_form
from dataplatform.declarations.naming import fivetran_name
from dataplatform.declarations.strict import validate
from dataplatform.declarations.yaml_file import YamlFile, read_yaml
from dataplatform.keys import Relation

__all__ = ["SYNC_FREQUENCIES", "TYPE_FAMILIES", "Connection", "Table", "load_connection"]


@dataclass(frozen=True)
class Table:
    """One table of a source.

    Attributes:
        name: its name in the source, such as ``public.orders`` or ``Contact``.
        columns: column in the destination -> type family.
        primary_key: columns in the destination; empty where the source has no key.
        description: Markdown.
        line: where the file declares it.
        sync_mode: how changes of a row arrive.
        hashed: columns in the destination that arrive hashed.
        excluded: columns, by their names in the destination, that do not arrive.
    """

    name: str
    columns: dict[str, str]
    primary_key: list[str] = field(default_factory=list)
    description: str = ""
    line: int = 1
    sync_mode: SyncMode = "soft_delete"
    hashed: list[str] = field(default_factory=list)
    excluded: list[str] = field(default_factory=list)


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
        auth: how Fivetran is let in where the service asks for more than config, raw.
        schedule: a cron that Dagster keeps; the connection is then on manual.
        data_delay: how late data may be before Fivetran warns; normally so without it.
        networking: how Fivetran reaches the source; directly without it.
        trust: what setup tests take for the source's own.
        schema_changes: what becomes of tables and columns that appear in the source.
    """

    name: str
    file: Path
    service: str
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
    auth: dict[str, Any] = field(default_factory=dict)
    schedule: ScheduleFile | None = None
    data_delay: DataDelayFile | None = None
    networking: NetworkingFile | None = None
    trust: TrustFile = field(default_factory=TrustFile)
    schema_changes: SchemaChanges = "allow_columns"

    @property
    def destination_schema(self) -> str:
        """What Fivetran calls the connection's schema: the schema, or the prefix of a database."""
        return self.schema or self.prefix or ""

    @cached_property
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


def load_connection(path: Path, root: Path) -> Connection:
    """Read one connection file.

    Raises:
        DeclarationError: something in it is wrong; the text names the line.
    """
    file = read_yaml(path, root)
    refuse_older_form(file)
    content = validate(ConnectionFile, file, "a connection")
    check_service(file, content)
    check_landing(file, path.stem, content)
    check_schedule(file, content)
    check_networking(file, content)
    check_files(file, content)
    check_sheet(file, content)
    if not content.tables:
        raise file.error(("tables",), "the connection declares no table.")
    tables = []
    for name, table in content.tables.items():
        check_table(file, content.service, name, table)
        check_choices(file, name, table)
        tables.append(
            Table(
                name=name,
                columns=dict(table.columns),
                primary_key=list(table.primary_key),
                description=table.description,
                line=file.line(("tables", name)) or 1,
                sync_mode=table.sync_mode,
                hashed=list(table.hashed),
                excluded=list(table.excluded),
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
        schedule_type=content.schedule_type or ("manual" if content.schedule else "auto"),
        daily_sync_time=content.daily_sync_time,
        paused=content.paused,
        owner=content.owner,
        description=content.description,
        freshness=content.freshness,
        after=list(content.after),
        auth=content.auth,
        schedule=content.schedule,
        data_delay=content.data_delay,
        networking=content.networking,
        trust=content.trust,
        schema_changes=content.schema_changes,
    )
    _check_landed_names(file, connection)
    return connection


def _check_landed_names(file: YamlFile, connection: Connection) -> None:
    if len(connection.relations) == len(connection.tables):
        return
    landed: dict[Relation, str] = {}
    for table in connection.tables:
        relation = connection.relation(table)
        if relation in landed:
            raise file.error(
                ("tables", table.name),
                f"{table.name!r} and {landed[relation]!r} would both land in {relation}.",
            )
        landed[relation] = table.name
