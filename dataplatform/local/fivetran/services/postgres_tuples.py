"""Many rows of a change stream taken apart at once, column by column.

A row's values come one behind the other, each with its length before it. Here all rows are gone
through together, so that the work of each value is done by arrays and not by the interpreter. The
form of a row is pgoutput's; single messages are read in ``postgres_pgoutput``.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

_NULL, _TEXT = ord("n"), ord("t")
# Longer values than this on average are cheaper to cut out one by one.
_LONG = 256


def columns_of(
    rows: Sequence[bytes], start: int, wanted: Collection[int]
) -> tuple[dict[int, pa.Array], np.ndarray]:
    """Return columns of rows as text, and which rows lack a value that the stream leaves out.

    Args:
        rows: messages of one relation, each with one row in the same place.
        start: where the row begins in each: at the number of its columns.
        wanted: the places of the columns that are wanted.

    Raises:
        pyarrow.ArrowInvalid: a value is not UTF-8.
    """
    import numpy as np
    import pyarrow as pa

    count = len(rows)
    # The length behind the last value is read before it is known that there is none.
    data = b"".join((*rows, b"\0" * 8))
    buffer = np.frombuffer(data, np.uint8)
    ends = np.cumsum(np.fromiter(map(len, rows), np.int64, count))
    place = np.concatenate(([0], ends[:-1])) + start + 2
    lacking = np.zeros(count, bool)
    found: dict[int, pa.Array] = {}
    width = int.from_bytes(rows[0][start : start + 2], "big")
    for number in range(width):
        kind = buffer[place]
        text = kind == _TEXT
        length = np.zeros(count, np.int64)
        for byte in range(1, 5):
            length = (length << 8) | buffer[place + byte]
        length[~text] = 0
        first = place + 5
        if number in wanted:
            lacking |= ~text & (kind != _NULL)
            found[number] = pa.Array.from_buffers(
                pa.binary(),
                count,
                [
                    pa.py_buffer(np.packbits(text, bitorder="little")),
                    pa.py_buffer(np.concatenate(([0], np.cumsum(length))).astype(np.int32)),
                    pa.py_buffer(_cut(data, buffer, first, length)),
                ],
            ).cast(pa.string())
        place = np.where(text, first + length, place + 1)
    return found, lacking


def _cut(data: bytes, buffer: np.ndarray, first: np.ndarray, length: np.ndarray) -> object:
    """Return pieces of a buffer, one behind the other."""
    import numpy as np

    total = int(length.sum())
    if total > _LONG * len(length):
        view = memoryview(data)
        ends = (first + length).tolist()
        return b"".join([view[a:b] for a, b in zip(first.tolist(), ends, strict=True)])
    begun = np.cumsum(length) - length
    # Half as wide as they would be by themselves: this is where the time goes.
    index = np.repeat((first - begun).astype(np.int32), length)
    index += np.arange(total, dtype=np.int32)
    return buffer.take(index)
