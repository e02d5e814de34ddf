"""Which tables and columns of a connection are synced.

A schema config has the API's form: schemas, their tables, their columns, each enabled or not,
with its name in the destination. What the source offers is merged into what the user chose.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from dataplatform.declarations.naming import fivetran_name
from dataplatform.local.fivetran.model import (
    SOFT_DELETE,
    SYNC_MODES,
    Column,
    SyncFailure,
    Table,
)

Config = dict[str, Any]
HANDLINGS = ("ALLOW_ALL", "ALLOW_COLUMNS", "BLOCK_ALL")


def merged(held: Config | None, tables: Iterable[Table], *, forget: bool = False) -> Config:
    """Return the config that covers what the source offers now.

    Args:
        held: the config so far, or None.
        tables: what the source offers.
        forget: drop tables that are gone from the source and that nobody enabled by name.
    """
    config = held or {"schema_change_handling": "ALLOW_ALL", "schemas": {}}
    handling = config["schema_change_handling"]
    seen = set()
    for table in tables:
        seen.add((table.schema, table.name))
        schema = config["schemas"].setdefault(
            table.schema,
            _entry(table.target_schema, handling == "ALLOW_ALL") | {"tables": {}},
        )
        schema["name_in_destination"] = table.target_schema
        entry = schema["tables"].setdefault(
            table.name, _entry(table.target, handling == "ALLOW_ALL") | _table_extras()
        )
        entry["name_in_destination"] = table.target
        columns = entry.setdefault("columns", {})
        # The columns a table has when it is first seen belong to it; only later ones are new.
        known = any("is_primary_key" in held_column for held_column in columns.values())
        for column in table.columns:
            held_column = columns.setdefault(
                column.source,
                _entry(column.name, not known or handling != "BLOCK_ALL") | {"hashed": False},
            )
            held_column["name_in_destination"] = column.name
            held_column["is_primary_key"] = column.key
    if forget:
        for name, schema in config["schemas"].items():
            schema["tables"] = {
                key: entry
                for key, entry in schema["tables"].items()
                if (name, key) in seen or entry.get("_chosen")
            }
    return config


def _entry(name: str, enabled: bool) -> Config:
    return {
        "name_in_destination": name,
        "enabled": enabled,
        "enabled_patch_settings": {"allowed": True},
    }


def _table_extras() -> Config:
    return {"sync_mode": SOFT_DELETE, "supports_columns_config": True, "columns": {}}


def patch(config: Config, change: Config) -> None:
    """Apply a request to a config, in place.

    Raises:
        ValueError: a value is not one the API knows; the text is one sentence.
    """
    handling = change.get("schema_change_handling")
    if handling is not None:
        if handling not in HANDLINGS:
            raise ValueError(
                f"'schema_change_handling' must be one of {', '.join(HANDLINGS)}, not {handling!r}."
            )
        config["schema_change_handling"] = handling
    for name, schema_change in _items(change, "schemas"):
        schema = config["schemas"].setdefault(
            name, _entry(fivetran_name(name), True) | {"tables": {}}
        )
        _set_enabled(schema, schema_change, name)
        for table_name, table_change in _items(schema_change, "tables"):
            patch_table(schema, table_name, table_change)


def patch_table(schema: Config, name: str, change: Config) -> None:
    """Apply a request to one table of a schema, in place."""
    entry = schema["tables"].setdefault(name, _entry(fivetran_name(name), True) | _table_extras())
    _set_enabled(entry, change, name)
    mode = change.get("sync_mode")
    if mode is not None:
        if mode not in SYNC_MODES:
            modes = ", ".join(SYNC_MODES)
            raise ValueError(f"Table {name!r}: 'sync_mode' must be one of {modes}, not {mode!r}.")
        entry["sync_mode"] = mode
    for column, column_change in _items(change, "columns"):
        held = entry["columns"].setdefault(
            column, _entry(fivetran_name(column), True) | {"hashed": False}
        )
        if "hashed" in column_change:
            if not isinstance(column_change["hashed"], bool):
                raise ValueError(f"{column!r}: 'hashed' must be true or false.")
            held["hashed"] = column_change["hashed"]
        if column_change.get("enabled") is False and held.get("is_primary_key"):
            raise ValueError(f"Column {column!r} is part of the primary key: it must stay enabled.")
        _set_enabled(held, column_change, column)


def _items(change: Config, key: str) -> Iterable[tuple[str, Config]]:
    value = change.get(key) or {}
    if not isinstance(value, dict) or not all(isinstance(v, dict) for v in value.values()):
        raise ValueError(f"{key!r} must be an object of objects.")
    return value.items()


def _set_enabled(entry: Config, change: Config, name: str) -> None:
    if "enabled" in change:
        if not isinstance(change["enabled"], bool):
            raise ValueError(f"{name!r}: 'enabled' must be true or false.")
        entry["enabled"] = change["enabled"]
        entry["_chosen"] = change["enabled"]


def public(value: Any) -> Any:
    """Return a config without the service's own notes."""
    if isinstance(value, dict):
        return {k: public(v) for k, v in value.items() if not k.startswith("_chosen")}
    return value


def selected(config: Config, tables: Iterable[Table]) -> list[Table]:
    """Return the enabled tables with their enabled columns.

    Raises:
        SyncFailure: an enabled table is not in the source.
    """
    offered = {(table.schema, table.name): table for table in tables}
    chosen = []
    for schema_name, schema in config["schemas"].items():
        for name, entry in schema["tables"].items():
            if not (schema["enabled"] and entry["enabled"]):
                continue
            table = offered.get((schema_name, name))
            if table is None:
                raise SyncFailure(
                    f"Table {schema_name}.{name} is gone from the source: put it back, or disable "
                    "it in the connection's schema.",
                    code="table_missing",
                )
            states = entry["columns"]
            columns = tuple(
                c for c in table.columns if c.key or states.get(c.source, {}).get("enabled", True)
            )
            # Sources that find columns while they read have to know which are not wanted.
            blocked = frozenset(
                source
                for source, state in states.items()
                if not state.get("enabled", True) and not state.get("is_primary_key")
            )
            hashed = frozenset(source for source, state in states.items() if state.get("hashed"))
            mode = entry.get("sync_mode", SOFT_DELETE)
            chosen.append(
                replace(
                    table,
                    columns=columns,
                    mode=mode,
                    hashed=hashed,
                    signature=_signature(table, columns, hashed),
                    details={**table.details, "blocked": blocked},
                )
            )
    return chosen


def _signature(table: Table, columns: tuple[Column, ...], hashed: frozenset[str]) -> str:
    """Return the table's signature, which another choice of columns changes as well."""
    signature = table.signature
    if len(columns) != len(table.columns):
        signature += "/" + ",".join(column.source for column in columns)
    return signature + (f"/hashed {','.join(sorted(hashed))}" if hashed else "")
