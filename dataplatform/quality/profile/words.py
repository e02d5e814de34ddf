"""The SQL words of a profile in which warehouses differ: kinds of types, samples, moments.

Names, literals, counting and matching are ``checks.dialects``' business.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from dataplatform.checks.dialects import Dialect
from dataplatform.quality.profile.model import QUANTILES

_NUMBERS = (
    r"(U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?(8|16|32|64|128)?|BYTEINT|U?BIGNUM|NUMERIC|DECIMAL|"
    r"NUMBER|BIGNUMERIC|BIGDECIMAL|FLOAT\d*|DOUBLE( PRECISION)?|REAL)(\(.*\))?"
)
_KINDS = (
    ("nested", r".*\[\d*\]|(STRUCT|MAP|UNION|ARRAY|RECORD|OBJECT|VARIANT|JSON|LIST|ROW)\b.*"),
    ("boolean", r"BOOL(EAN)?"),
    ("timestamp", r"(TIMESTAMP|DATETIME).*"),
    ("date", r"DATE"),
    ("time", r"TIME\b.*"),
    ("number", _NUMBERS),
    ("text", r"(VARCHAR|CHAR(ACTER)?|TEXT|STRING|UUID|ENUM|NVARCHAR|BPCHAR|INET)\b.*"),
    ("binary", r"(BLOB|BINARY|VARBINARY|BYTES|BYTEA)\b.*"),
)
_FLOATING = re.compile(r"FLOAT\d*|DOUBLE.*|REAL", re.IGNORECASE)


def kind_of(native: str) -> str:
    """Return the kind of a warehouse's type; ``other`` where none fits."""
    for kind, pattern in _KINDS:
        if re.fullmatch(pattern, native.strip(), re.IGNORECASE):
            return kind
    return "other"


def is_floating(native: str) -> bool:
    """Return whether a numeric type knows values that are no number (NaN, infinity)."""
    return _FLOATING.fullmatch(native.strip()) is not None


@dataclass(frozen=True)
class Words:
    """How one warehouse says what a profile asks."""

    dialect: Dialect

    @property
    def _name(self) -> str:
        return self.dialect.name

    def sample(self, table: str, size: int, rows: int) -> str:
        """Return a from-clause over about ``size`` of a table's ``rows``; all when they fit."""
        if rows <= size:
            return table
        if self._name == "snowflake":
            return f"{table} sample ({size} rows)"
        if self._name == "duckdb":
            return f"{table} using sample reservoir({size} rows) repeatable (11)"
        return f"{table} where rand() < {size / rows:.12f}"

    def text(self, expression: str, kind: str) -> str:
        """Return a value as text, moments in UTC."""
        if self._name == "bigquery":
            return (
                f"{'to_json_string' if kind == 'nested' else 'string'}({expression})"
                if (kind in {"nested", "date", "timestamp", "time"})
                else f"cast({expression} as string)"
            )
        return f"cast({expression} as varchar)"

    def moment(self, expression: str, native: str) -> str:
        """Return a point in time in UTC, without a zone, so that it reads alike everywhere."""
        zoned = "TIME ZONE" in native.upper() or re.match(r"TIMESTAMP_(TZ|LTZ)", native.upper())
        if self._name == "duckdb" and zoned:
            return f"timezone('UTC', {expression})"
        if self._name == "snowflake" and zoned:
            return f"convert_timezone('UTC', {expression})::timestamp_ntz"
        return expression

    def seconds(self, expression: str, kind: str) -> str:
        """Return a date or a point in time as seconds since 1970."""
        if self._name == "bigquery":
            return f"unix_seconds(timestamp({expression}))"
        if self._name == "snowflake":
            return f"date_part(epoch_second, {expression})"
        if kind == "timestamp":
            # Infinite moments have no second.
            expression = f"case when isfinite({expression}) then {expression} end"
        return f"epoch({expression})"

    def finite(self, expression: str) -> str:
        """Return a floating number, or null where it is none."""
        if self._name == "duckdb":
            return f"case when isfinite({expression}) then {expression} end"
        if self._name == "bigquery":
            return f"if(is_inf({expression}) or is_nan({expression}), null, {expression})"
        return expression

    def double(self, expression: str) -> str:
        """Cast to a floating number."""
        return f"cast({expression} as {'float64' if self._name == 'bigquery' else 'double'})"

    def replaced(self, expression: str, pattern: str, by: str) -> str:
        """Replace every match of a pattern."""
        written = f"{self.dialect.literal(pattern)}, {self.dialect.literal(by)}"
        every = ", 'g'" if self._name == "duckdb" else ""
        return f"regexp_replace({expression}, {written}{every})"

    def digest(self, expression: str) -> str:
        """Return a short text that differs for different texts."""
        hashed = f"md5({expression})"
        return f"to_hex({hashed})" if self._name == "bigquery" else hashed

    def long(self, columns: Mapping[int, str], source: str) -> str:
        """Return a statement that puts columns of one type under one another.

        Args:
            columns: a column's place to its expression over the source.

        Returns:
            A select of ``place`` and ``v``.
        """
        places = ", ".join(str(place) for place in columns)
        if self._name == "duckdb":
            return (
                f"select unnest([{places}]) as place, unnest([{', '.join(columns.values())}]) as v "
                f"from {source}"
            )
        whens = " ".join(f"when {place} then {value}" for place, value in columns.items())
        if self._name == "bigquery":
            listed = f"unnest([{places}]) as place"
        else:
            each = ", ".join(f"({place})" for place in columns)
            listed = f"(select column1 as place from values {each}) as places"
        return f"select place, case place {whens} end as v from {source} cross join {listed}"

    def quantiles(self, expression: str) -> str:
        """Return an aggregate: the values at ``QUANTILES`` as one text, ``read_quantiles`` it."""
        if self._name == "duckdb":
            return f"array_to_string(quantile_cont({expression}, {list(QUANTILES)}), '|')"
        if self._name == "bigquery":
            return f"to_json_string(approx_quantiles({expression}, 20))"
        each = (f"to_varchar(approx_percentile({expression}, {share}))" for share in QUANTILES)
        return f"concat_ws('|', {', '.join(each)})"


def read_quantiles(text: str) -> dict[float, float]:
    """Read what ``Words.quantiles`` wrote."""
    if text.startswith("["):
        steps = [float(value) for value in json.loads(text)]
        return {share: steps[round(share * 20)] for share in QUANTILES}
    return dict(zip(QUANTILES, (float(value) for value in text.split("|")), strict=True))
