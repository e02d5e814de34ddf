"""What kind of day a day is: weekday, end of the month, holiday or beside one.

Holidays come from the ``holidays`` library, read when first asked for.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


@dataclass(frozen=True)
class Calendar:
    """The days of one country.

    Attributes:
        country: its ISO 3166 code; None knows no holidays.
        region: its ISO 3166-2 subdivision, or None.
        timezone: the zone that days begin in.
    """

    country: str | None = None
    region: str | None = None
    timezone: str = "UTC"
    _cache: dict[Any, Any] = field(default_factory=dict, compare=False, repr=False)

    @cached_property
    def zone(self) -> datetime.tzinfo:
        """The time zone."""
        from zoneinfo import ZoneInfo

        return ZoneInfo(self.timezone)

    def local(self, at: datetime.datetime) -> datetime.datetime:
        """Return a moment on the calendar's own clock."""
        return at.astimezone(self.zone)

    def holiday(self, day: datetime.date) -> str | None:
        """Return the holiday's name, or None."""
        if self.country is None:
            return None
        if "all" not in self._cache:
            import holidays

            self._cache["all"] = holidays.country_holidays(self.country, subdiv=self.region)
        name = self._cache["all"].get(day)
        return None if name is None else str(name)

    def near_holiday(self, day: datetime.date) -> str | None:
        """Return the holiday that a day is, follows, precedes or is bridged to; or None."""
        if day not in self._cache:
            near = (0, -1, 1, -2, 2)
            names = (self.holiday(day + datetime.timedelta(days=step)) for step in near)
            self._cache[day] = next((name for name in names if name), None)
        found = self._cache[day]
        return None if found is None else str(found)

    @staticmethod
    def month_end(day: datetime.date) -> bool:
        """Whether a day is among the last two or the first of a month."""
        return (day + datetime.timedelta(days=2)).month != day.month or day.day == 1
