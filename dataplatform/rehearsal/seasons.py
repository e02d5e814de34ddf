"""How much happens on a day of the rehearsal company: season, growth, holidays, a promotion.

SQL for DuckDB; which rows follow from it is the business of ``company``.
"""

from __future__ import annotations

from datetime import date, timedelta

#: Share of an average day, Monday first.
WEEKDAYS = (1.0, 1.0, 1.05, 1.1, 1.2, 0.75, 0.6)
GROWTH_PER_DAY = 0.001
HOLIDAY = 0.45
MONTH_END = 1.25
PROMOTION = 1.5
#: The promotion: how many days before the last day it began, and how long it took.
PROMOTION_BEGAN, PROMOTION_DAYS = 35, 4


def easter(year: int) -> date:
    """Return Easter Sunday of a year, by Gauss' rule for the Gregorian calendar."""
    a, b, c = year % 19, year // 100, year % 100
    d = (19 * a + b - b // 4 - (b - (b + 8) // 25 + 1) // 3 + 15) % 30
    e = (32 + 2 * (b % 4) + 2 * (c // 4) - d - c % 4) % 7
    f = d + e - 7 * ((a + 11 * d + 22 * e) // 451) + 114
    return date(year, f // 31, f % 31 + 1)


def holidays(first: date, last: date) -> list[date]:
    """Return the days between two on which the company's buyers are elsewhere."""
    found = []
    for year in range(first.year, last.year + 1):
        spring = easter(year)
        found += [spring + timedelta(days=days) for days in (-2, 0, 1, 39, 49, 50)]
        found += [date(year, *day) for day in ((1, 1), (5, 1), (10, 3), (12, 25), (12, 26))]
    return sorted(day for day in found if first <= day <= last)


def calendar_sql(first: date, last: date) -> str:
    """Return the statement of the table ``calendar``: a row a day, with how busy it is.

    Args:
        first: the company's first day.
        last: its last; the promotion ends some weeks before it.
    """
    free = ", ".join(f"date '{day}'" for day in holidays(first, last)) or "date '1900-01-01'"
    begins = last - timedelta(days=PROMOTION_BEGAN)
    ends = begins + timedelta(days=PROMOTION_DAYS - 1)
    shares = ", ".join(str(share) for share in WEEKDAYS)
    return f"""
        create or replace table calendar as
        select cast(day as date) as day,
            pow({1 + GROWTH_PER_DAY}, date_diff('day', date '{first}', day))
            * [{shares}][isodow(day)]
            * case when cast(day as date) in ({free}) then {HOLIDAY} else 1 end
            * case when day = last_day(day) then {MONTH_END} else 1 end
            * case when day between date '{begins}' and date '{ends}' then {PROMOTION} else 1 end
            * (0.93 + 0.14 * chance('day', date_diff('day', date '2000-01-01', day))) as busy
        from range(timestamp '{first}', timestamp '{last}' + interval 2 day, interval 1 day)
            as days(day)
    """
