"""From numbers to Arrow columns, and from Arrow tables to what PostgreSQL's COPY reads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import csv

from dataplatform.local.sources.dice import Flags, Ints

_CSV = csv.WriteOptions(include_header=False, quoting_style="needed")


def moments(microseconds: Ints, missing: Flags | None = None) -> pa.Array:
    """Return moments in UTC from microseconds since 1970."""
    return pa.array(microseconds, mask=missing).cast(pa.timestamp("us", tz="UTC"))


def decimals(units: Ints, precision: int, scale: int) -> pa.Array:
    """Return exact decimals from whole numbers of their last place (cents, for scale 2)."""
    # A 128-bit integer of little-endian halves: the number, and its sign.
    halves = np.stack([units, units >> 63], axis=1)
    return pa.Array.from_buffers(
        pa.decimal128(precision, scale), len(units), [None, pa.py_buffer(halves.tobytes())]
    )


def texts(words: Sequence[str], indices: Ints, missing: Flags | None = None) -> pa.Array:
    """Return the words at the indices, without a Python object per row."""
    chosen = pa.array(indices.astype(np.int32), mask=missing)
    return pa.DictionaryArray.from_arrays(chosen, pa.array(list(words))).dictionary_decode()


def to_csv(table: pa.Table) -> bytes:
    """Return a table as COPY's CSV: an empty field is NULL, an empty text is quoted."""
    sink = pa.BufferOutputStream()
    csv.write_csv(table, sink, _CSV)
    content: Any = sink.getvalue()
    return bytes(content.to_pybytes())
