"""Chance that can be looked up: the same seed, field and row always throw the same number.

Rows are independent of one another, so any range of rows can be made at any time, in any order
and in chunks of any size, and two tables agree about a row without either being kept in memory.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

_STEP = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)


def _mix(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The finaliser of SplitMix64: every input bit changes half of the output bits."""
    values = (values ^ (values >> np.uint64(30))) * _MIX_1
    values = (values ^ (values >> np.uint64(27))) * _MIX_2
    return values ^ (values >> np.uint64(31))


class Dice:
    """Throws for the rows of one table.

    Args:
        seed: of the whole demo.
        table: a name; tables throw independently.
    """

    def __init__(self, seed: int, table: str) -> None:
        self._seed = seed
        self._table = table

    def _bits(self, field: str, rows: Ints) -> NDArray[np.uint64]:
        stream = zlib.crc32(f"{self._table}.{field}".encode())
        # Python's integers, cut to 64 bits: numpy would warn about the intended overflow.
        start = ((self._seed * 0x632BE59BD9B4E019) ^ (stream << 32) ^ stream) & (2**64 - 1)
        base = _mix(np.asarray([start], dtype=np.uint64) + _STEP)
        return _mix(base + rows.astype(np.uint64) * _STEP)

    def unit(self, field: str, rows: Ints) -> Floats:
        """Return numbers in [0, 1), one per row."""
        return (self._bits(field, rows) >> np.uint64(11)).astype(np.float64) * 2.0**-53

    def below(self, field: str, rows: Ints, limit: int | Ints) -> Ints:
        """Return integers in [0, limit), one per row."""
        return np.floor(self.unit(field, rows) * limit).astype(np.int64)

    def chance(self, field: str, rows: Ints, probability: float) -> Flags:
        """Return whether it happens, for each row."""
        return self.unit(field, rows) < probability

    def choose(self, field: str, rows: Ints, weights: Sequence[float]) -> Ints:
        """Return an index into ``weights`` for each row, as often as it weighs."""
        edges = np.cumsum(np.asarray(weights, dtype=np.float64))
        found = np.searchsorted(edges / edges[-1], self.unit(field, rows), side="right")
        return np.minimum(found, len(weights) - 1).astype(np.int64)

    def sample(self, field: str, count: int, limit: int) -> Ints:
        """Return at most ``count`` different numbers from 1 to ``limit``, in ascending order."""
        if limit <= 0 or count <= 0:
            return np.empty(0, dtype=np.int64)
        thrown = self.below(field, np.arange(count, dtype=np.int64), limit) + 1
        return np.unique(thrown)


def pick(words: Sequence[Any], indices: Ints) -> NDArray[Any]:
    """Return the words at the indices."""
    return np.asarray(words, dtype=object)[indices]
