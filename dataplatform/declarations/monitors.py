"""Which tables are watched without rules, and how closely: ``config/monitors.yml``.

The file may be absent: then every raw table, every staging model and every mart before it is
published is watched. What is usual for a table is decided in ``monitors``, not here.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from pydantic import Field

from dataplatform.declarations.errors import nearest
from dataplatform.declarations.strict import Strict, validate
from dataplatform.declarations.yaml_file import YamlFile, read_yaml
from dataplatform.keys import CANDIDATE, CURATED, LAKE_RAW, PUBLISHED, STAGING, Relation, layer_of

FILE = "monitors.yml"
MONITORS = (
    "volume", "freshness", "nulls", "uniqueness", "distribution", "categories", "schema",
)  # fmt: skip
_WATCHED = frozenset({"raw", STAGING, CANDIDATE})
#: What is published was watched as a candidate; what lies in the lake is no table.
_NEVER = frozenset({PUBLISHED, CURATED, LAKE_RAW})

Sensitivity = Literal["low", "normal", "high"]
Monitor = Literal[
    "volume", "freshness", "nulls", "uniqueness", "distribution", "categories", "schema"
]


@dataclass(frozen=True)
class TableMonitors:
    """How one table is watched.

    Attributes:
        sensitivity: low, normal or high.
        monitors: the kinds of monitor that watch it.
        time_column: the column that tells a row's time; None for the best guess.
        unwatched: columns that nobody looks at, patterns allowed.
    """

    sensitivity: Sensitivity = "normal"
    monitors: tuple[str, ...] = MONITORS
    time_column: str | None = None
    unwatched: tuple[str, ...] = ()


@dataclass(frozen=True)
class Monitors:
    """What ``config/monitors.yml`` says.

    Attributes:
        country, region: whose holidays are known; None knows none.
        timezone: the zone that days begin in.
        retention_days: how long figures and alarms are kept.
        measurements, days: how much history is needed before anything is said.
        relearn: after so many alarms in a row that nobody answered, the new level is the usual.
        sensitivity: of tables that say nothing else.
        tables: settings by pattern of table names, the later the stronger.
    """

    country: str | None = None
    region: str | None = None
    timezone: str = "UTC"
    retention_days: int = 400
    measurements: int = 10
    days: int = 7
    relearn: int = 7
    sensitivity: Sensitivity = "normal"
    tables: Mapping[str, _Table] = field(default_factory=dict)

    def of(self, relation: Relation) -> TableMonitors | None:
        """Return how a table is watched, or None where it is not.

        Args:
            relation: the table; the candidate, for a mart.
        """
        if layer_of(relation) in _NEVER:
            return None
        watched = layer_of(relation) in _WATCHED
        found = TableMonitors(self.sensitivity)
        for pattern, said in self.tables.items():
            if not _names(pattern, relation):
                continue
            # A pattern over all schemas says how, and not what is watched besides.
            watched = not said.off and (watched or not pattern.startswith("*"))
            found = TableMonitors(
                said.sensitivity or found.sensitivity,
                tuple(said.monitors) if said.monitors is not None else found.monitors,
                said.time_column or found.time_column,
                tuple(said.unwatched) if said.unwatched is not None else found.unwatched,
            )
        return found if watched else None

    def names(self, relation: Relation) -> bool:
        """Whether the file says anything about a table."""
        return any(_names(pattern, relation) for pattern in self.tables)


class _Table(Strict):
    off: bool = False
    sensitivity: Sensitivity | None = None
    monitors: list[Monitor] | None = None
    time_column: str | None = None
    unwatched: list[str] | None = None


class _Learning(Strict):
    measurements: int = 10
    days: int = 7
    relearn: int = 7


class _MonitorsFile(Strict):
    country: str | None = None
    region: str | None = None
    timezone: str = "UTC"
    retention_days: int = 400
    sensitivity: Sensitivity = "normal"
    learning: _Learning = _Learning()
    tables: dict[str, _Table] = Field(default_factory=dict)


def load_monitors(path: Path, root: Path, made: Collection[Relation] | None = None) -> Monitors:
    """Read ``config/monitors.yml``; an absent file says what an empty one says.

    Args:
        path: the file.
        root: the project's root.
        made: what the project makes; with it, every pattern must name some of it.

    Raises:
        DeclarationError: something in it is wrong; the text names the line.
    """
    if not path.is_file():
        return Monitors()
    file = read_yaml(path, root)
    if file.data is None:
        return Monitors()
    content = validate(_MonitorsFile, file, "the monitors")
    _check_place(file, content)
    _check_sizes(file, content)
    if made is not None:
        _check_tables(file, content, made)
    return Monitors(
        country=content.country,
        region=content.region,
        timezone=content.timezone,
        retention_days=content.retention_days,
        measurements=content.learning.measurements,
        days=content.learning.days,
        relearn=content.learning.relearn,
        sensitivity=content.sensitivity,
        tables=dict(content.tables),
    )


def _names(pattern: str, relation: Relation) -> bool:
    """Whether a pattern is about a table; a mart may be named as it is published."""
    names = [str(relation)]
    if relation.schema == CANDIDATE:
        names.append(str(relation.published))
    return any(fnmatch.fnmatchcase(name, pattern) for name in names)


def _check_place(file: YamlFile, content: _MonitorsFile) -> None:
    from zoneinfo import ZoneInfo, available_timezones

    try:
        ZoneInfo(content.timezone)
    except (KeyError, ValueError, OSError):
        hint = nearest(content.timezone, available_timezones())
        raise file.error(("timezone",), f"{content.timezone!r} is not a time zone.{hint}") from None
    if content.region is not None and content.country is None:
        raise file.error(("region",), "a region needs a country beside it.")
    if content.country is None:
        return
    if re.fullmatch(r"[A-Z]{2}", content.country) is None:
        raise file.error(
            ("country",),
            f"{content.country!r} is not a country: write two capital letters, such as DE."
            f"{nearest(content.country.upper(), _countries())}",
        )
    if content.country not in _countries():
        raise file.error(
            ("country",),
            f"the holidays of {content.country!r} are not known."
            f"{nearest(content.country, _countries())}",
        )
    regions = _countries()[content.country]
    if content.region is not None and content.region not in regions:
        raise file.error(
            ("region",),
            f"{content.region!r} is not a region of {content.country}."
            f"{nearest(content.region, regions)}",
        )


def _countries() -> Mapping[str, Collection[str]]:
    import holidays

    return holidays.list_supported_countries(include_aliases=True)


def _check_sizes(file: YamlFile, content: _MonitorsFile) -> None:
    if not 30 <= content.retention_days <= 3650:
        raise file.error(("retention_days",), "retention_days must be between 30 and 3650.")
    limits = {"measurements": (3, 365), "days": (1, 365), "relearn": (2, 365)}
    for name, (low, high) in limits.items():
        if not low <= getattr(content.learning, name) <= high:
            raise file.error(
                ("learning", name), f"learning.{name} must be between {low} and {high}."
            )


def _check_tables(file: YamlFile, content: _MonitorsFile, made: Collection[Relation]) -> None:
    for pattern, said in content.tables.items():
        named = [relation for relation in made if _names(pattern, relation)]
        if not named:
            what = "matches no table" if "*" in pattern else "is no table that anything makes"
            raise file.error(
                ("tables", pattern), f"{pattern!r} {what}.{nearest(pattern, map(str, made))}"
            )
        if said.off and any(
            value is not None
            for value in (said.sensitivity, said.monitors, said.time_column, said.unwatched)
        ):
            raise file.error(("tables", pattern), f"{pattern!r} is off, so nothing else applies.")
        if said.monitors is not None and not said.monitors:
            raise file.error(
                ("tables", pattern, "monitors"),
                f"{pattern!r} has no monitor: write off: true instead.",
            )
