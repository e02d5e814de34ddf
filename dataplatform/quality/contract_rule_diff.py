"""How the quality rules of two versions of a contract differ: kept, stricter, looser, gone.

A rule that is gone, looser or no longer an error breaks the promise that consumers build on; one
that is new or stricter does not.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from dataplatform.checks.contract_rules import checks_of
from dataplatform.checks.spec import ERROR, Check

if TYPE_CHECKING:
    from dataplatform.declarations.contract import Contract

#: Rules that follow from what ``contract_diff`` compares itself.
_IMPLIED = ("schema", "freshness", "retention")
_Change = tuple[str, str, bool, int, str | None, bool, bool]


def rule_changes(old: Contract, new: Contract) -> Iterator[_Change]:
    """Return the changes of rules, as the parts of ``contract_diff.Change``.

    Args:
        old: the version that consumers rely on.
        new: the version that is to replace it.
    """
    before, now = _written(old), _written(new)
    for name, was in before.items():
        column = was.columns[0] if len(was.columns) == 1 else None
        field = f"rule {name}"
        gates = was.severity == ERROR
        if name not in now:
            yield field, f"is gone: {was.expected}", gates, was.line or 1, column, False, True
            continue
        after = now[name]
        line = after.line or 1
        if was.severity != after.severity:
            yield (
                field,
                f"is {_word(after)} now, was {_word(was)}",
                gates,
                line,
                column,
                False,
                False,
            )
        if _same(was, after):
            continue
        text = f"was {was.expected}, is {after.expected}"
        yield field, text, gates and not _stricter(was, after), line, column, False, False
    for name, after in now.items():
        if name not in before:
            column = after.columns[0] if len(after.columns) == 1 else None
            yield (
                f"rule {name}",
                f"is new: {after.expected}",
                False,
                after.line or 1,
                column,
                False,
                False,
            )


def _written(contract: Contract) -> dict[str, Check]:
    lines = {rule.line for rule in contract.rules}
    return {
        check.name: check
        for check in checks_of(contract)
        if check.line in lines and check.name not in _IMPLIED
    }


def _word(check: Check) -> str:
    return "an error" if check.severity == ERROR else "a warning"


def _same(was: Check, now: Check) -> bool:
    return (was.metric, was.columns, was.threshold, was.unit, was.filter, was.expectation) == (
        now.metric, now.columns, now.threshold, now.unit, now.filter, now.expectation,
    ) and dict(was.arguments) == dict(now.arguments)  # fmt: skip


def _stricter(was: Check, now: Check) -> bool:
    """Whether whatever keeps the newer rule keeps the older one."""
    if (was.metric, was.columns, was.unit, was.filter) != (
        now.metric, now.columns, now.unit, now.filter,
    ):  # fmt: skip
        return False
    if was.expectation is not None or now.expectation is not None:
        return False
    one, other = dict(was.arguments), dict(now.arguments)
    if was.metric == "missing_count":
        one, other = other, one  # The more counts as missing, the more is promised.
    return _narrower(one, other) and _tighter(was, now)


def _tighter(was: Check, now: Check) -> bool:
    one, other = was.threshold, now.threshold
    if one == other:
        return True
    if one.operator != other.operator:
        return other.operator == "eq" and one.holds(other.value)
    match one.operator:
        case "lt" | "le":
            return bool(other.value <= one.value)
        case "gt" | "ge":
            return bool(other.value >= one.value)
        case "between":
            return bool(other.value >= one.value and other.upper <= one.upper)
    return False


def _narrower(was: dict[str, Any], now: dict[str, Any]) -> bool:
    if was == now:
        return True
    if was.keys() != now.keys():
        return False
    for name, value in was.items():
        after = now[name]
        if value == after:
            continue
        if name == "values":
            if not set(map(str, after)) <= set(map(str, value)):
                return False
        elif name in ("minimum", "min_length"):
            if after < value:
                return False
        elif name in ("maximum", "max_length"):
            if after > value:
                return False
        else:
            return False
    return True
