"""Connections of an account as the content of files, so that planning after it finds nothing.

Secrets are masked by the account: the files refer to variables instead, which are listed. Types of
columns come from who knows them (the warehouse). What cannot be said in a file is left out whole,
and told. Writing files is the command line's business.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dataplatform.declarations.connection_services import is_database
from dataplatform.declarations.naming import fivetran_name, is_identifier
from dataplatform.ingestion.account.reading import read_columns, together
from dataplatform.ingestion.account.settings import MASK
from dataplatform.ingestion.account.tables import landing
from dataplatform.keys import Relation
from dataplatform.resources.fivetran.workspace import find_connection, find_group, group_name

if TYPE_CHECKING:
    from dataplatform.declarations.project import Project
    from dataplatform.resources.fivetran.client import AccountClient

Types = Mapping[Relation, Mapping[str, str]]
_SOURCE_PART = re.compile(r"[A-Za-z_][A-Za-z0-9_$]{0,62}")


@dataclass
class Imported:
    """A connection as its file would declare it.

    Attributes:
        name: what the file is to be called.
        content: the file's settings.
        secrets: variables that the file refers to, to be set before a secret is sent.
        untyped: columns, as ``table.column``, whose types nobody knew; they are given as string.
        left_out: tables that a file cannot declare, with the reason.
    """

    name: str
    content: dict[str, Any]
    secrets: list[str] = field(default_factory=list)
    untyped: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Found:
    """A connection of the account that no file declares, with its schema config."""

    item: Mapping[str, Any]
    schemas: Mapping[str, Any]

    @property
    def landing(self) -> str:
        """Its destination schema, or the prefix of a database."""
        return str(self.item["schema"]).split(".")[0]

    @property
    def prefix(self) -> str | None:
        """What its source's schemas are prefixed with; None where it lands in one schema."""
        return self.landing if is_database(str(self.item["service"])) else None

    def tables(self) -> Iterator[tuple[str, Relation, Mapping[str, Any]]]:
        """Yield every synced table: its name in a file, where it lands, its entry."""
        for schema_name, schema in self.schemas.get("schemas", {}).items():
            if not schema.get("enabled", True):
                continue
            for table_name, table in (schema.get("tables") or {}).items():
                if table.get("enabled"):
                    name = f"{schema_name}.{table_name}" if self.prefix else table_name
                    yield name, landing(self.prefix, schema, table), table


def find_undeclared(project: Project, client: AccountClient) -> list[Found]:
    """Return the account's connections that no file declares, their schema configs included."""
    group = find_group(client, group_name(project))
    items = list(client.list_connectors_for_group(str(group["id"]))) if group else []
    declared = {
        found["id"]
        for connection in project.connections
        if (found := find_connection(items, connection)) is not None
    }

    return together(
        lambda item: _read(client, item), [item for item in items if item["id"] not in declared]
    )


def find_landing(
    project: Project, client: AccountClient, landing: str, tables: Collection[str]
) -> Found | None:
    """Return the account's connection into a schema or prefix, its source looked at anew.

    Args:
        project: its group is looked in.
        client: speaks to the account.
        landing: the schema or prefix.
        tables: those that are wanted, by their names in a file, whether they are synced or not.
    """
    group = find_group(client, group_name(project))
    for item in client.list_connectors_for_group(str(group["id"])) if group else ():
        if str(item["schema"]).split(".")[0] == landing:
            client.call_connection(
                "POST", str(item["id"]), "/schemas/reload", {"exclude_mode": "PRESERVE"}
            )
            return _read(client, item, tables)
    return None


def _read(client: AccountClient, item: Mapping[str, Any], tables: Collection[str] = ()) -> Found:
    whole = item if "config" in item else client.get_connector_details(item["id"])
    live_id = str(item["id"])
    config = dict(client.get_schema_config_for_connector(live_id, False))
    for schema_name, schema in config.get("schemas", {}).items():
        for table_name, table in (schema.get("tables") or {}).items():
            if {table_name, f"{schema_name}.{table_name}"} & {*tables}:
                schema["enabled"] = table["enabled"] = True
            if table.get("enabled") and not table.get("columns"):
                table["columns"] = read_columns(client, live_id, schema_name, table_name)
    return Found(whole, config)


