"""The few expressions of a comparison that each engine writes in its own words.

What is asked with them is said in ``rows``.
"""

from __future__ import annotations

from collections.abc import Sequence

from dataplatform.declarations.errors import UserError

#: Relative, for double precision only: two equal builds may add up in another order.
TOLERANCE = 1e-9
#: Rows are put in so many drawers by a hash of their key; equal drawers are not opened.
DRAWERS = 16_384
_NUMBERS = ("INT", "DECIMAL", "NUMERIC", "NUMBER", "FLOAT", "DOUBLE", "REAL", "BIGNUMERIC")
_FLOATS = ("FLOAT", "DOUBLE", "REAL")


class Words:
    """DuckDB's words; the others inherit what they share."""

    text = "VARCHAR"
    double = "DOUBLE"

    def hash(self, columns: Sequence[str]) -> str:
        """Return a number that equal values share."""
        return f"hash({', '.join(columns)})"

    def drawer(self, columns: Sequence[str]) -> str:
        """Return which drawer a row is in."""
        # As a small number: grouping by it is measurably faster than by 64 bits.
        return f"CAST({self.hash(columns)} & {DRAWERS - 1} AS USMALLINT)"

    def total(self, expression: str) -> str:
        """Return an aggregate of hashes that does not depend on the order of rows."""
        # A sum of signed numbers stays among the processor's own for longer.
        return f"sum(CAST({expression} >> 1 AS BIGINT))"

    def mixed(self, expression: str) -> str:
        """Return a cheaper one, for hashes that do not occur twice."""
        return f"bit_xor({expression})"

    def rounded(self, column: str) -> str:
        """Return a double as a text of nine digits."""
        return f"printf('%.8e', {column})"

    def as_text(self, column: str) -> str:
        """Return any value as a text, for showing."""
        return f"CAST({column} AS {self.text})"


class _Snowflake(Words):
    double = "FLOAT"

    def total(self, expression: str) -> str:
        return f"sum({expression})"

    def drawer(self, columns: Sequence[str]) -> str:
        return f"mod(abs({self.hash(columns)}), {DRAWERS})"

    def mixed(self, expression: str) -> str:
        return f"bitxor_agg({expression})"

    def rounded(self, column: str) -> str:
        return f"to_varchar({column}, '9.99999999EEEE')"


class _BigQuery(Words):
    text = "STRING"
    double = "FLOAT64"

    def hash(self, columns: Sequence[str]) -> str:
        return f"farm_fingerprint(to_json_string(struct({', '.join(columns)})))"

    def drawer(self, columns: Sequence[str]) -> str:
        return f"mod(abs(mod({self.hash(columns)}, {DRAWERS})), {DRAWERS})"

    def total(self, expression: str) -> str:
        return f"sum(CAST({expression} AS BIGNUMERIC))"

    def rounded(self, column: str) -> str:
        return f"format('%.8e', {column})"

    def as_text(self, column: str) -> str:
        # What has no text of its own, such as JSON, has one so.
        return f"trim(to_json_string({column}), '\"')"


_WORDS = {"duckdb": Words(), "snowflake": _Snowflake(), "bigquery": _BigQuery()}


def words_of(dialect: str) -> Words:
    """Return the words of a dialect.

    Raises:
        UserError: nothing is known of this dialect.
    """
    if dialect not in _WORDS:
        raise UserError(f"Tables of {dialect!r} cannot be compared where they lie.")
    return _WORDS[dialect]


def is_float(native: str) -> bool:
    """Return whether a type of a warehouse holds a fraction of binary digits."""
    return native.upper().startswith(_FLOATS)


def is_number(native: str) -> bool:
    """Return whether a type of a warehouse holds a number."""
    kind = native.upper().lstrip("U")
    return kind.startswith(_NUMBERS) or kind.endswith("INT") or kind in ("FLOAT64", "INT64")
