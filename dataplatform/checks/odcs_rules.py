"""One quality rule of the Open Data Contract Standard as a check.

The standard's library metrics, and its SQL rules with their operators and units. Rules of type
``text`` are words for people and give no check; custom rules are ``odcs_custom``'s.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from dataplatform.checks.odcs_custom import custom_check
from dataplatform.checks.scope import read_scope
from dataplatform.checks.spec import ERROR, ROW_METRICS, SCAN, WARN, Check, Unit, safe_name
from dataplatform.checks.sql_rules import read_query
from dataplatform.checks.threshold import Threshold
from dataplatform.declarations.errors import DeclarationError, nearest
from dataplatform.keys import Relation

if TYPE_CHECKING:
    from dataplatform.declarations.contract import Contract, Rule

_OPERATORS = {
    "mustBe": "eq",
    "mustNotBe": "ne",
    "mustBeGreaterThan": "gt",
    "mustBeGreaterOrEqualTo": "ge",
    "mustBeLessThan": "lt",
    "mustBeLessOrEqualTo": "le",
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
        text = f"{_title(spec)}: {error}"
        end = "" if text.endswith("?") else "."
        raise DeclarationError(contract.file, rule.line, text + end) from error


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
    if rule.unenforced is not None:
        return None
    common: dict[str, Any] = {
        "relation": contract.relation,
        "severity": _severity(spec),
        "scope": read_scope(spec),
        "description": str(spec.get("description") or "").strip(),
        "dimension": spec.get("dimension"),
        "file": contract.file,
        "line": rule.line,
    }
    match spec["type"]:
        case "library":
            return _library(rule, spec, contract, common)
        case "sql":
            return _sql(rule, spec, contract, common)
        case "custom":
            return custom_check(spec, rule.column, lambda name: _column(name, contract), common)
    raise AssertionError(f"a rule of type {spec['type']!r} is read nowhere")


def _severity(spec: Mapping[str, Any]) -> str:
    """Return how grave a breach is; a word that nobody knows is taken as gravely as it can be."""
    return _SEVERITIES.get(str(spec.get("severity") or "").strip().lower(), ERROR)


def _threshold(spec: Mapping[str, Any]) -> Threshold:
    """Return the rule's one threshold; that it has one was seen to when the file was read."""
    given = next(name for name in _OPERATORS if spec.get(name) is not None)
    operator, value = _OPERATORS[given], spec[given]
    if operator in {"between", "not_between"}:
        return Threshold(operator, *value)
    return Threshold(operator, value)


def _unit(spec: Mapping[str, Any]) -> Unit:
    return "percent" if spec.get("unit") == "percent" else "rows"


def _column(name: Any, contract: Contract) -> str:
    """Return a declared column's name.

    A contract that lists columns lists them all: another name is a slip.
    """
    known = {
        name.lower(): column.name
        for column in contract.columns
        for name in (column.logical_name, column.name)
    }
    if known and str(name).lower() not in known:
        raise ValueError(
            f"{contract.relation} has no column {name!r} in its contract."
            f"{nearest(str(name), known.values())}".rstrip(".")
        )
    return known.get(str(name).lower(), str(name))


def _library(
    rule: Rule, spec: Mapping[str, Any], contract: Contract, common: dict[str, Any]
) -> Check:
    metric, unit, threshold = _METRICS[spec["metric"]], _unit(spec), _threshold(spec)
    given = dict(spec.get("arguments") or {})
    columns: tuple[str, ...] = () if rule.column is None else (rule.column,)
    arguments: dict[str, Any] = {}
    match metric:
        case "row_count":
            columns = ()
        case "duplicate_count":
            listed = given.get("properties")
            columns = tuple(_column(name, contract) for name in listed) if listed else columns
        case "missing_count":
            arguments["values"] = _said(given.get("missingValues") or ())
        case "invalid_count":
            arguments = _validity(given)
    name = spec.get("name") or spec.get("id") or "_".join((*columns, metric))
    return Check(
        name=safe_name(str(name)),
        metric=metric,
        threshold=threshold,
        columns=columns,
        arguments=arguments,
        unit=unit,
        **common,
    )


def _other_names(contract: Contract) -> list[Relation]:
    """What a query may call the contract's table by: its names in the contract."""
    table = contract.table
    names = [str(table["name"]), str(table.get("physicalName") or table["name"])]
    return [Relation(*(["", *name.split(".")][-2:])) for name in names]


def _validity(given: Mapping[str, Any]) -> dict[str, Any]:
    arguments: dict[str, Any] = {}
    if given.get("validValues") is not None:
        arguments["values"] = _said(given["validValues"])
    if given.get("pattern") is not None:
        arguments["pattern"] = str(given["pattern"])
    for name, odcs in (
        ("minimum", "minimum"),
        ("maximum", "maximum"),
        ("min_length", "minLength"),
        ("max_length", "maxLength"),
    ):
        if given.get(odcs) is not None:
            arguments[name] = given[odcs]
    return arguments


def _said(values: Iterable[Any]) -> list[Any]:
    """Leave out null: it is missing anyway, and neither valid nor invalid."""
    return [value for value in values if value is not None]


def _sql(rule: Rule, spec: Mapping[str, Any], contract: Contract, common: dict[str, Any]) -> Check:
    read = read_query(
        str(spec["query"]),
        rule.column,
        own=(contract.relation, contract.published, *_other_names(contract)),
    )
    for name in read.columns:
        # What the loader or the platform adds is promised by nobody and there all the same.
        if not name.startswith("_"):
            _column(name, contract)
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
        unit=unit,
        **common,
    )