def imported(found: Found, taken: set[str], types: Types, owner: str) -> Imported:
    """Return what a connection's file would say.

    Args:
        found: the connection.
        taken: names of files there are; the chosen one is added.
        types: type families by relation and column, as far as somebody knows them.
        owner: who is to be called about it.
    """
    item = found.item
    name = _name(found.landing, taken)
    one = Imported(name, {})
    handling = str(found.schemas.get("schema_change_handling") or "ALLOW_COLUMNS").lower()
    content: dict[str, Any] = {
        "service": str(item["service"]),
        "prefix" if found.prefix else "schema": found.landing,
        "description": f"Imported from the account; say here what {name} holds.",
        "owner": owner,
        "sync_frequency": int(item.get("sync_frequency") or 360),
    }
    if item.get("daily_sync_time") and content["sync_frequency"] == 1440:
        content["daily_sync_time"] = item["daily_sync_time"]
    if item.get("schedule_type") == "manual":
        content["schedule_type"] = "manual"
    if item.get("paused"):
        content["paused"] = True
    content |= _reach(item)
    if handling != "allow_columns":
        content["schema_changes"] = handling
    hidden = {"schema", "schema_prefix"}
    held = {k: v for k, v in item.get("config", {}).items() if k not in hidden and v is not None}
    config = {key: _written(value, f"{name}_{key}", one.secrets) for key, value in held.items()}
    if config:
        content["config"] = config
    content["tables"] = {
        table: entry
        for table, relation, live in found.tables()
        if (entry := _table(found, one, table, relation, live, types, handling)) is not None
    }
    one.content.update(content)
    return one


def _reach(item: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that a file names only where they are not Fivetran's defaults."""
    settings: dict[str, Any] = {}
    sensitivity = str(item.get("data_delay_sensitivity") or "NORMAL").lower()
    if sensitivity != "normal":
        settings["data_delay"] = {"sensitivity": sensitivity}
        if sensitivity == "custom":
            settings["data_delay"]["threshold"] = int(item.get("data_delay_threshold") or 1)
    method = str(item.get("networking_method") or "Directly")
    if method != "Directly":
        names = ("private_link_id", "proxy_agent_id", "hybrid_deployment_agent_id")
        ids = {name: item[name] for name in names if item.get(name)}
        settings["networking"] = {"method": method, **ids}
    return settings


def _table(
    found: Found,
    one: Imported,
    name: str,
    relation: Relation,
    live: Mapping[str, Any],
    types: Types,
    handling: str,
) -> dict[str, Any] | None:
    parts = name.split(".")
    expected = (
        Relation(f"{found.prefix}_{fivetran_name(parts[0])}", fivetran_name(parts[-1]))
        if found.prefix
        else Relation(found.landing, fivetran_name(name))
    )
    if not all(_SOURCE_PART.fullmatch(part) for part in parts) or expected != relation:
        one.left_out.append(f"{name} lands in {relation} under a name that no file can declare")
        return None
    known = {column.lower(): kind for column, kind in types.get(relation, {}).items()}
    columns: dict[str, str] = {}
    chosen: dict[str, list[str]] = {"primary_key": [], "hashed": [], "excluded": []}
    for column in (live.get("columns") or {}).values():
        arrives = str(column.get("name_in_destination"))
        if not is_identifier(arrives):
            continue
        if not column.get("enabled", True):
            if handling != "block_all":
                chosen["excluded"].append(arrives)
            continue
        if column.get("is_primary_key"):
            chosen["primary_key"].append(arrives)
        if column.get("hashed"):
            chosen["hashed"].append(arrives)
        elif arrives not in known:
            one.untyped.append(f"{name}.{arrives}")
        columns[arrives] = "string" if column.get("hashed") else known.get(arrives, "string")
    for arrives, kind in known.items():
        # An account may name a table's columns only once they were chosen among.
        if arrives not in chosen["excluded"] and is_identifier(arrives):
            columns.setdefault(arrives, kind)
    if not columns:
        one.left_out.append(f"{name} has no known column: sync it once, then import it")
        return None
    mode = str(live.get("sync_mode") or "SOFT_DELETE").lower()
    return {
        **({"sync_mode": mode} if mode != "soft_delete" else {}),
        **{key: value for key, value in chosen.items() if value},
        "columns": columns,
    }


def _written(value: Any, path: str, secrets: list[str]) -> Any:
    """Return a setting as a file writes it: masked ones by a variable, others word for word."""
    if isinstance(value, Mapping):
        return {key: _written(item, f"{path}_{key}", secrets) for key, item in value.items()}
    if isinstance(value, list):
        return [_written(item, f"{path}_{index}", secrets) for index, item in enumerate(value)]
    if value == MASK:
        variable = re.sub(r"[^A-Z0-9]+", "_", path.upper())
        secrets.append(variable)
        return f"${{{variable}}}"
    return value.replace("${", "$${") if isinstance(value, str) else value


def _name(landing_name: str, taken: set[str]) -> str:
    plain = fivetran_name(landing_name).removeprefix("raw_") or "connection"
    name, number = plain, 2
    while name in taken:
        name, number = f"{plain}_{number}", number + 1
    taken.add(name)
    return name
