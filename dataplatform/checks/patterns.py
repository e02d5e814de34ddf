"""Regular expressions that every warehouse can read, and none would choke on.

Looked at when they are declared, by Python's own parser; how a warehouse writes a match is the
business of ``dialects``.
"""

from __future__ import annotations

import importlib
import re
from typing import Any

# The parser of Python's own expressions; it has no public name since 3.11.
code: Any = importlib.import_module("re._constants")
parser: Any = importlib.import_module("re._parser")

#: RE2, which DuckDB and BigQuery run, refuses to repeat more often.
MOST_REPEATS = 1000


def checked_pattern(pattern: str) -> str:
    """Return a regular expression that can be read.

    Raises:
        ValueError: it cannot; it uses look-around, which warehouses do not know; it repeats
            something more often than they would; or it repeats a repetition with nothing between,
            which takes time without end on some texts.
    """
    try:
        re.compile(pattern)
        tree = parser.parse(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"the pattern {pattern!r} cannot be read: {error}") from error
    _walk(pattern, tree)
    return pattern


def _walk(pattern: str, tree: Any, times: int = 1) -> None:
    for operator, argument in tree:
        if operator in {code.ASSERT, code.ASSERT_NOT, code.GROUPREF, code.GROUPREF_EXISTS}:
            raise ValueError(
                f"the pattern {pattern!r} uses look-around or a back reference, "
                "which warehouses do not know"
            )
        if operator in {code.MAX_REPEAT, code.MIN_REPEAT}:
            low, high, body = argument
            most = times * (low if high is code.MAXREPEAT else high)
            if most > MOST_REPEATS:
                raise ValueError(
                    f"the pattern {pattern!r} repeats {most:,} times, and warehouses read at most "
                    f"{MOST_REPEATS:,}"
                )
            if high is code.MAXREPEAT and _endless(body):
                raise ValueError(
                    f"the pattern {pattern!r} repeats a repetition with nothing between, which "
                    "can take for ever on a long text: repeat only one of the two"
                )
            _walk(pattern, body, max(most, 1))
        elif operator is code.SUBPATTERN:
            _walk(pattern, argument[-1], times)
        elif operator is code.BRANCH:
            for branch in argument[1]:
                _walk(pattern, branch, times)


def _endless(body: Any) -> bool:
    """Whether one text can be cut in many ways into repetitions of a body."""
    items = list(body)
    while len(items) == 1 and items[0][0] is code.SUBPATTERN:
        items = list(items[0][1][-1])
    if len(items) == 1 and items[0][0] is code.BRANCH:
        return any(_endless(branch) for branch in items[0][1][1])
    repeated = [
        item
        for item in items
        if item[0] in {code.MAX_REPEAT, code.MIN_REPEAT} and item[1][1] is code.MAXREPEAT
    ]
    optional = [
        item for item in items if item[0] in {code.MAX_REPEAT, code.MIN_REPEAT} and item[1][0] == 0
    ]
    return bool(repeated) and all(item in repeated or item in optional for item in items)
