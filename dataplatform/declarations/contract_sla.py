"""Service levels of a contract: which of its promises about time can be kept an eye on.

Latency and freshness say how old a table may grow, frequency how often it is renewed, retention
how old its oldest row may be. Other properties are told to people and checked by nobody.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dataplatform.declarations.errors import nearest
from dataplatform.declarations.yaml_file import YamlFile

#: Properties that are kept an eye on, with the two-letter codes that the standard gives them.
_KNOWN = {"latency": "latency", "ly": "latency", "freshness": "freshness", "fy": "freshness",
          "frequency": "frequency", "retention": "retention", "re": "retention"}  # fmt: skip
_HOURS = {
    **dict.fromkeys(("s", "sec", "second", "seconds"), 1 / 3600),
    **dict.fromkeys(("m", "min", "minute", "minutes"), 1 / 60),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), 1.0),
    **dict.fromkeys(("d", "day", "days"), 24.0),
    **dict.fromkeys(("w", "wk", "week", "weeks"), 168.0),
    **dict.fromkeys(("mo", "month", "months"), 24 * 365.25 / 12),
    **dict.fromkeys(("y", "yr", "yrs", "year", "years"), 24 * 365.25),
}
_ISO = re.compile(
    r"P(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?"
)
_ISO_UNITS = ("y", "mo", "w", "d", "h", "m", "s")


@dataclass(frozen=True)
class Promise:
    """One service level of a table.

    Attributes:
        property: latency, freshness, frequency or retention; any other, as the file names it.
        hours: how long; None for a property that is only told.
        column: the column that tells a row's time, by its name in the warehouse.
        index: its place under ``slaProperties``.
        line: where the file says it.
        unenforced: why nothing checks it; None for a promise that is kept an eye on.
    """

    property: str
    hours: float | None
    column: str | None
    index: int
    line: int
    unenforced: str | None = None


def read_promises(
    file: YamlFile, tables: Sequence[Sequence[str]], own: Sequence[str], columns: Mapping[str, str]
) -> list[Promise]:
    """Read the service levels that are about one table of a contract.

    Args:
        file: the contract.
        tables: the names of every table of the contract, each table's together.
        own: the names of this table.
        columns: the names of its columns in the warehouse, by each of their names.

    Raises:
        DeclarationError: a length of time that is none, or a column that does not exist.
    """
    found: list[Promise] = []
    default = file.data.get("slaDefaultElement")
    for index, promise in enumerate(file.data.get("slaProperties") or []):
        loc = ("slaProperties", index)
        line = file.line(loc) or 1
        name = _KNOWN.get(str(promise["property"]).lower())
        if name is None:
            told = "it is told to people; nothing measures it"
            found.append(Promise(str(promise["property"]), None, None, index, line, told))
            continue
        hours = _hours(file, loc, name, promise)
        said = promise.get("element") or default
        elements = [part.strip() for part in str(said).split(",")] if said else []
        about, column, why = _column(file, (*loc, "element"), elements, tables, own, columns)
        if not about:
            continue
        if why is None and name == "retention" and column is None:
            why = "it names no element, the column that tells a row's time"
        found.append(Promise(name, hours, column, index, line, why))
    return found


def _column(
    file: YamlFile,
    loc: tuple[str | int, ...],
    elements: list[str],
    tables: Sequence[Sequence[str]],
    own: Sequence[str],
    columns: Mapping[str, str],
) -> tuple[bool, str | None, str | None]:
    """Return whether a promise is about the table, the column, and why there is none."""
    for element in elements:
        *before, name = element.split(".")
        table = before[-1] if before else None
        known = {one.lower(): column for one, column in columns.items()}
        if table is not None and table not in own:
            if any(table in names for names in tables):
                continue
            # A whole table, or one that the contract does not describe.
            if element in own or name in own:
                return True, None, None
            return True, None, f"its element {element!r} is no column of this contract"
        if name in own and name.lower() not in known:
            return True, None, None
        if name.lower() in known:
            return True, known[name.lower()], None
        if name.startswith("_") or not columns:
            return True, name, None
        raise file.error(loc, f"{name!r} is not a column.{nearest(name, columns)}")
    return not elements, None, None


def _hours(file: YamlFile, loc: tuple[str | int, ...], name: str, promise: dict[str, Any]) -> float:
    value, unit = promise.get("value"), promise.get("unit")
    if isinstance(value, str):
        length = _ISO.fullmatch(value.strip().upper())
        if length is not None and any(length.groups()):
            parts = zip(length.groups(), _ISO_UNITS, strict=True)
            return sum(int(count) * _HOURS[one] for count, one in parts if count)
        if re.fullmatch(r"\s*\d+(\.\d+)?\s*", value):
            value = float(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
        raise file.error((*loc, "value"), f"the {name} must be above 0, not {value!r}.")
    # Months as M would be minutes to half of its readers: the standard's words are lower case.
    if unit is None:
        raise file.error(
            loc, f"the {name} has no unit: say h for hours, d for days or y for years."
        )
    if str(unit).lower() not in _HOURS:
        raise file.error(
            (*loc, "unit"), f"{unit!r} is not a unit of time.{nearest(str(unit), _HOURS)}"
        )
    return float(value) * _HOURS[str(unit).lower()]
