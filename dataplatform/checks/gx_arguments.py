"""The arguments of Great Expectations' expectations, read and refused when they are declared.

Every reader gives the argument in the neutral specification's own form, or raises a ValueError
whose text is a sentence. Which expectation needs which argument is not known here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dataplatform.checks.threshold import Threshold
from dataplatform.declarations.pattern import pattern_fault


def needed(kwargs: Mapping[str, Any], name: str, kind: str) -> Any:
    """Return an argument that an expectation cannot do without."""
    if kwargs.get(name) is None:
        raise ValueError(f"{kind} needs the argument {name!r}")
    return kwargs[name]


def number(kwargs: Mapping[str, Any], name: str, kind: str) -> int | float:
    """Return an argument that must be a number."""
    value = needed(kwargs, name, kind)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{kind} needs a number as {name!r}, not {value!r}")
    return value


def listed(kwargs: Mapping[str, Any], name: str, kind: str) -> list[Any]:
    """Return an argument that must be a list with something in it."""
    value = needed(kwargs, name, kind)
    if not isinstance(value, list | tuple | set):
        raise ValueError(f"{kind} needs a list as {name!r}, not {value!r}")
    if not value:
        raise ValueError(f"{kind} needs at least one item in {name!r}")
    return list(value)


def choice(kwargs: Mapping[str, Any], name: str, options: tuple[str, ...]) -> str:
    """Return an argument that is one of some words; the first where nothing is said."""
    value = kwargs.get(name) or options[0]
    if value not in options:
        raise ValueError(f"{name!r} must be one of {', '.join(options)}, not {value!r}")
    return str(value)


def between(kwargs: Mapping[str, Any], kind: str) -> Threshold:
    """Return the bounds of an expectation: at least one, the smaller first."""
    low, high = kwargs.get("min_value"), kwargs.get("max_value")
    if low is None and high is None:
        raise ValueError(f"{kind} needs 'min_value', 'max_value' or both")
    alike = all(isinstance(value, int | float) for value in (low, high)) or (
        isinstance(low, str) and isinstance(high, str)
    )
    if low is not None and high is not None:
        if isinstance(low, str) != isinstance(high, str):
            raise ValueError(f"{kind}: min_value {low!r} and max_value {high!r} are of two kinds")
        if alike and low > high:
            raise ValueError(f"{kind}: min_value {low} is above max_value {high}")
        strict = kwargs.get("strict_min") or kwargs.get("strict_max")
        if strict and low == high:
            raise ValueError(f"{kind}: no value lies strictly between {low} and {high}")
    return Threshold(
        "between", low, high, bool(kwargs.get("strict_min")), bool(kwargs.get("strict_max"))
    )


def sized(kwargs: Mapping[str, Any], kind: str) -> Threshold:
    """Return the bounds of a count, which are whole numbers and not below zero."""
    bounds = between(kwargs, kind)
    for value in (bounds.value, bounds.upper):
        if value is not None and (
            isinstance(value, bool) or not isinstance(value, int | float) or value < 0
        ):
            raise ValueError(f"{kind} counts: its bounds are numbers from 0 up, not {value!r}")
    return bounds


def mostly(kwargs: Mapping[str, Any]) -> Threshold:
    """Return the share of good rows that is asked for; all where nothing is said."""
    share = kwargs.get("mostly")
    share = 1.0 if share is None else share
    if isinstance(share, bool) or not isinstance(share, int | float) or not 0 <= share <= 1:
        raise ValueError(f"'mostly' must be a number between 0 and 1, not {share!r}")
    return Threshold("mostly", float(share))


def plain_values(given: Any) -> list[Any] | None:
    """Return the values of a set, or None where GX compares them in a way of its own."""
    values = list(given)
    plain = {type(value) for value in values} in ({str}, {int})
    return values if plain and len(set(values)) == len(values) else None


def patterns(kwargs: Mapping[str, Any], name: str, kind: str) -> list[str]:
    """Return a list of regular expressions that every warehouse can read."""
    return [checked_pattern(str(pattern)) for pattern in listed(kwargs, name, kind)]


def checked_pattern(pattern: str) -> str:
    """Return a regular expression that every warehouse can read."""
    fault = pattern_fault(pattern)
    if fault is not None:
        raise ValueError(f"the pattern {pattern!r} {fault}")
    return pattern
