"""Regular expressions that no rule may use: some warehouse could not read them, or would choke.

DuckDB, BigQuery and Snowflake match in a time that grows with the text; Python, PostgreSQL and
Great Expectations try every way to share a text among repeats, and a repeat of a repeat that can
begin where the other ends has more ways than there are atoms. A rule must mean, and cost, the same
everywhere, so such a pattern is refused. What is matched against it is not this module's business.
"""

from __future__ import annotations

import re
import sys

# The parser of the standard library; it became private in 3.11.
from re import _constants as kind  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

#: RE2 refuses to repeat more often.
MOST_REPEATS = 1000
_MANY = 10
_ALPHABET = frozenset(range(128)) | {0xE9, 0x4E2D, 0x2028}
_DIGITS = frozenset(map(ord, "0123456789"))
_SPACE = frozenset(map(ord, " \t\n\r\f\v"))
_LETTERS = frozenset(code for code in _ALPHABET if chr(code).isalnum() or chr(code) == "_")
_CATEGORIES = {
    kind.CATEGORY_DIGIT: _DIGITS,
    kind.CATEGORY_NOT_DIGIT: _ALPHABET - _DIGITS,
    kind.CATEGORY_SPACE: _SPACE,
    kind.CATEGORY_NOT_SPACE: _ALPHABET - _SPACE,
    kind.CATEGORY_WORD: _LETTERS,
    kind.CATEGORY_NOT_WORD: _ALPHABET - _LETTERS,
}

Item = tuple[Any, Any]
Letters = frozenset[int]


def pattern_fault(pattern: str) -> str | None:
    """Return what is wrong with a regular expression, or None.

    Args:
        pattern: the expression, in the syntax that Python and RE2 share.
    """
    try:
        parsed = list(parser.parse(pattern))
    except re.error as error:
        return f"is not a regular expression: {error}"
    except (RecursionError, OverflowError):
        return "is not a regular expression: it is nested too deeply"
    beyond = _beyond(parsed, 1)
    if beyond is not None:
        return beyond
    if _explodes(parsed, frozenset()):
        return (
            "repeats a repeat that can begin where the other ends, such as (a+)+, and could take "
            "hours for one value: say the inner part without overlap"
        )
    return None


def _beyond(items: list[Item], times: int) -> str | None:
    """Say what RE2, which DuckDB and BigQuery run, could not read."""
    for what, value in items:
        inside: list[list[Item]] = []
        most = times
        if what in (kind.ASSERT, kind.ASSERT_NOT, kind.GROUPREF, kind.GROUPREF_EXISTS):
            return "uses look-around or a back reference, which warehouses do not know"
        if what in (kind.MAX_REPEAT, kind.MIN_REPEAT):
            most = times * (value[0] if value[1] is kind.MAXREPEAT else value[1])
            if most > MOST_REPEATS:
                return f"repeats {most:,} times, and warehouses read at most {MOST_REPEATS:,}"
            inside = [list(value[2])]
        elif what is kind.SUBPATTERN:
            inside = [list(value[3])]
        elif what is kind.BRANCH:
            inside = [list(branch) for branch in value[1]]
        for part in inside:
            found = _beyond(part, max(most, 1))
            if found is not None:
                return found
    return None


def _explodes(items: list[Item], after: Letters) -> bool:
    """Whether a sequence holds a repeat whose turns can be shared out in many ways.

    Args:
        items: the sequence.
        after: what may come first behind it.
    """
    for place, (what, value) in enumerate(items):
        behind = _first(items[place + 1 :], after)
        if what in (kind.MAX_REPEAT, kind.MIN_REPEAT):
            most, body = value[1], list(value[2])
            again = behind | _first(body, frozenset()) if most > 1 else behind
            if most >= _MANY and _ambiguous(body, _first(body, frozenset())):
                return True
            if _explodes(body, again):
                return True
        elif (what is kind.SUBPATTERN and _explodes(list(value[3]), behind)) or (
            what is kind.BRANCH and any(_explodes(list(one), behind) for one in value[1])
        ):
            return True
    return False


