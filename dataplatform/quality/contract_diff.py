"""What changed between two versions of a contract, and whether a consumer could break by it.

A change breaks when what was promised is promised no longer: a column, a type, a rule, an age. A
breaking change must raise the contract's major version, or be announced: a column that the older
version called deprecated may go after the day it named. Who breaks is ``contract_consumers``'
business.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from dataplatform.quality.contract_rule_diff import rule_changes

if TYPE_CHECKING:
    from dataplatform.declarations.contract import Column, Contract

#: Which of two values of an option lets more values through.
_LOOSER_ABOVE = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
_LOOSER_BELOW = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")


@dataclass(frozen=True)
class Change:
    """One change of a contract.

    Attributes:
        field: what changed, such as ``email`` or ``rule customers_are_there``.
        text: what became of it.
        breaking: whether a consumer could break.
        line: where the newer file says it, else where the older did.
        gone: whether the line is the older file's.
        column: the column whose readers break; None where all readers of the table may.
        announced: whether the older version told of it in time.
    """

    field: str
    text: str
    breaking: bool
    line: int
    column: str | None = None
    announced: bool = False
    gone: bool = False


def changes(old: Contract, new: Contract, today: datetime.date) -> list[Change]:
    """Return what changed between two versions of one table's contract.

    Args:
        old: the version that consumers rely on.
        new: the version that is to replace it.
        today: decides whether the day of an announced removal has come.
    """
    found = [*_columns(old, new, today)]
    found += [Change(*parts) for parts in rule_changes(old, new)]
    found += _promises(old, new)
    if old.document.data["status"] != new.document.data["status"]:
        status = str(new.document.data["status"])
        line = new.document.line(("status",)) or 1
        found.append(Change("status", f"is {status} now", status == "retired", line))
    if old.owner != new.owner:
        line = new.document.line(("team",)) or 1
        found.append(Change("owner", f"{old.owner} is {new.owner} now", False, line))
    return found


def undeclared(old: Contract, new: Contract, found: list[Change]) -> str | None:
    """Return what must be done before a change may go out, or None.

    Args:
        old: the older version.
        new: the newer version.
        found: what changed between them.
    """
    breaking = [one for one in found if one.breaking and not one.announced]
    before, after = _major(old.version), _major(new.version)
    if not breaking or after > before:
        return None
    what = "1 breaking change is" if len(breaking) == 1 else f"{len(breaking)} breaking changes are"
    return (
        f"{what} not declared: raise the version of {new.published} from {new.version} to "
        f"{before + 1}.0.0, or keep what was promised"
    )


def _major(version: str) -> int:
    found = re.search(r"\d+", version)
    return int(found.group()) if found else 0


def _columns(old: Contract, new: Contract, today: datetime.date) -> Iterator[Change]:
    now = {column.name.lower(): column for column in new.columns}
    before = {column.name.lower(): column for column in old.columns}
    added = [column for name, column in now.items() if name not in before]
    for name, column in before.items():
        if name in now:
            yield from _column(column, now[name])
            continue
        alike = next((one for one in added if one.type == column.type), None)
        text = "is gone" + (f"; is it {alike.name} now?" if alike else "")
        gone = Change(column.name, text, True, column.line, column.name, gone=True)
        day = _day(column.removed_after)
        if column.deprecated and day is not None and day < today:
            gone = replace(gone, text=f"is gone, as announced for {day}", announced=True)
        yield gone
    for column in added:
        yield Change(column.name, "is new", False, column.line, column.name)


def _column(old: Column, new: Column) -> Iterator[Change]:
    def changed(text: str, breaking: bool) -> Change:
        return Change(new.name, text, breaking, new.line, new.name)

    if old.type != new.type:
        if not old.type:
            yield changed(f"is promised to be {new.type}", False)
        else:
            yield changed(f"was {old.type}, is {new.type or 'promised no type'}", True)
    elif old.physical_type != new.physical_type:
        text = f"is {new.physical_type or 'of any type'} in the warehouse, was {old.physical_type}"
        yield changed(text, False)
    for name, word in (("required", "filled"), ("unique", "unique"), ("primary_key", "a key")):
        was, is_now = getattr(old, name), getattr(new, name)
        if was != is_now:
            text = f"is {word} from now on" if is_now else f"is promised to be {word} no longer"
            yield changed(text, was)
    if old.primary_key and new.primary_key and old.key_position != new.key_position:
        yield changed("has another place in the primary key", True)
    yield from (
        changed(text, breaking) for text, breaking in _options(dict(old.options), dict(new.options))
    )
    if old.classification != new.classification:
        yield changed(f"is classified {new.classification or 'nothing'} now", False)
    if new.deprecated and not old.deprecated:
        until = f", and goes after {new.removed_after}" if new.removed_after else ""
        yield changed(f"is deprecated since {new.deprecated}{until}", False)


def _options(old: dict[str, Any], new: dict[str, Any]) -> Iterator[tuple[str, bool]]:
    for name in sorted(old.keys() | new.keys()):
        was, is_now = old.get(name), new.get(name)
        if was == is_now:
            continue
        text = f"{name} was {was!r}, is {is_now!r}"
        if was is None:
            yield f"{name} is {is_now!r} from now on", False
        elif is_now is None:
            yield f"{name} {was!r} is promised no longer", True
        elif name in _LOOSER_ABOVE:
            yield text, _above(is_now, was)
        elif name in _LOOSER_BELOW:
            yield text, _above(was, is_now)
        else:
            yield text, True


def _above(one: Any, other: Any) -> bool:
    try:
        return bool(one > other)
    except TypeError:
        return True


def _promises(old: Contract, new: Contract) -> Iterator[Change]:
    for name in ("latency", "freshness", "frequency", "retention"):
        was, is_now = old.promise(name), new.promise(name)
        field = f"promise {name}"
        if was is None or was.hours is None:
            if is_now is not None:
                yield Change(field, f"is {is_now.hours:g} hours from now on", False, is_now.line)
        elif is_now is None or is_now.hours is None:
            yield Change(field, f"of {was.hours:g} hours is gone", True, was.line, gone=True)
        elif was.hours != is_now.hours:
            # Less history is less, and so is data that comes later.
            shorter = is_now.hours < was.hours
            breaking = shorter if name == "retention" else not shorter
            text = f"was {was.hours:g} hours, is {is_now.hours:g}"
            yield Change(field, text, breaking, is_now.line)


def _day(text: str | None) -> datetime.date | None:
    try:
        return datetime.date.fromisoformat(str(text)[:10]) if text else None
    except ValueError:
        return None
