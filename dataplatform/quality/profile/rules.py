"""Rules that a profile suggests, as the Open Data Contract Standard writes them.

Suggestions, not promises: each says why, and a person decides. What a rule means when it is
checked lives in ``checks``.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

from dataplatform.checks.spec import safe_name
from dataplatform.quality.profile.formats import FORMATS, pattern_of
from dataplatform.quality.profile.model import ColumnProfile, TableProfile
from dataplatform.quality.profile.words import is_floating

#: Fewer rows than this prove nothing about the next ones.
_ENOUGH = 20
_CATEGORIES = 20
_LOGICAL = {
    "text": "string",
    "boolean": "boolean",
    "date": "date",
    "timestamp": "timestamp",
    "time": "time",
    "nested": "object",
}
_KEYED = re.compile(r"(^|_)(id|key|uuid|code|number|no|sku)$", re.IGNORECASE)


@dataclass(frozen=True)
class Suggestion:
    """One rule that the rows of today keep.

    Attributes:
        column: the column under which the rule belongs; None for a rule of the table.
        rule: an ODCS quality rule.
        because: what in the profile speaks for it.
    """

    column: str | None
    rule: dict[str, Any]
    because: str


def suggested_rules(profile: TableProfile) -> list[Suggestion]:
    """Return the rules that a profile suggests, those of the table first."""
    if not profile.rows:
        return []
    found = [
        Suggestion(
            None,
            _rule("rows_are_there", "completeness", "rowCount", mustBeGreaterThan=0),
            f"{profile.rows:,} rows",
        )
    ]
    for column in profile.columns:
        found += _of_column(profile, column)
    return found


def contract_schema(profile: TableProfile) -> dict[str, Any]:
    """Return a table as a contract's ``schema`` entry: columns, keys, suggested rules."""
    rules = suggested_rules(profile)
    key = _primary_key(profile)
    properties = []
    for column in profile.columns:
        entry: dict[str, Any] = {"name": column.name, "logicalType": logical_type(column)}
        entry["physicalType"] = column.type
        if column.name == key:
            entry |= {"primaryKey": True, "primaryKeyPosition": 1}
        if profile.rows >= _ENOUGH and column.nulls == 0:
            entry["required"] = True
        of_column = [one.rule for one in rules if one.column == column.name]
        # The key says that its values are there and unlike.
        said = {"nullValues", "duplicateValues"} if column.name == key else {"nullValues"}
        quality = [
            rule
            for rule in of_column
            if rule["metric"] not in said or ("unit" in rule and "required" not in entry)
        ]
        if quality:
            entry["quality"] = quality
        properties.append(entry)
    return {
        "name": profile.relation.table,
        "physicalName": str(profile.relation),
        "logicalType": "object",
        "physicalType": "table",
        "quality": [one.rule for one in rules if one.column is None],
        "properties": properties,
    }


def logical_type(column: ColumnProfile) -> str:
    """Return a column's type by the standard's names."""
    if column.kind == "number":
        whole = not is_floating(column.type) and not re.search(r",\s*[1-9]\d*\)", column.type)
        decimal = re.match(r"(NUMERIC|DECIMAL|NUMBER)", column.type, re.IGNORECASE)
        scaled = decimal and not re.search(r",\s*0\)", column.type)
        return "integer" if whole and not scaled else "number"
    if column.type.rstrip().endswith("]"):
        return "array"
    return _LOGICAL.get(column.kind, "string")


def _primary_key(profile: TableProfile) -> str | None:
    unique = [c.name for c in profile.columns if _is_unique(profile, c) and c.nulls == 0]
    named = [name for name in unique if _KEYED.search(name)]
    return next(iter(named), None)


def _is_unique(profile: TableProfile, column: ColumnProfile) -> bool:
    filled = profile.rows - column.nulls
    return (
        profile.rows >= _ENOUGH
        and filled >= _ENOUGH
        and column.exact
        and column.distinct == filled
        and (column.kind == "text" or logical_type(column) == "integer")
    )


def _of_column(profile: TableProfile, column: ColumnProfile) -> list[Suggestion]:
    filled = profile.rows - column.nulls
    if profile.rows < _ENOUGH or not filled:
        return []
    found: list[Suggestion] = []

    def add(suffix: str, dimension: str, metric: str, because: str, **more: Any) -> None:
        rule = _rule(f"{column.name}_{suffix}", dimension, metric, **more)
        found.append(Suggestion(column.name, rule, because))

    if column.nulls == 0:
        add("filled", "completeness", "nullValues", "no row is empty", mustBe=0)
    elif column.nulls / profile.rows <= 0.1:
        share = 100 * column.nulls / profile.rows
        most = math.ceil(share * 2) if share >= 0.5 else 1
        add(
            "mostly_filled",
            "completeness",
            "nullValues",
            f"{share:.2g} % of rows are empty",
            unit="percent",
            mustBeLessOrEqualTo=most,
            severity="warning",
        )
    if _is_unique(profile, column) and (column.kind != "text" or _KEYED.search(column.name)):
        add("unique", "uniqueness", "duplicateValues", f"{filled:,} different values", mustBe=0)
    if column.masked:
        return found
    validity = _validity(profile, column, filled)
    if validity:
        suffix, arguments, because, severity = validity
        add(
            suffix,
            "conformity",
            "invalidValues",
            because,
            arguments=arguments,
            mustBe=0,
            severity=severity,
        )
    return found


def _validity(
    profile: TableProfile, column: ColumnProfile, filled: int
) -> tuple[str, dict[str, Any], str, str] | None:
    """Return what every value looks like: name, arguments, reason and severity of the rule."""
    if column.kind == "text":
        values = [value.value for value in column.top_values]
        whole = column.distinct == len(values) <= _CATEGORIES and column.exact
        if whole and filled >= 10 * len(values) and all(values):
            return "known", {"validValues": values}, f"{len(values)} values come up", "error"
        if column.format and column.format.share == 1:
            pattern = FORMATS[column.format.value]
            return (
                f"is_{column.format.value}",
                {"pattern": pattern},
                f"every text is of the form {column.format.value}",
                "error",
            )
        shapes = column.patterns
        if len(shapes) == 1 and shapes[0].share == 1 and "+" not in shapes[0].value:
            shape = shapes[0].value
            if shape and (column.lengths or (0, 0))[1] <= 60:
                return "shape", {"pattern": pattern_of(shape)}, f"every text is {shape}", "warning"
    if column.kind == "number" and isinstance(column.min, int | float) and column.min >= 0:
        low = 1 if column.min > 0 and logical_type(column) == "integer" else 0
        return (
            "not_negative" if low == 0 else "positive",
            {"minimum": low},
            (f"the smallest is {column.min:,}"),
            "warning",
        )
    return None


def _rule(name: str, dimension: str, metric: str, **more: Any) -> dict[str, Any]:
    severity = more.pop("severity", "error")
    named = {"name": safe_name(name), "dimension": dimension, "metric": metric}
    return {**named, **more, "severity": severity}
