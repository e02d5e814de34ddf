"""The replication slot that change capture reads from, and whether the server lets it.

Here it is made when missing, judged, moved on and dropped. What it tells of is decided in
``postgres_publication``, reading it is the business of ``postgres_stream``.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dataplatform.local.fivetran.model import SyncFailure
from dataplatform.local.fivetran.naming import fivetran_name
from dataplatform.local.fivetran.sql import ident

_PLUGIN = "pgoutput"
# A slot stays taken for a moment after the connection that read it has ended.
_RELEASE_SECONDS = 15.0
# A slot begins once all transactions that were open have ended.
_PATIENCE_SECONDS = 120


@dataclass(frozen=True)
class Names:
    """The publication and the slot of one connection."""

    publication: str
    slot: str


@dataclass(frozen=True)
class Slot:
    """A replication slot as the server describes it."""

    plugin: str
    database: str
    confirmed: int
    lost: str


def names_of(prefix: str, config: dict[str, Any]) -> Names:
    """Return the names that a connection declares, or those made from its schema prefix."""
    own = fivetran_name(prefix)[:40]
    return Names(
        str(config.get("publication_name") or f"fivetran_{own}_publication"),
        str(config.get("replication_slot") or f"fivetran_{own}_slot"),
    )


def number(lsn: str) -> int:
    """Return a place in the log, such as ``16/B374D848``, as a number."""
    high, low = lsn.split("/")
    return (int(high, 16) << 32) + int(low, 16)


def text(lsn: int) -> str:
    """Return a place in the log as PostgreSQL writes it."""
    return f"{lsn >> 32:X}/{lsn & 0xFFFFFFFF:X}"


def check_server(connection: Any, where: str) -> None:
    """Make sure that the server can tell row changes and that the user may ask for them.

    Raises:
        SyncFailure: ``wal_level`` is not logical, or the user lacks REPLICATION.
    """
    level, allowed = connection.execute(
        "SELECT current_setting('wal_level'), "
        "(SELECT rolreplication OR rolsuper FROM pg_roles WHERE rolname = current_user)"
    ).fetchone()
    if level != "logical":
        raise SyncFailure(
            f"PostgreSQL at {where} has wal_level = {level}: change capture needs "
            "wal_level = logical (set it in postgresql.conf and restart the server), or choose "
            "update_method QUERY_BASED.",
            code="wal_level_not_logical",
            broken=True,
        )
    if not allowed:
        user = connection.execute("SELECT current_user").fetchone()[0]
        raise SyncFailure(
            f"The user {user!r} may not read row changes: run ALTER ROLE {ident(user)} "
            "REPLICATION as a superuser.",
            code="replication_not_allowed",
            broken=True,
        )


def find_slot(connection: Any, name: str) -> Slot | None:
    """Return a slot, or None if there is none of that name."""
    row = connection.execute(
        "SELECT coalesce(plugin, ''), coalesce(database, ''), confirmed_flush_lsn::text, "
        "coalesce(wal_status, '') FROM pg_replication_slots WHERE slot_name = %s",
        (name,),
    ).fetchone()
    if row is None:
        return None
    lost = "its log has been removed" if row[3] == "lost" else ""
    return Slot(row[0], row[1], number(row[2]) if row[2] else 0, lost)


def flushed(connection: Any) -> int:
    """Return the place that the server's log has safely reached."""
    return number(connection.execute("SELECT pg_current_wal_flush_lsn()::text").fetchone()[0])


def make_slot(connection: Any, name: str, where: str) -> Slot:
    """Make a slot, a dead one of its name dropped before; the publication must be there.

    Raises:
        SyncFailure: the server has no slot left, or a transaction that does not end.
    """
    import psycopg

    drop_slot(connection, name)
    try:
        connection.execute(f"SET statement_timeout = '{_PATIENCE_SECONDS}s'")
        connection.execute("SELECT pg_create_logical_replication_slot(%s, %s)", (name, _PLUGIN))
        connection.execute("RESET statement_timeout")
    except psycopg.errors.QueryCanceled as error:
        raise SyncFailure(
            f"PostgreSQL at {where} has had a transaction open for {_PATIENCE_SECONDS} seconds, "
            f"and makes the replication slot {name!r} only once it has ended: end it (see "
            "pg_stat_activity) and sync again.",
            code="slot_not_made",
        ) from error
    except psycopg.Error as error:
        raise SyncFailure(
            f"PostgreSQL at {where} makes no replication slot {name!r}: "
            f"{' '.join(str(error).split())}",
            code="slot_not_made",
            broken=isinstance(error, psycopg.errors.ConfigurationLimitExceeded),
        ) from error
    made = find_slot(connection, name)
    assert made is not None
    return made


def why_not_followed(slot: Slot | None, remembered: Sequence[int]) -> str:
    """Return why a slot cannot tell what came after the places in the log that are remembered."""
    if not remembered:
        return ""
    if slot is None:
        return "is gone"
    if slot.lost:
        return f"is lost, for {slot.lost}"
    return "was read by somebody else" if max(remembered) < slot.confirmed else ""


def usable(slot: Slot, name: str, database: str) -> None:
    """Make sure that a slot found is one of ours.

    Raises:
        SyncFailure: it belongs to another database or another plug-in.
    """
    if slot.plugin != _PLUGIN or slot.database != database:
        raise SyncFailure(
            f"The replication slot {name!r} is for the plug-in {slot.plugin or 'none'!r} in the "
            f"database {slot.database or 'none'!r}, not for {_PLUGIN!r} in {database!r}: name "
            "another in replication_slot.",
            code="slot_foreign",
            broken=True,
        )


def advance(connection: Any, name: str, lsn: int) -> None:
    """Tell the server that everything before a place in the log is safe with us."""
    _released(connection, "SELECT pg_replication_slot_advance(%s, %s::pg_lsn)", (name, text(lsn)))


def drop_slot(connection: Any, name: str) -> None:
    """Drop a slot, if it is there."""
    sql = "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name=%s"
    _released(connection, sql, (name,))


def _released(connection: Any, sql: str, values: Sequence[Any]) -> None:
    """Run a statement on a slot, waiting for whoever read it a moment ago."""
    import psycopg

    deadline = time.monotonic() + _RELEASE_SECONDS
    while True:
        try:
            connection.execute(sql, values)
            return
        except psycopg.errors.ObjectInUse:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
