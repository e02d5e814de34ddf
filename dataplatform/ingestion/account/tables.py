"""What differs between a connection's declared tables and its live schema config.

Which tables and columns are synced, hashed and keys, in which mode, and what becomes of what
appears in the source. Pure comparison; the request that removes the differences comes with them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dataplatform.ingestion.account.changes import Change
from dataplatform.keys import Relation

if TYPE_CHECKING:
    from dataplatform.declarations.connection import Connection, Table

Live = Mapping[str, Any]


@dataclass
class TableDifferences:
    """How the live schema config differs from the declared tables.

    Attributes:
        changes: what differs, in words.
        request: what removes the differences, as the API takes it; empty for none.
        missing: declared tables that the account does not offer, by relation.
    """

    changes: list[Change] = field(default_factory=list)
    request: dict[str, Any] = field(default_factory=dict)
    missing: dict[Relation, Table] = field(default_factory=dict)

    def ask(self, *path: str, **settings: Any) -> None:
        """Add settings to the request: of a schema, a table of it, or a column of that."""
        node = self.request
        for kind, name in zip(("schemas", "tables", "columns"), path, strict=False):
            node = node.setdefault(kind, {}).setdefault(name, {})
        node.update(settings)


def table_differences(connection: Connection, live: Live) -> TableDifferences:
    """Compare the declared tables with a connection's live schema config.

    Declared tables are synced. Others are not, unless everything new is allowed in.
    """
    found = TableDifferences(missing=dict(connection.relations))
    policy = connection.schema_changes.upper()
    if live.get("schema_change_handling") != policy:
        found.request["schema_change_handling"] = policy
        held = live.get("schema_change_handling")
        found.changes.append(
            Change("change", "connection", connection.name, "schema_changes",
                   held.lower() if held else None, connection.schema_changes)
        )  # fmt: skip
    for schema_name, table_name, relation, entry in live_tables(connection, live):
        table = found.missing.pop(relation, None)
        place = (schema_name, table_name)
        enabled = bool(entry.get("enabled"))
        if table is None:
            if enabled and policy != "ALLOW_ALL":
                found.ask(*place, enabled=False)
                found.changes.append(_table(relation, "synced", True, False))
            continue
        open_schema = live["schemas"][schema_name].get("enabled", True)
        if not open_schema:
            found.ask(schema_name, enabled=True)
        if not enabled:
            found.ask(*place, enabled=True)
        if not (enabled and open_schema):
            found.changes.append(_table(relation, "synced", False, True))
        # Accounts name the mode only of tables that can have another.
        mode = str(entry.get("sync_mode") or "soft_delete").lower()
        if mode != table.sync_mode:
            found.ask(*place, sync_mode=table.sync_mode.upper())
            found.changes.append(_table(relation, "sync_mode", mode, table.sync_mode))
        _columns(found, connection, place, relation, table, entry)
    for relation in found.missing:
        found.changes.append(_table(relation, "synced", None, True))
    return found


def live_tables(connection: Connection, live: Live) -> Iterator[tuple[str, str, Relation, Live]]:
    """Yield every live table: its schema and name in the source, where it lands, its entry."""
    for schema_name, schema in live.get("schemas", {}).items():
        for table_name, table in (schema.get("tables") or {}).items():
            yield schema_name, table_name, landing(connection.prefix, schema, table), table


def landing(prefix: str | None, schema: Live, table: Live) -> Relation:
    """Where a live table lands; accounts give a database's schema with or without the prefix."""
    name = str(schema.get("name_in_destination", ""))
    target = str(table.get("name_in_destination", ""))
    if prefix and name != prefix and not name.startswith(f"{prefix}_"):
        name = f"{prefix}_{name}"
    return Relation(name, target)


def needs_columns(connection: Connection, table: Table) -> bool:
    """Say whether a table's choice of columns must be compared one by one."""
    return bool(table.hashed or table.excluded or connection.schema_changes == "block_all")


def _columns(
    found: TableDifferences,
    connection: Connection,
    place: tuple[str, str],
    relation: Relation,
    table: Table,
    entry: Live,
) -> None:
    live = entry.get("columns") or {}
    listed = connection.schema_changes == "block_all"
    keys = {str(c.get("name_in_destination")) for c in live.values() if c.get("is_primary_key")}
    arrive = {str(column.get("name_in_destination")) for column in live.values()}
    compare_keys = bool(table.primary_key) and set(table.primary_key) <= arrive
    for source_name, column in live.items():
        name = str(column.get("name_in_destination"))
        declared = name in table.columns
        wanted = declared if listed else name not in table.excluded
        fixed = not (column.get("enabled_patch_settings") or {}).get("allowed", True)
        edits: dict[str, Any] = {}
        # A key's column cannot be left out.
        free = not fixed and (wanted or name not in keys)
        if bool(column.get("enabled", True)) != wanted and free:
            edits["enabled"] = wanted
        hashed = name in table.hashed
        if bool(column.get("hashed")) != hashed and (declared or hashed):
            edits["hashed"] = hashed
        if compare_keys and (name in keys) != (name in table.primary_key):
            edits["is_primary_key"] = name in table.primary_key
        if edits:
            found.ask(*place, source_name, **edits)
        for setting, value in edits.items():
            shown = {"enabled": "synced", "is_primary_key": "primary_key"}.get(setting, setting)
            found.changes.append(
                Change("change", "column", f"{relation}.{name}", shown, not value, value)
            )


def _table(relation: Relation, field_name: str, before: Any, after: Any) -> Change:
    return Change("change", "table", str(relation), field_name, before, after)
