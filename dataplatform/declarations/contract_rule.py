"""What a quality rule of a contract may say.

ODCS knows three kinds that this platform runs: its library of metrics, a SQL query, and a Great
Expectations expectation in the standard's custom form. A rule that cannot be run is refused when
the file is read, not skipped when the check should run.
"""

from __future__ import annotations

import importlib.util
import re
from functools import cache
from pathlib import Path
from typing import Any, Literal

from dataplatform.declarations.errors import nearest
from dataplatform.declarations.yaml_file import YamlFile
from dataplatform.keys import Relation, layer_of

METRICS = (
    "nullValues",
    "missingValues",
    "invalidValues",
    "duplicateValues",
    "rowCount",
)
OPERATORS = (
    "mustBe",
    "mustNotBe",
    "mustBeGreaterThan",
    "mustBeGreaterOrEqualTo",
    "mustBeLessThan",
    "mustBeLessOrEqualTo",
    "mustBeBetween",
    "mustNotBeBetween",
)
TYPES = ("library", "sql", "custom", "text")
ON_FAILURE = ("keep", "quarantine")
SEVERITIES = ("error", "warning")
DIMENSIONS = (
    "accuracy", "completeness", "conformity", "consistency", "coverage", "timeliness", "uniqueness",
)  # fmt: skip
_ARGUMENTS = {
    "nullValues": (),
    "missingValues": ("missingValues",),
    "invalidValues": (
        "validValues",
        "pattern",
        "minimum",
        "maximum",
        "minLength",
        "maxLength",
    ),
    "duplicateValues": ("properties",),
    "rowCount": (),
}

Loc = tuple[str | int, ...]


def check_rule(
    file: YamlFile,
    loc: Loc,
    rule: dict[str, Any],
    column: str | None,
    columns: list[str],
) -> None:
    """Refuse a rule that could not be run.

    Args:
        file: the contract.
        loc: where in the file the rule stands.
        rule: the rule by ODCS's names.
        column: the column it is about; None for a rule of the table.
        columns: every column of the contract.

    Raises:
        DeclarationError: it could not be run; the text names the line.
    """
    kind = rule.get("type", "library")
    if kind not in TYPES:
        raise file.error((*loc, "type"), _choice("type", kind, TYPES))
    name = rule.get("name")
    if name is not None and not re.fullmatch(r"[a-z][a-z0-9_]{0,62}", name):
        raise file.error(
            (*loc, "name"),
            f"{name!r} is not a safe name for a rule: use a-z, 0-9 and underscores.",
        )
    if rule.get("severity", "error") not in SEVERITIES:
        raise file.error((*loc, "severity"), _choice("severity", rule["severity"], SEVERITIES))
    dimension = rule.get("dimension")
    if dimension is not None and dimension not in DIMENSIONS:
        raise file.error((*loc, "dimension"), _choice("dimension", dimension, DIMENSIONS))
    if kind == "library":
        _check_library(file, loc, rule, column, columns)
    elif kind == "sql":
        _check_sql(file, loc, rule)
    elif kind == "custom":
        _check_custom(file, loc, rule, column, columns)


def on_failure(
    file: YamlFile, loc: Loc, rule: dict[str, Any], relation: Relation
) -> Literal["keep", "quarantine"]:
    """Return what becomes of rows that break a rule: its custom property ``onFailure``.

    Raises:
        DeclarationError: the value is neither keep nor quarantine, or the table is a raw one,
            whose rows are the source's.
    """
    for index, one in enumerate(rule.get("customProperties") or []):
        if not isinstance(one, dict) or one.get("property") != "onFailure":
            continue
        value = one.get("value")
        at = (*loc, "customProperties", index, "value")
        if value not in ON_FAILURE:
            raise file.error(at, _choice("onFailure", value, ON_FAILURE))
        if value == "quarantine" and layer_of(relation) in ("raw", "lake_raw"):
            raise file.error(
                at,
                f"rows of the raw table {relation} are the source's and stay: say quarantine in "
                "the contract of the staging model that reads it, under config/contracts/staging.",
            )
        return "quarantine" if value == "quarantine" else "keep"
    return "keep"


