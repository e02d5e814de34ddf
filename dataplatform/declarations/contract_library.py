"""The standard's library of metrics: what 3.0 and 3.1 call them, and what each may say.

A rule of 3.0 (``rule: duplicateCount``) is read as what 3.1 calls it. A rule that could not be run,
or could never hold, is refused with its line; what a metric computes is the business of ``checks``.
"""

from __future__ import annotations

from typing import Any

from dataplatform.declarations.errors import nearest
from dataplatform.declarations.pattern import pattern_fault
from dataplatform.declarations.yaml_file import YamlFile

Loc = tuple[str | int, ...]

METRICS = ("nullValues", "missingValues", "invalidValues", "duplicateValues", "rowCount")
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
#: How some write the standard's operators.
_SPELLINGS = {
    "mustBeGreaterThanOrEqualTo": "mustBeGreaterOrEqualTo",
    "mustBeLessThanOrEqualTo": "mustBeLessOrEqualTo",
}
UNITS = ("rows", "percent")
_UNITS = {"rows": "rows", "row": "rows", "count": "rows", "percent": "percent", "%": "percent",
          "percentage": "percent"}  # fmt: skip
_ARGUMENTS: dict[str, tuple[str, ...]] = {
    "nullValues": (),
    "missingValues": ("missingValues",),
    "invalidValues": ("validValues", "pattern", "minimum", "maximum", "minLength", "maxLength"),
    "duplicateValues": ("properties",),
    "rowCount": (),
}
#: The names that 3.0's authors gave the metrics.
FORMER = {
    **dict.fromkeys(("nullValues", "nullCheck", "nullCount", "notNull"), "nullValues"),
    **dict.fromkeys(("missingValues", "missingCount"), "missingValues"),
    **dict.fromkeys(("invalidValues", "invalidCount", "validValues"), "invalidValues"),
    **dict.fromkeys(
        ("duplicateValues", "duplicateCount", "uniqueCheck", "unique"), "duplicateValues"
    ),
    **dict.fromkeys(("rowCount", "countCheck"), "rowCount"),
}


def title(rule: dict[str, Any]) -> str:
    """Return how messages name a rule."""
    return f"the rule {rule['name']!r}" if rule.get("name") else "a quality rule"


def choice(name: str, value: Any, options: tuple[str, ...]) -> str:
    """Return the sentence about a value that is none of those it may be."""
    listed = ", ".join(options)
    return f"{name} must be one of {listed}, not {value!r}.{nearest(str(value), options)}"


def spelled(rule: dict[str, Any]) -> dict[str, Any]:
    """Return a rule with its operators and unit in the standard's spelling."""
    found = {_SPELLINGS.get(name, name): value for name, value in rule.items()}
    unit = found.get("unit")
    if isinstance(unit, str) and unit.lower() in _UNITS:
        found["unit"] = _UNITS[unit.lower()]
    return found


def modern(rule: dict[str, Any]) -> tuple[dict[str, Any], str | None]:
    """Return a library rule as 3.1 writes it, or why it says nothing that could be checked.

    Args:
        rule: the rule, in the standard's spelling.
    """
    written = rule.get("metric") or rule.get("rule")
    if rule.get("metric") is None:
        if written not in FORMER:
            hint = nearest(str(written), FORMER)
            return rule, f"{written!r} is none of the standard's metrics.{hint}".rstrip(".")
        rule = {**rule, "metric": FORMER[written]}
        moved = {
            name: rule[name] for name in _ARGUMENTS[rule["metric"]] if name in rule
        }  # 3.0 writes arguments beside the rule's own settings.
        if moved:
            rule["arguments"] = {**moved, **(rule.get("arguments") or {})}
        if not operators(rule):
            if rule["metric"] == "rowCount":
                return rule, "it gives no threshold (mustBe…)"
            rule["mustBe"] = 0
    unit = rule.get("unit", "rows")
    if unit not in UNITS and not nearest(str(unit), UNITS):
        return rule, f"the unit {unit!r} is not one that is counted (rows, percent)"
    return rule, None


def operators(rule: dict[str, Any]) -> list[str]:
    """Return the thresholds that a rule gives."""
    return [name for name in OPERATORS if rule.get(name) is not None]


def check_library(
    file: YamlFile, loc: Loc, rule: dict[str, Any], column: str | None, columns: list[str]
) -> None:
    """Refuse a library rule, as 3.1 writes it, that could not be run.

    Raises:
        DeclarationError: it could not; the text names the line.
    """
    metric = rule.get("metric")
    if metric not in METRICS:
        raise file.error((*loc, "metric"), choice("metric", metric, METRICS))
    if column is None and metric not in ("rowCount", "duplicateValues"):
        raise file.error((*loc, "metric"), f"{metric} is a rule of a column, not of the table.")
    if column is not None and metric == "rowCount":
        raise file.error((*loc, "metric"), "rowCount is a rule of the table, not of a column.")
    unit = rule.get("unit", "rows")
    if unit not in UNITS:
        raise file.error((*loc, "unit"), choice("unit", unit, UNITS))
    if metric == "rowCount" and unit == "percent":
        raise file.error((*loc, "unit"), "rowCount counts rows and knows no percent.")
    check_operator(file, loc, rule, counted=True)
    _check_arguments(file, loc, rule, column, columns)


