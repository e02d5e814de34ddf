"""Checks as Great Expectations suites.

Every check becomes one expectation of GX: the one it was written as, the core expectation that
means the same, or an ``UnexpectedRowsExpectation`` with the check's own SQL. Running them is the
business of ``gx``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dataplatform.checks import families
from dataplatform.checks.dialects import Dialect, dialect
from dataplatform.checks.pieces import COUNT
from dataplatform.checks.predicates import pieces
from dataplatform.checks.spec import Check
from dataplatform.checks.sql_rules import with_table

META = "dataplatform"
_BATCH = "{batch}"
#: What GX evaluates in pandas alone.
IN_MEMORY = frozenset(
    {
        "expect_column_values_to_be_dateutil_parseable",
        "expect_column_values_to_be_decreasing",
        "expect_column_values_to_be_increasing",
        "expect_column_values_to_be_json_parseable",
        "expect_column_values_to_match_json_schema",
        "expect_column_values_to_match_strftime_format",
    }
)


@dataclass(frozen=True)
class Portion:
    """Rules of one table that GX judges together.

    Attributes:
        name: of the suite, its validation and its checkpoint.
        checks: the rules.
        in_memory: whether GX evaluates them in pandas.
        classified: whether they look at columns whose values are never shown.
    """

    name: str
    checks: tuple[Check, ...]
    in_memory: bool
    classified: bool


def portions(name: str, checks: Sequence[Check]) -> list[Portion]:
    """Group rules by where they are evaluated and how much of the result may be kept.

    Args:
        name: of the suite; what is in memory or classified gets a suite beside it.
        checks: rules of one table.
    """
    groups: dict[tuple[bool, bool], list[Check]] = {}
    for check in checks:
        kind = (check.expectation or {}).get("type")
        read = {column.lower() for column in (*columns_read([check]), *check.key)}
        groups.setdefault((kind in IN_MEMORY, bool(read & check.masked)), []).append(check)
    return [
        Portion(
            name + (" classified" if classified else "") + (" in memory" if in_memory else ""),
            tuple(group),
            in_memory,
            classified,
        )
        for (in_memory, classified), group in sorted(groups.items())
    ]


def columns_read(checks: Sequence[Check]) -> list[str]:
    """Return the columns that rules look at, those of their conditions and keys included."""
    found: dict[str, None] = {}
    for check in checks:
        condition = str((check.expectation or {}).get("kwargs", {}).get("row_condition") or "")
        named = re.findall(r"""col\(\s*["'](\w+)""", condition)
        found |= dict.fromkeys([*check.columns, *named, *check.key])
    return list(found)


def configuration(check: Check, dialect_name: str) -> dict[str, Any]:
    """Return a check as the configuration of an expectation (type, kwargs, meta, severity)."""
    sql = dialect(dialect_name)
    kind, kwargs = _written(check) or _core(check) or _rows(check, sql)
    return {
        "type": kind,
        "kwargs": dict(kwargs),
        "description": check.description or check.expected,
        "severity": "critical" if check.gate else "warning",
        "meta": {META: {"check": check.name, "rule": check.source, "severity": check.severity}},
    }


def suite(name: str, checks: Sequence[Check], dialect_name: str) -> Any:
    """Return a GX ``ExpectationSuite`` of checks."""
    from great_expectations import ExpectationSuite

    return ExpectationSuite(
        name=name, expectations=[configuration(check, dialect_name) for check in checks]
    )


def _written(check: Check) -> tuple[str, Mapping[str, Any]] | None:
    if check.expectation is None:
        return None
    kwargs = dict(check.expectation["kwargs"])
    if isinstance(kwargs.get("row_condition"), str):
        kwargs.setdefault("condition_parser", "great_expectations")
    return str(check.expectation["type"]), kwargs


def _core(check: Check) -> tuple[str, dict[str, Any]] | None:
    """The core expectation that means the same, where there is one."""
    threshold, none = check.threshold, check.threshold.value == 0
    every = (threshold.operator in {"eq", "le"} and none) or (
        threshold.operator == "mostly" and threshold.value == 1
    )
    match check.metric:
        case "row_count" if threshold.operator in {"ge", "le", "between", "eq"}:
            low = threshold.value if threshold.operator != "le" else None
            high = {"ge": None, "between": threshold.upper}.get(threshold.operator, threshold.value)
            return "expect_table_row_count_to_be_between", {"min_value": low, "max_value": high}
        case "null_count" if every:
            return "expect_column_values_to_not_be_null", {"column": check.columns[0]}
        case "nonunique_count" | "duplicate_count" if every and len(check.columns) == 1:
            return "expect_column_values_to_be_unique", {"column": check.columns[0]}
        case "nonunique_count" | "duplicate_count" if every:
            return "expect_compound_columns_to_be_unique", {"column_list": list(check.columns)}
    return None


def _rows(check: Check, sql: Dialect) -> tuple[str, dict[str, Any]]:
    """The check's own SQL, as a query that gives rows only when the promise is broken."""
    if check.metric == "schema":
        query = _schema_query(check, sql)
    else:
        piece = pieces(check, 0, sql)
        every = check.threshold.operator in {"eq", "le"} and check.threshold.value == 0
        if piece.predicate is not None and every:
            query = f"select * from {_BATCH} where {piece.predicate}"
        else:
            inner = [f"count(*) as {COUNT}"]
            inner += [f"{text} as {alias}" for alias, text in piece.aggregates.items()]
            query = (
                f"select * from (select {piece.observed} as observed, coalesce({piece.passed}, "
                f"false) as passed from (select {', '.join(inner)} from {_BATCH}) as scan) "
                "as judged where not passed"
            )
        # Braces of a pattern are not placeholders of GX.
        query = with_table(query.replace("{", "{{").replace("}", "}}"), _BATCH)
        query = query.replace("{{batch}}", _BATCH)
    return "unexpected_rows_expectation", {"unexpected_rows_query": query}


def _schema_query(check: Check, sql: Dialect) -> str:
    accepted = []
    for name, kind in check.arguments["types"].items():
        family = families.family_of(kind)
        listed = sorted(families.ACCEPTED[family]) if family else []
        kinds = ", ".join(sql.literal(item) for item in listed) or "found.kind"
        accepted.append(f"(found.name = {sql.literal(name.lower())} and found.kind in ({kinds}))")
    declared = " union all ".join(
        f"select {sql.literal(name.lower())} as name" for name in check.arguments["types"]
    )
    return (
        f"select declared.name from ({declared}) as declared left join (select "
        f"lower(column_name) as name, {sql.bare_type('data_type')} as kind "
        f"from {sql.listing('columns', [check.relation.schema.lower()])} "
        f"where lower(table_name) = {sql.literal(check.relation.table.lower())}) as found "
        f"on found.name = declared.name and ({' or '.join(accepted)}) "
        f"where found.name is null and (select count(*) from {_BATCH}) is not null"
    )
