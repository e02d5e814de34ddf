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
from dataplatform.checks.words import WORDS_ALONE, metric_words
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
        what = metric_words(self)
        if self.threshold.operator == "mostly":
            share = float(self.threshold.value)
            return f"every {what[1]}" if share >= 1 else f"at least {share * 100:g} % of {what[1]}"
        percent = " %" if self.unit == "percent" else ""
        if self.metric in ROW_METRICS | DUPLICATE_METRICS:
            if self.threshold.operator in {"eq", "le"} and self.threshold.value == 0:
                return f"every {what[1]}" if self.metric == "invalid_count" else f"no {what[0]}"
            return f"{self.threshold.words()}{percent} {what[0]}"
        if self.metric in WORDS_ALONE:
            return what[0]
        return f"{what[0]} {self.threshold.words()}{percent}"


def safe_name(text: str) -> str:
    """Turn a rule's name into letters, digits and underscores, at most 80 long and stable."""
    name = re.sub(r"[^0-9a-zA-Z]+", "_", text).strip("_").lower() or "rule"
    if len(name) <= 80:
        return name
    return f"{name[:71]}_{hashlib.sha256(text.encode()).hexdigest()[:8]}"
