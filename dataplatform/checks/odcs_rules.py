"""One quality rule of the Open Data Contract Standard as a check.

The standard's library metrics, and its SQL rules with their operators and units. Rules of type
``text`` are words for people and give no check; custom rules are ``odcs_custom``'s.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from dataplatform.checks.gx_rules import checked_pattern
from dataplatform.checks.odcs_custom import custom_check
from dataplatform.checks.spec import ERROR, ROW_METRICS, SCAN, WARN, Check, safe_name
from dataplatform.checks.sql_rules import read_query
from dataplatform.checks.threshold import Threshold
from dataplatform.declarations.errors import DeclarationError, nearest

if TYPE_CHECKING:
    from dataplatform.declarations.contract import Contract, Rule

_OPERATORS = {
    "mustBe": "eq",
    "mustNotBe": "ne",
    "mustBeGreaterThan": "gt",
    "mustBeGreaterOrEqualTo": "ge",
    "mustBeGreaterThanOrEqualTo": "ge",
    "mustBeLessThan": "lt",
    "mustBeLessOrEqualTo": "le",
    "mustBeLessThanOrEqualTo": "le",
    "mustBeBetween": "between",
    "mustNotBeBetween": "not_between",
}
_METRICS = {
    "rowCount": "row_count",
    "nullValues": "null_count",
    "missingValues": "missing_count",
    "invalidValues": "invalid_count",
    "duplicateValues": "duplicate_count",
}
_SEVERITIES = {
    **dict.fromkeys(("error", "critical", "high", "fail", "blocker", "fatal"), ERROR),
    **dict.fromkeys(("warning", "warn", "info", "low", "medium", "minor", "notice"), WARN),
}


def check_of(rule: Rule, contract: Contract) -> Check | None:
    """Compile a quality rule; a rule of words only gives None.

    Args:
        rule: the rule as the file says it.
        contract: the contract that it stands in.

    Raises:
        DeclarationError: the rule cannot be understood.
    """
    spec: Mapping[str, Any] = rule.raw
    try:
        check = _check(rule, spec, contract)
        return None if check is None else _set_aside(check, rule)
    except ValueError as error:
        raise DeclarationError(contract.file, rule.line, f"{_title(spec)}: {error}.") from error


def _set_aside(check: Check, rule: Rule) -> Check:
    """Carry over what becomes of failing rows; only a rule of single rows can set them aside."""
    if rule.on_failure == "quarantine" and (
        check.engine != SCAN or check.metric not in ROW_METRICS
    ):
        raise ValueError(
            "onFailure quarantine needs a rule that says which rows are bad: nullValues, "
            "missingValues, invalidValues or a query select count(*) from ${table} where …"
        )
    return replace(check, on_failure=rule.on_failure)


def _title(spec: Mapping[str, Any]) -> str:
    return f"Rule {spec['name']!r}" if spec.get("name") else "A quality rule"


def _check(rule: Rule, spec: Mapping[str, Any], contract: Contract) -> Check | None:
    kind = spec.get("type") or "library"
    common: dict[str, Any] = {
        "relation": contract.relation,
        "severity": _severity(spec),
        "description": str(spec.get("description") or "").strip(),
        "dimension": spec.get("dimension"),
        "file": contract.file,
        "line": rule.line,
    }
    match kind:
        case "text":
            return None
        case "library":
            return _library(rule, spec, contract, common)
        case "sql":
            return _sql(rule, spec, contract, common)
        case "custom":
            return custom_check(spec, rule.column, lambda name: _column(name, contract), common)
    known = ("library", "sql", "custom", "text")
    raise ValueError(f"unknown type {kind!r}.{nearest(str(kind), known)} Known are {known}")


def _severity(spec: Mapping[str, Any]) -> str:
    word = spec.get("severity")
    if word is None:
        return ERROR
    severity = _SEVERITIES.get(str(word).strip().lower())
    if severity is None:
        raise ValueError(f"unknown severity {word!r}; use 'error' or 'warning'")
    return severity


def _threshold(spec: Mapping[str, Any]) -> Threshold:
    given = [name for name in spec if str(name).startswith("must")]
    for name in given:
        if name not in _OPERATORS:
            raise ValueError(f"unknown operator {name!r}.{nearest(str(name), _OPERATORS)}")
    if len(given) != 1:
        raise ValueError(
            "a rule needs exactly one operator such as mustBe or mustBeLessThan, "
            f"and this one has {len(given)}"
        )
    operator, value = _OPERATORS[given[0]], spec[given[0]]
    if operator in {"between", "not_between"}:
        if not isinstance(value, list | tuple) or len(value) != 2:
            raise ValueError(f"{given[0]} needs two numbers, the smaller first")
        low, high = value
        if not all(isinstance(item, int | float) for item in value) or low > high:
            raise ValueError(f"{given[0]} needs two numbers, the smaller first, not {list(value)}")
        return Threshold(operator, low, high)
    if operator not in {"eq", "ne"} and not isinstance(value, int | float):
        raise ValueError(f"{given[0]} needs a number, not {value!r}")
    return Threshold(operator, value)


def _unit(spec: Mapping[str, Any]) -> str:
    unit = str(spec.get("unit") or "rows").lower()
    if unit in {"rows", "row", "count"}:
        return "rows"
    if unit in {"percent", "%", "percentage"}:
        return "percent"
    raise ValueError(f"unknown unit {spec['unit']!r}; use 'rows' or 'percent'")


def _column(name: Any, contract: Contract) -> str:
    """Return a declared column's name.

    A contract that lists columns lists them all: another name is a slip.
    """
    known = {column.name.lower(): column.name for column in contract.columns}
    if known and str(name).lower() not in known:
        raise ValueError(
            f"{contract.relation} has no column {name!r} in its contract."
            f"{nearest(str(name), known.values())}".rstrip("?.")
        )
    return known.get(str(name).lower(), str(name))


def _library(
    rule: Rule, spec: Mapping[str, Any], contract: Contract, common: dict[str, Any]
) -> Check:
    written = spec.get("metric") or spec.get("rule")
    if written not in _METRICS:
        raise ValueError(
            f"unknown metric {written!r}; known are {', '.join(_METRICS)}."
            f"{nearest(str(written), _METRICS)}".rstrip("?.")
        )
    metric, unit, threshold = _METRICS[written], _unit(spec), _threshold(spec)
    given = dict(spec.get("arguments") or {})
    columns: tuple[str, ...] = () if rule.column is None else (rule.column,)
    arguments: dict[str, Any] = {}
    match metric:
        case "row_count":
            columns = ()
            if unit == "percent":
                raise ValueError("rowCount counts rows and knows no percent")
        case "duplicate_count":
            listed = given.get("properties") or given.get("columns")
            columns = tuple(_column(name, contract) for name in listed) if listed else columns
        case "missing_count":
            arguments["values"] = list(given.get("missingValues") or given.get("values") or ())
        case "invalid_count":
            arguments = _validity(given)
    if metric != "row_count" and not columns:
        raise ValueError(f"{written} must stand under a column")
    name = spec.get("name") or spec.get("id") or "_".join((*columns, metric))
    return Check(
        name=safe_name(str(name)),
        metric=metric,
        threshold=threshold,
        columns=columns,
        arguments=arguments,
        unit="percent" if unit == "percent" else "rows",
        **common,
    )


def _validity(given: Mapping[str, Any]) -> dict[str, Any]:
    arguments: dict[str, Any] = {}
    if given.get("validValues") is not None:
        arguments["values"] = list(given["validValues"])
    if given.get("pattern") is not None:
        arguments["pattern"] = checked_pattern(str(given["pattern"]))
    for name, odcs in (
        ("minimum", "minimum"),
        ("maximum", "maximum"),
        ("min_length", "minLength"),
        ("max_length", "maxLength"),
    ):
        if given.get(odcs) is not None:
            arguments[name] = given[odcs]
    if not arguments:
        raise ValueError("invalidValues needs 'validValues' or a 'pattern' in its arguments")
    return arguments


def _sql(rule: Rule, spec: Mapping[str, Any], contract: Contract, common: dict[str, Any]) -> Check:
    if not spec.get("query"):
        raise ValueError("a rule of type sql needs a 'query'")
    read = read_query(str(spec["query"]), rule.column, contract.relation.schema)
    threshold, unit = _threshold(spec), _unit(spec)
    name = spec.get("name") or spec.get("id") or "_".join(filter(None, (rule.column, "query")))
    if read.predicate is None:
        if unit == "percent":
            raise ValueError("a query gives its own number: leave the unit 'percent' away")
        columns = () if rule.column is None else (rule.column,)
        return Check(
            name=safe_name(str(name)),
            metric="sql",
            threshold=threshold,
            columns=columns,
            arguments={"query": read.query},
            **common,
        )
    return Check(
        name=safe_name(str(name)),
        metric="failing_rows",
        threshold=threshold,
        columns=read.columns,
        arguments={"predicate": read.predicate},
        unit="percent" if unit == "percent" else "rows",
        **common,
    )