def _ambiguous(body: list[Item], again: Letters) -> bool:
    """Whether a repeated body can end early or late over the same letters."""
    for place, (what, value) in enumerate(body):
        behind = _first(body[place + 1 :], again)
        if what in (kind.MAX_REPEAT, kind.MIN_REPEAT):
            inner = list(value[2])
            if value[1] != value[0] and value[1] >= _MANY and _letters(inner) & behind:
                return True
            if _ambiguous(inner, behind):
                return True
        elif what is kind.SUBPATTERN and _ambiguous(list(value[3]), behind):
            return True
        elif what is kind.BRANCH:
            branches = [list(branch) for branch in value[1]]
            firsts = [_first(branch, frozenset()) for branch in branches if len(branch) == 1]
            if any(one & other for i, one in enumerate(firsts) for other in firsts[:i]):
                return True
            if any(_ambiguous(branch, behind) for branch in branches):
                return True
    return False


def _first(items: list[Item], after: Letters) -> Letters:
    """Return the letters that a sequence may begin with; ``after`` where it may be empty."""
    found: Letters = frozenset()
    for what, value in items:
        if what is kind.AT:
            continue
        if what in (kind.MAX_REPEAT, kind.MIN_REPEAT):
            found |= _first(list(value[2]), frozenset())
            if value[0] == 0:
                continue
            return found
        if what is kind.SUBPATTERN:
            inside = list(value[3])
            found |= _first(inside, frozenset())
            if _width(inside) == 0:
                continue
            return found
        if what is kind.BRANCH:
            branches = [list(branch) for branch in value[1]]
            for branch in branches:
                found |= _first(branch, frozenset())
            if any(_width(branch) == 0 for branch in branches):
                continue
            return found
        return found | _one(what, value)
    return found | after


def _letters(items: list[Item]) -> Letters:
    """Return every letter that a sequence may end its turn with; all it uses is near enough."""
    found: Letters = frozenset()
    for what, value in items:
        if what in (kind.MAX_REPEAT, kind.MIN_REPEAT):
            found |= _letters(list(value[2]))
        elif what is kind.SUBPATTERN:
            found |= _letters(list(value[3]))
        elif what is kind.BRANCH:
            for branch in value[1]:
                found |= _letters(list(branch))
        elif what is not kind.AT:
            found |= _one(what, value)
    return found


def _width(items: list[Item]) -> int:
    """Return the least number of letters that a sequence takes."""
    width = 0
    for what, value in items:
        if what in (kind.MAX_REPEAT, kind.MIN_REPEAT):
            width += value[0] * _width(list(value[2]))
        elif what is kind.SUBPATTERN:
            width += _width(list(value[3]))
        elif what is kind.BRANCH:
            width += min(_width(list(branch)) for branch in value[1])
        elif what in (kind.LITERAL, kind.NOT_LITERAL, kind.ANY, kind.IN):
            width += 1
    return min(width, sys.maxsize)


def _one(what: Any, value: Any) -> Letters:
    """Return the letters that one place may hold."""
    if what is kind.LITERAL:
        return frozenset({value})
    if what is kind.NOT_LITERAL:
        return _ALPHABET - {value}
    if what is kind.ANY:
        return _ALPHABET
    if what is not kind.IN:
        return frozenset()
    negated = bool(value) and value[0][0] is kind.NEGATE
    found: Letters = frozenset()
    for part, item in value:
        if part is kind.LITERAL:
            found |= {item}
        elif part is kind.RANGE:
            found |= frozenset(range(item[0], min(item[1], item[0] + 0x3000) + 1))
        elif part is kind.CATEGORY:
            found |= _CATEGORIES.get(item, _ALPHABET)
    return _ALPHABET - found if negated else found
