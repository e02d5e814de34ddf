"""Row changes as the server streams them, up to a place in the log.

Nothing is acknowledged here: what was read stays in the slot until the warehouse has committed.
"""

from __future__ import annotations

import select
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

from dataplatform.local.fivetran.model import SyncFailure
from dataplatform.local.fivetran.services.postgres_pgoutput import (
    Begin,
    Commit,
    Message,
    decode,
)
from dataplatform.local.fivetran.services.postgres_slot import Names, text

_ASK_SECONDS = 0.05
_SILENCE_SECONDS = 600.0
# The server hears nothing from us and must not mind: psycopg2's feedback acknowledges, unasked,
# how far the server has got while it works at its first transaction.
_PATIENT = "-c wal_sender_timeout=0"


def connect(dsn: str, names: Names) -> Any:
    """Open a connection that changes can be streamed on.

    Args:
        dsn: the source, as a libpq connection string.
        names: the publication and the slot, for an error's sentence.

    Raises:
        SyncFailure: the server refuses it.
    """
    import psycopg2
    from psycopg2.extensions import parse_dsn
    from psycopg2.extras import LogicalReplicationConnection

    options = f"{parse_dsn(dsn).get('options', '')} {_PATIENT}"
    with _told(names):
        return psycopg2.connect(
            dsn, connection_factory=LogicalReplicationConnection, options=options
        )


def changes(connection: Any, names: Names, start: int, until: int) -> Iterator[Message]:
    """Yield the messages of every transaction that ends at or before a place in the log.

    Args:
        connection: made by ``connect``; it is closed at the end.
        names: the publication and the slot.
        start: transactions that committed before it are not sent.
        until: a place the log has reached already.

    Raises:
        SyncFailure: the server ends the stream, or says nothing for ten minutes.
    """
    with closing(connection), _told(names), connection.cursor() as cursor:
        cursor.start_replication(
            slot_name=names.slot,
            start_lsn=text(start),
            options={
                "proto_version": "1",
                "publication_names": '"' + names.publication.replace('"', '""') + '"',
            },
        )
        yield from _read(cursor, until, names)


@contextmanager
def _told(names: Names) -> Iterator[None]:
    """Tell what the server refuses in one sentence."""
    import psycopg2

    try:
        yield
    except psycopg2.Error as error:
        reason = " ".join(str(error).split())
        raise SyncFailure(
            f"PostgreSQL ended the stream of slot {names.slot!r}: {reason}",
            code="slot_taken" if "is active for PID" in reason else "stream_ended",
        ) from error


def _read(cursor: object, until: int, names: Names) -> Iterator[Message]:
    read = cursor.read_message  # type: ignore[attr-defined]
    open_transaction = False
    heard = time.monotonic()
    reached = 0
    while True:
        message = read()
        if message is None:
            # Between transactions, the server's own position tells that none is left before it.
            if not open_transaction and max(reached, cursor.wal_end) >= until:  # type: ignore[attr-defined]
                return
            if time.monotonic() - heard > _SILENCE_SECONDS:
                raise SyncFailure(
                    f"PostgreSQL sent nothing from slot {names.slot!r} for "
                    f"{_SILENCE_SECONDS:.0f} seconds.",
                    code="stream_silent",
                )
            select.select([cursor], [], [], _ASK_SECONDS)
            continue
        heard = time.monotonic()
        decoded = decode(message.payload)
        if decoded is None:
            continue
        if isinstance(decoded, Begin):
            if decoded.commit >= until:
                return
            open_transaction = True
        elif isinstance(decoded, Commit):
            open_transaction = False
            reached = decoded.end
        yield decoded
        if reached >= until:
            return
