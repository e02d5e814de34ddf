"""What differs between declared connections and an account, in words a person can read.

Pure comparison: reading an account and changing it happens in ``passing`` and what uses it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from dataplatform.keys import Relation
from dataplatform.resources.fivetran.identity import destination_config

if TYPE_CHECKING:
    from dataplatform.declarations.connection import Connection

MASK = "******"
SECRET = "(secret)"


@dataclass(frozen=True)
class Change:
    """One difference.

    Attributes:
        action: what applying does about it; ``unmanaged`` is never touched.
        kind: ``group``, ``destination``, ``connection`` or ``table``.
        name: the group's, connection's or table's name.
        field: what differs, for a change.
        before: the account's value; a secret is never shown.
        after: the declared value; a secret is never shown.
    """

    action: Literal["create", "change", "unmanaged"]
    kind: Literal["group", "destination", "connection", "table"]
    name: str
    field: str = ""
    before: Any = None
    after: Any = None

    def sentence(self) -> str:
        """Return the difference as one line."""
        if self.action == "create":
            return f"create {self.kind} {self.name}"
        if self.action == "unmanaged":
            return f"leave {self.kind} {self.name}: it is in the account and in no file"
        return f"change {self.kind} {self.name}: {self.field} {self.before!r} -> {self.after!r}"

    def as_json(self) -> dict[str, Any]:
        """Return the difference for programs."""
        return asdict(self)


def declared_settings(connection: Connection) -> dict[str, Any]:
    """Return a connection's own fields by the API's names, its config aside."""
    settings: dict[str, Any] = {
        "sync_frequency": connection.sync_frequency,
        "schedule_type": connection.schedule_type,
        "paused": connection.paused,
    }
    if connection.daily_sync_time:
        settings["daily_sync_time"] = connection.daily_sync_time
    return settings


def declared_config(connection: Connection, resolve_all: Callable[[Any], Any]) -> dict[str, Any]:
    """Return a connection's config with its references resolved and its destination named.

    Args:
        connection: the declared connection.
        resolve_all: expands references in a value of any shape.
    """
    return {**resolve_all(connection.config), **destination_config(connection)}


def config_differences(
    declared: Mapping[str, Any],
    live: Mapping[str, Any],
    secret_known: Callable[[str, Any], bool],
) -> dict[str, tuple[Any, Any]]:
    """Return the settings that differ, as (before, after); a secret's values are hidden.

    Args:
        declared: resolved settings.
        live: the account's settings, secrets masked.
        secret_known: whether a secret is the one that was last sent.
    """
    found: dict[str, tuple[Any, Any]] = {}
    for key, wanted in declared.items():
        held = live.get(key)
        if held == MASK:
            if not secret_known(key, wanted):
                found[key] = (SECRET, SECRET)
        elif not same(wanted, held):
            hidden = looks_secret(key)
            found[key] = (SECRET, SECRET) if hidden else (held, wanted)
    return found


def looks_secret(key: str) -> bool:
    """Return whether a setting's value must not be shown, going by its name."""
    lowered = key.lower()
    return any(word in lowered for word in ("password", "secret", "private_key", "token"))


def same(wanted: Any, held: Any) -> bool:
    """Return whether two settings mean the same: an account may answer "5432" for 5432."""
    if isinstance(wanted, Mapping) and isinstance(held, Mapping):
        return all(same(value, held.get(key)) for key, value in wanted.items())
    if isinstance(wanted, list) and isinstance(held, list):
        return len(wanted) == len(held) and all(map(same, wanted, held))
    if isinstance(wanted, bool) or isinstance(held, bool):
        return str(wanted).lower() == str(held).lower()
    return wanted == held or (held is not None and str(wanted) == str(held))


def schema_differences(
    connection: Connection, live: Mapping[str, Any]
) -> tuple[list[Change], dict[str, Any], list[str]]:
    """Compare the declared tables with a connection's live schema config.

    Only declared tables are synced; their new columns are followed, new tables are not.

    Returns:
        The differences, the request that removes them (empty for none), and declared tables that
        the account does not offer.
    """
    changes: list[Change] = []
    request: dict[str, Any] = {}
    wanted = connection.relations
    offered: set[Relation] = set()
    if live.get("schema_change_handling") != "ALLOW_COLUMNS":
        request["schema_change_handling"] = "ALLOW_COLUMNS"
        changes.append(
            Change(
                "change",
                "connection",
                connection.name,
                "schema_change_handling",
                live.get("schema_change_handling"),
                "ALLOW_COLUMNS",
            )
        )
    for schema_name, schema in live.get("schemas", {}).items():
        edits: dict[str, Any] = {}
        declared_here = False
        for table_name, table in schema.get("tables", {}).items():
            relation = _landing(connection, schema, table)
            declared = relation in wanted
            declared_here = declared_here or declared
            if declared:
                offered.add(relation)
            if bool(table.get("enabled")) != declared:
                edits[table_name] = {"enabled": declared}
                changes.append(
                    Change(
                        "change",
                        "table",
                        str(relation),
                        "synced",
                        not declared,
                        declared,
                    )
                )
        if declared_here and not schema.get("enabled", True):
            request.setdefault("schemas", {})[schema_name] = {"enabled": True}
        if edits:
            request.setdefault("schemas", {}).setdefault(schema_name, {})["tables"] = edits
    missing = [str(table.name) for relation, table in wanted.items() if relation not in offered]
    return changes, request, missing


def _landing(
    connection: Connection, schema: Mapping[str, Any], table: Mapping[str, Any]
) -> Relation:
    """Where a live table lands; accounts give a database's schema with or without the prefix."""
    name = str(schema.get("name_in_destination", ""))
    target = str(table.get("name_in_destination", ""))
    prefix = connection.prefix
    if prefix and name != prefix and not name.startswith(f"{prefix}_"):
        name = f"{prefix}_{name}"
    return Relation(name, target)