def _check_library(
    file: YamlFile,
    loc: Loc,
    rule: dict[str, Any],
    column: str | None,
    columns: list[str],
) -> None:
    if "rule" in rule:
        raise file.error((*loc, "rule"), "'rule' is the former name of 'metric': write 'metric'.")
    metric = rule.get("metric")
    if metric not in METRICS:
        if metric is None:
            raise file.error(loc, f"the setting 'metric' of {_title(rule)} is missing.")
        raise file.error((*loc, "metric"), _choice("metric", metric, METRICS))
    if column is None and metric not in ("rowCount", "duplicateValues"):
        raise file.error((*loc, "metric"), f"{metric} is a rule of a column, not of the table.")
    if column is not None and metric == "rowCount":
        raise file.error((*loc, "metric"), "rowCount is a rule of the table, not of a column.")
    _check_operator(file, loc, rule)
    if rule.get("unit", "rows") not in ("rows", "percent"):
        raise file.error((*loc, "unit"), _choice("unit", rule["unit"], ("rows", "percent")))
    arguments = rule.get("arguments") or {}
    for name, value in arguments.items():
        at = (*loc, "arguments", name)
        if name not in _ARGUMENTS[metric]:
            raise file.error(
                at,
                f"{name!r} is not an argument of {metric}.{nearest(name, _ARGUMENTS[metric])}",
            )
        if name in ("validValues", "missingValues", "properties") and not isinstance(value, list):
            raise file.error(at, f"{name} must be a list.")
        if name == "pattern":
            _check_pattern(file, at, value)
        if name == "properties":
            for index, one in enumerate(value):
                if one not in columns:
                    raise file.error(
                        (*at, index),
                        f"{one!r} is not a column.{nearest(str(one), columns)}",
                    )
    if metric == "invalidValues" and not arguments:
        raise file.error(loc, f"{_title(rule)} needs arguments that say what is valid.")
    if metric == "duplicateValues" and column is None and not arguments.get("properties"):
        raise file.error(
            loc,
            f"{_title(rule)} needs arguments.properties, a list of columns.",
        )


def _check_sql(file: YamlFile, loc: Loc, rule: dict[str, Any]) -> None:
    query = rule.get("query")
    if not isinstance(query, str) or not query.strip():
        raise file.error(loc, f"the setting 'query' of {_title(rule)} is missing.")
    _check_operator(file, loc, rule)
    if ";" in query.strip().rstrip(";"):
        raise file.error((*loc, "query"), "a rule's query is one SELECT, without semicolons.")
    if not re.match(r"\s*(select|with)\b", query, re.IGNORECASE):
        raise file.error((*loc, "query"), "a rule's query begins with SELECT or WITH.")


def _check_custom(
    file: YamlFile,
    loc: Loc,
    rule: dict[str, Any],
    column: str | None,
    columns: list[str],
) -> None:
    engine = rule.get("engine")
    if engine != "greatExpectations":
        raise file.error((*loc, "engine"), _choice("engine", engine, ("greatExpectations",)))
    what = rule.get("implementation")
    at = (*loc, "implementation")
    if not isinstance(what, dict) or not isinstance(what.get("type"), str):
        raise file.error(at, f"{_title(rule)} needs implementation.type, an expectation.")
    for key in what:
        if key not in ("type", "kwargs"):
            hint = nearest(key, ("type", "kwargs"))
            raise file.error((*at, key), f"{key!r} is not a setting of an implementation.{hint}")
    expectation = what["type"]
    known = _expectations()
    if known and expectation not in known:
        raise file.error(
            (*at, "type"),
            f"{expectation!r} is not an expectation.{nearest(expectation, known)}",
        )
    kwargs = what.get("kwargs") or {}
    if not isinstance(kwargs, dict):
        raise file.error((*at, "kwargs"), "implementation.kwargs must be settings (key: value).")
    named = kwargs.get("column", column)
    if named is not None and named not in columns:
        raise file.error(
            (*at, "kwargs", "column"),
            f"{named!r} is not a column.{nearest(str(named), columns)}",
        )


def _check_operator(file: YamlFile, loc: Loc, rule: dict[str, Any]) -> None:
    used = [name for name in OPERATORS if rule.get(name) is not None]
    if len(used) != 1:
        said = "none" if not used else " and ".join(used)
        raise file.error(
            loc,
            f"{_title(rule)} needs exactly one threshold (mustBe…), not {said}.",
        )
    value = rule[used[0]]
    numbers = value if isinstance(value, list) else [value]
    for number in numbers:
        if isinstance(number, bool) or not isinstance(number, int | float):
            raise file.error((*loc, used[0]), f"{used[0]} must be a number, not {number!r}.")
    if used[0].endswith("Between") and value[0] > value[1]:
        raise file.error(
            (*loc, used[0]), f"{used[0]} must go from the smaller to the larger number."
        )


def _check_pattern(file: YamlFile, loc: Loc, value: Any) -> None:
    if not isinstance(value, str):
        raise file.error(loc, f"pattern must be text, not {value!r}.")
    try:
        re.compile(value)
    except re.error as error:
        raise file.error(loc, f"pattern is not a regular expression: {error}.") from None


def _title(rule: dict[str, Any]) -> str:
    return f"the rule {rule['name']!r}" if rule.get("name") else "a quality rule"


def _choice(name: str, value: Any, options: tuple[str, ...]) -> str:
    listed = ", ".join(options)
    return f"{name} must be one of {listed}, not {value!r}.{nearest(str(value), options)}"


@cache
def _expectations() -> frozenset[str]:
    """Name the expectations that are installed, without the seconds that importing them takes."""
    spec = importlib.util.find_spec("great_expectations")
    if spec is None or spec.origin is None:
        return frozenset()
    core = Path(spec.origin).parent / "expectations" / "core"
    return frozenset(
        path.stem for path in core.glob("*.py") if path.stem.startswith(("expect_", "unexpected_"))
    )
