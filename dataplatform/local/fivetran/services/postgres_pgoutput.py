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
_NULL, _SAME, _TEXT = b"n"[0], b"u"[0], b"t"[0]


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


class Row:
    """One row change; ``old`` holds no more than the key unless it is ``whole``."""

    __slots__ = ("new", "oid", "old", "size", "whole")

    def __init__(
        self,
        size: int,
        oid: int,
        old: list[Value] | None,
        new: list[Value] | None,
        whole: bool,
    ) -> None:
        self.size = size
        self.oid = oid
        self.old = old
        self.new = new
        self.whole = whole


Message = Relation | Begin | Commit | Truncate | Row


def decode(data: bytes) -> Message | None:
    """Return a message, or None for one that tells nothing about rows.

    Args:
        data: one message as the server sent it.
    """
    kind = data[0]
    if kind == 73:  # I
        return Row(len(data), _UINT32(data, 1)[0], None, _tuple(data, 6)[0], False)
    if kind == 85:  # U
        sub = data[5]
        if sub == 78:  # N
            return Row(len(data), _UINT32(data, 1)[0], None, _tuple(data, 6)[0], False)
        old, position = _tuple(data, 6)
        return Row(len(data), _UINT32(data, 1)[0], old, _tuple(data, position + 1)[0], sub == 79)
    if kind == 68:  # D
        return Row(len(data), _UINT32(data, 1)[0], _tuple(data, 6)[0], None, data[5] == 79)
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


def _tuple(data: bytes, position: int) -> tuple[list[Value], int]:
    """Return a row's values and the position behind it."""
    count = _INT16(data, position)[0]
    position += 2
    values: list[Value] = []
    add = values.append
    for _ in range(count):
        kind = data[position]
        if kind == _TEXT:
            start = position + 5
            position = start + _UINT32(data, position + 1)[0]
            add(data[start:position])
            continue
        position += 1
        add(None if kind == _NULL else UNCHANGED)
    return values, position


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
