"""The neutral check specification.

One ``Check`` is one rule of one table, whatever language it was written in: a metric, the columns
it looks at, the threshold it must keep, how grave a breach is, and the line it came from. How a
check becomes SQL is ``scan``'s business; how a contract becomes checks is ``contract_rules``'.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from dataplatform.checks.threshold import Threshold
from dataplatform.keys import Relation

Severity = Literal["ERROR", "WARN"]
Engine = Literal["scan", "gx"]
Unit = Literal["rows", "percent"]
OnFailure = Literal["keep", "quarantine"]

ERROR: Severity = "ERROR"
WARN: Severity = "WARN"
SCAN: Engine = "scan"
GX: Engine = "gx"

#: Metrics that count rows which break the rule; the rest are one number for the whole table.
ROW_METRICS = frozenset({"null_count", "missing_count", "invalid_count", "failing_rows"})
DUPLICATE_METRICS = frozenset({"duplicate_count", "nonunique_count"})
AGGREGATES = frozenset(
    {"min", "max", "mean", "sum", "median", "stddev", "distinct_count", "distinct_share"}
    | {"filled_share"}
)
METRICS = (
    ROW_METRICS
    | DUPLICATE_METRICS
    | AGGREGATES
    | {
        "row_count",
        "sql",
        "schema",
        "age_hours",
        "most_common",
        "absent_values",
        "other_values",
        "quantiles",
        "rows_beyond",
        "columns",
        "expectation",
    }
)


@dataclass(frozen=True)
class Check:
    """One rule of one table.

    Attributes:
        name: unique in its table and stable; letters, digits and underscores.
        relation: the table looked at (the candidate, for a mart).
        metric: one of ``METRICS``.
        columns: the columns the rule needs to exist.
        arguments: what the metric needs besides (values, pattern, query ...).
        threshold: what the metric's value must be.
        unit: whether the threshold counts rows or percent of rows.
        filter: SQL condition that limits the rows looked at, or None.
        severity: ERROR gates what is downstream, WARN only tells.
        engine: ``scan``, or ``gx`` when only Great Expectations can evaluate the rule.
        expectation: the rule as a Great Expectations configuration, where it was written as one.
        key: columns that identify a failing row in samples.
        masked: columns in lower case whose values are never shown.
        runbook: where to read what to do when the rule is broken.
        scope: ``increment`` for new rows alone, ``table`` for all; None leaves it to the step.
        rows: the rows that are looked at, in words; empty for all.
        on_failure: whether rows that break the rule stay in the table or are set aside.
    """

    name: str
    relation: Relation
    metric: str
    threshold: Threshold
    columns: tuple[str, ...] = ()
    arguments: Mapping[str, Any] = field(default_factory=dict)
    unit: Unit = "rows"
    filter: str | None = None
    severity: Severity = "ERROR"
    engine: Engine = "scan"
    description: str = ""
    dimension: str | None = None
    expectation: Mapping[str, Any] | None = None
    key: tuple[str, ...] = ()
    masked: frozenset[str] = frozenset()
    runbook: str | None = None
    scope: str | None = None
    rows: str = ""
    owner: str | None = None
    on_failure: OnFailure = "keep"
    file: Path | None = None
    line: int | None = None

    @property
    def gate(self) -> bool:
        """Whether a failure keeps everything downstream from being built."""
        return self.severity == ERROR

    @property
    def source(self) -> str:
        """Where the rule is written, as file:line."""
        if self.file is None:
            return ""
        return f"{self.file}:{self.line}" if self.line else str(self.file)

    @property
    def expected(self) -> str:
        """The promise as a person says it."""
        what = _metric_words(self)
        if self.threshold.operator == "mostly":
            share = float(self.threshold.value)
            return f"every {what[1]}" if share >= 1 else f"at least {share * 100:g} % of {what[1]}"
        percent = " %" if self.unit == "percent" else ""
        if self.metric in ROW_METRICS | DUPLICATE_METRICS:
            if self.threshold.operator in {"eq", "le"} and self.threshold.value == 0:
                return f"every {what[1]}" if self.metric == "invalid_count" else f"no {what[0]}"
            return f"{self.threshold.words()}{percent} {what[0]}"
        if self.metric in _WORDS_ALONE:
            return what[0]
        return f"{what[0]} {self.threshold.words()}{percent}"


#: Metrics whose words say the whole promise.
_WORDS_ALONE = frozenset(
    {
        *("schema", "columns", "most_common", "absent_values", "other_values"),
        *("quantiles", "rows_beyond", "expectation"),
    }
)


def _metric_words(check: Check) -> tuple[str, str]:
    """Return the metric in words: what is counted, and what a good row is."""
    column = ", ".join(check.columns)
    arguments = check.arguments
    match check.metric:
        case "row_count":
            return "number of rows", ""
        case "null_count":
            return f"null values of {column}", f"{column} filled"
        case "missing_count":
            return f"missing values of {column}", f"{column} filled"
        case "duplicate_count":
            return f"repeated values of {column}", f"{column} unique"
        case "nonunique_count":
            return f"rows that share {column}", f"{column} unique"
        case "invalid_count":
            return f"values of {column} {_invalid(arguments)}", f"{column} {_valid(arguments)}"
        case "failing_rows":
            words = arguments.get("words") or f"rows where {arguments.get('predicate', '')}"
            return words, arguments.get("good", "row good")
        case "sql":
            return "result of the query", ""
        case "schema":
            return f"{len(check.columns)} columns with their declared types", ""
        case "age_hours":
            return f"age of the newest {column} in hours", ""
        case "most_common":
            return f"the most common {column} is {_valid(arguments)}", ""
        case "absent_values":
            shown = ", ".join(str(value) for value in arguments["values"])
            return f"{column} has every one of {shown}", ""
        case "other_values":
            shown = ", ".join(str(value) for value in arguments["values"])
            return f"{column} has exactly the values {shown}", ""
        case "quantiles":
            parts = zip(arguments["quantiles"], arguments["ranges"], strict=True)
            shown = "; ".join(
                f"{quantile:g} {_bounds({'low': low, 'high': high}, 'low', 'high')}"
                for quantile, (low, high) in parts
            )
            return f"quantiles of {column}: {shown}", ""
        case "rows_beyond":
            return f"as many rows as {arguments['other']}", ""
        case "columns":
            return _column_words(arguments), ""
        case "expectation":
            return str((check.expectation or {}).get("type", "expectation")).replace("_", " "), ""
    return f"{check.metric.replace('_', ' ')} of {column}", ""


def _column_words(arguments: Mapping[str, Any]) -> str:
    if "kinds" in arguments:
        return f"{arguments['names'][0]} has the type {' or '.join(arguments['kinds'])}"
    if "names" not in arguments:
        return f"number of columns {_bounds(arguments, 'least', 'most')}"
    names = ", ".join(arguments["names"])
    if arguments.get("ordered"):
        return f"columns in this order: {names}"
    if "place" in arguments:
        return f"a column {names} at place {arguments['place']}, counted from 0"
    return f"{'exactly' if arguments.get('exact') else 'at least'} the columns {names}"


def _bounds(arguments: Mapping[str, Any], low: str, high: str) -> str:
    lower, upper = arguments.get(low), arguments.get(high)
    if lower is not None and upper is not None:
        return f"between {lower} and {upper}"
    return f"at least {lower}" if lower is not None else f"at most {upper}"


def _valid(arguments: Mapping[str, Any]) -> str:
    if arguments.get("values") is not None:
        shown = ", ".join(str(value) for value in list(arguments["values"])[:6])
        return f"one of {shown}" + (" …" if len(arguments["values"]) > 6 else "")
    if arguments.get("not_values") is not None:
        return "none of " + ", ".join(str(value) for value in list(arguments["not_values"])[:6])
    if arguments.get("pattern") is not None:
        return f"matching {arguments['pattern']}"
    if arguments.get("not_pattern") is not None:
        return f"not matching {arguments['not_pattern']}"
    if arguments.get("patterns") is not None:
        word = "one" if arguments["match_on"] == "any" else "all"
        return f"matching {word} of {', '.join(arguments['patterns'])}"
    if arguments.get("not_patterns") is not None:
        return f"matching none of {', '.join(arguments['not_patterns'])}"
    if arguments.get("likes") is not None:
        word = "one" if arguments.get("match_on") != "all" else "all"
        return f"like {word} of {', '.join(arguments['likes'])}"
    if arguments.get("not_likes") is not None:
        return f"like none of {', '.join(arguments['not_likes'])}"
    if "z_score" in arguments:
        return f"with a z-score below {arguments['z_score']}"
    if "outliers" in arguments:
        spread = "interquartile ranges" if arguments["outliers"] == "iqr" else "deviations"
        return f"within {arguments['multiplier']:g} {spread}"
    if {"min_length", "max_length"} & arguments.keys():
        return f"with a length {_bounds(arguments, 'min_length', 'max_length')}"
    if {"minimum", "maximum"} & arguments.keys():
        return _bounds(arguments, "minimum", "maximum")
    return "valid"


def _invalid(arguments: Mapping[str, Any]) -> str:
    return f"other than {_valid(arguments)}"


def safe_name(text: str) -> str:
    """Turn a rule's name into letters, digits and underscores, at most 80 long and stable."""
    name = re.sub(r"[^0-9a-zA-Z]+", "_", text).strip("_").lower() or "rule"
    if len(name) <= 80:
        return name
    return f"{name[:71]}_{hashlib.sha256(text.encode()).hexdigest()[:8]}"