def _check_arguments(
    file: YamlFile, loc: Loc, rule: dict[str, Any], column: str | None, columns: list[str]
) -> None:
    metric, arguments = rule["metric"], rule.get("arguments") or {}
    for name, value in arguments.items():
        at = (*loc, "arguments", name)
        if name not in _ARGUMENTS[metric]:
            hint = nearest(name, _ARGUMENTS[metric])
            raise file.error(at, f"{name!r} is not an argument of {metric}.{hint}")
        if name in ("validValues", "missingValues", "properties") and not isinstance(value, list):
            raise file.error(at, f"{name} must be a list.")
        if name == "validValues" and not value:
            raise file.error(at, "validValues names no value, so that none could be valid.")
        if name == "pattern":
            check_pattern(file, at, value)
        for index, one in enumerate(value if name == "properties" else ()):
            if str(one).lower() not in map(str.lower, columns):
                hint = nearest(str(one), columns)
                raise file.error((*at, index), f"{one!r} is not a column.{hint}")
    for low, high in (("minimum", "maximum"), ("minLength", "maxLength")):
        _check_order(file, (*loc, "arguments"), arguments, low, high)
    if metric == "invalidValues" and not arguments:
        raise file.error(loc, f"{title(rule)} needs arguments that say what is valid.")
    if metric == "duplicateValues" and column is None and not arguments.get("properties"):
        raise file.error(loc, f"{title(rule)} needs arguments.properties, a list of columns.")


def _check_order(file: YamlFile, loc: Loc, given: dict[str, Any], low: str, high: str) -> None:
    below, above = given.get(low), given.get(high)
    for name, value in ((low, below), (high, above)):
        if isinstance(value, bool | dict | list) or (
            name.endswith("Length") and value is not None and not isinstance(value, int)
        ):
            raise file.error((*loc, name), f"{name} must be a number, not {value!r}.")
    if below is None or above is None:
        return
    if isinstance(below, str) != isinstance(above, str):
        raise file.error((*loc, high), f"{low} and {high} must be of one kind.")
    if below > above:
        raise file.error((*loc, high), f"{low} {below!r} is above {high} {above!r}.")


def check_options(file: YamlFile, loc: Loc, options: dict[str, Any]) -> None:
    """Refuse options of a logical type that no value could keep, or that could take for ever.

    Raises:
        DeclarationError: they are such; the text names the line.
    """
    for low, high in (("minimum", "maximum"), ("minLength", "maxLength"),
                      ("minItems", "maxItems"), ("minProperties", "maxProperties")):  # fmt: skip
        _check_order(file, loc, options, low, high)
    if options.get("pattern") is not None:
        check_pattern(file, (*loc, "pattern"), options["pattern"])


def check_pattern(file: YamlFile, loc: Loc, value: Any) -> None:
    """Refuse what is no regular expression, or one that could take for ever.

    Raises:
        DeclarationError: it is such; the text names the line.
    """
    name = loc[-1]
    if not isinstance(value, str):
        raise file.error(loc, f"{name} must be text, not {value!r}.")
    fault = pattern_fault(value)
    if fault is not None:
        raise file.error(loc, f"{name} {fault}.")


def check_operator(file: YamlFile, loc: Loc, rule: dict[str, Any], counted: bool) -> None:
    """Refuse a rule without exactly one threshold, or with one that nothing could keep.

    Args:
        file: the contract.
        loc: where in the file the rule stands.
        rule: the rule, in the standard's spelling.
        counted: whether the threshold is held against a count of rows or a share of them.

    Raises:
        DeclarationError: it is such; the text names the line.
    """
    for name in rule:
        if name.startswith("must") and name not in OPERATORS:
            raise file.error(
                (*loc, name), f"{name!r} is not a threshold.{nearest(name, OPERATORS)}"
            )
    used = operators(rule)
    if len(used) != 1:
        said = "none" if not used else " and ".join(used)
        raise file.error(loc, f"{title(rule)} needs exactly one threshold (mustBe…), not {said}.")
    name, value, at = used[0], rule[used[0]], (*loc, used[0])
    numbers = value if isinstance(value, list) else [value]
    for number in numbers:
        plain = isinstance(number, int | float) and not isinstance(number, bool)
        if not plain and (counted or name not in ("mustBe", "mustNotBe") or number is not value):
            raise file.error(at, f"{name} must be a number, not {number!r}.")
    if name.endswith("Between"):
        if len(numbers) != 2:
            raise file.error(at, f"{name} must be two numbers, the smaller first.")
        if numbers[0] > numbers[1]:
            raise file.error(at, f"{name} must go from the smaller to the larger number.")
    if counted:
        _check_reachable(file, at, name, numbers, rule.get("unit") == "percent")


def _check_reachable(
    file: YamlFile, at: Loc, name: str, numbers: list[float], percent: bool
) -> None:
    """Refuse a threshold that no count of rows, or no share of them, could keep."""
    top = 100.0 if percent else float("inf")
    what = "a percentage, from 0 to 100," if percent else "a count of rows, 0 or more,"
    low, high = float(numbers[0]), float(numbers[-1])
    never = {
        "mustBe": not 0 <= low <= top,
        "mustBeGreaterThan": low >= top,
        "mustBeGreaterOrEqualTo": low > top,
        "mustBeLessThan": low <= 0,
        "mustBeLessOrEqualTo": low < 0,
        "mustBeBetween": high < 0 or low > top,
        "mustNotBeBetween": low <= 0 and high >= top,
    }
    if never.get(name):
        shown = " and ".join(f"{number:g}" for number in numbers)
        raise file.error(at, f"{name} {shown} can never hold of {what} so the rule always fails.")
