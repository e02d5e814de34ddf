"""The messages of PostgreSQL's logical replication plug-in ``pgoutput``, version 1, decoded.

Bytes in, plain values out: transactions, relations, row changes and truncations. Where the bytes
come from is the business of ``postgres_stream``, what becomes of the rows that of
``postgres_changes``.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

# An unchanged value stored out of line, which the server does not send again.
UNCHANGED = object()
Value = bytes | object | None

_BEGIN = struct.Struct(">QqI")
_COMMIT = struct.Struct(">BQQq")
_UINT32 = struct.Struct(">I").unpack_from
_INT16 = struct.Struct(">h").unpack_from


@dataclass(frozen=True)
class Relation:
    """A table as it was when the rows that follow were written."""

    oid: int
    schema: str
    name: str
    columns: tuple[str, ...]


@dataclass(frozen=True)
class Begin:
    """The start of a transaction: where its commit lies in the log, and its number."""

    commit: int
    xid: int


@dataclass(frozen=True)
class Commit:
    """The end of a transaction, and the first byte after it in the log."""

    end: int


@dataclass(frozen=True)
class Truncate:
    """Tables emptied at once."""

    oids: tuple[int, ...]


class Put:
    """A row as it is now, of which nothing is told from before: nearly every change.

    Not taken apart: that is done for many at once, in ``postgres_tuples``.
    """

    __slots__ = ("data", "oid")

    #: Where the row begins in the message.
    START = 6

    def __init__(self, oid: int, data: bytes) -> None:
        self.oid = oid
        self.data = data


class Row:
    """One row change that tells of the row before it.

    ``old`` holds no more than the key unless it is ``whole``; ``new`` holds ``UNCHANGED`` for some
    values if it ``lacks`` them.
    """

    __slots__ = ("lacks", "new", "oid", "old", "size", "whole")

    def __init__(
        self,
        size: int,
        oid: int,
        old: list[Value],
        new: list[Value] | None,
        whole: bool,
        lacks: bool,
    ) -> None:
        self.size = size
        self.oid = oid
        self.old = old
        self.new = new
        self.whole = whole
        self.lacks = lacks


Message = Relation | Begin | Commit | Truncate | Put | Row


def decode(data: bytes) -> Message | None:
    """Return a message, or None for one that tells nothing about rows.

    Args:
        data: one message as the server sent it.
    """
    kind = data[0]
    if kind == 73:  # I
        return Put(_UINT32(data, 1)[0], data)
    if kind == 85:  # U
        sub = data[5]
        if sub == 78:  # N
            return Put(_UINT32(data, 1)[0], data)
        old, position, _ = _tuple(data, 6)
        new, _, lacks = _tuple(data, position + 1)
        return Row(len(data), _UINT32(data, 1)[0], old, new, sub == 79, lacks)
    if kind == 68:  # D
        return Row(len(data), _UINT32(data, 1)[0], _tuple(data, 6)[0], None, data[5] == 79, False)
    if kind == 66:  # B
        commit, _, xid = _BEGIN.unpack_from(data, 1)
        return Begin(commit, xid)
    if kind == 67:  # C
        return Commit(_COMMIT.unpack_from(data, 1)[2])
    if kind == 82:  # R
        return _relation(data)
    if kind == 84:  # T
        count = _UINT32(data, 1)[0]
        return Truncate(struct.unpack_from(f">{count}I", data, 6))
    return None


def _tuple(data: bytes, position: int) -> tuple[list[Value], int, bool]:
    """Return a row's values, the position behind it, and whether some are unchanged."""
    start = position + 2
    values: list[Value] = []
    add = values.append
    lacks = False
    for _ in range((data[position] << 8) | data[position + 1]):
        kind = data[start]
        if kind == 116:  # t
            end = start + 5
            end += _UINT32(data, start + 1)[0]
            add(data[start + 5 : end])
            start = end
            continue
        start += 1
        if kind == 110:  # n
            add(None)
        else:
            add(UNCHANGED)
            lacks = True
    return values, start, lacks


def _relation(data: bytes) -> Relation:
    oid = _UINT32(data, 1)[0]
    schema, position = _text(data, 5)
    name, position = _text(data, position)
    count = _INT16(data, position + 1)[0]
    position += 3
    columns = []
    for _ in range(count):
        column, position = _text(data, position + 1)
        columns.append(column)
        position += 8
    # The system's own schema goes unnamed.
    return Relation(oid, schema or "pg_catalog", name, tuple(columns))


def _text(data: bytes, position: int) -> tuple[str, int]:
    end = data.index(0, position)
    return data[position:end].decode(), end + 1
