"""What every portable macro gives for nasty inputs, whatever the engine.

A case is Jinja over the column ``x`` (or ``a`` and ``b``) with pairs of an input and what must come
out; the values are inputs of a table, so that no engine computes them when it plans.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from hashlib import md5
from typing import Any

TEXT, DATE, TIME, INSTANT, WHOLE, DECIMAL = (
    "varchar",
    "date",
    "timestamp",
    "timestamptz",
    "bigint",
    "decimal(18, 6)",
)


@dataclass(frozen=True)
class Case:
    """One expression over typed inputs.

    Attributes:
        expression: Jinja; inputs are the columns ``a``, ``b`` … in order, ``x`` where there is one.
        kinds: the type of each input.
        rows: what goes in, and what must come out last.
    """

    expression: str
    kinds: Sequence[str]
    rows: Sequence[tuple[Any, ...]]

    @property
    def names(self) -> tuple[str, ...]:
        """The inputs' columns."""
        return ("x",) if len(self.kinds) == 1 else tuple("abcdef"[: len(self.kinds)])


def _same(values: Sequence[Any], result: Any = None) -> list[tuple[Any, Any]]:
    return [(value, result) for value in values]


def _md5(text: str) -> str:
    return md5(text.encode(), usedforsecurity=False).hexdigest()


D = date
T = datetime
BAD_DATES = [
    "2023-02-29",
    "2024-13-01",
    "2024-1-1",
    "20240101",
    "01.02.2024",
    "2024-00-10",
    "x",
    "",
]
DAYS = [D(2024, 2, 29), D(2023, 1, 1), D(2024, 12, 30), D(1, 1, 1), D(1969, 7, 20)]


CASES = [
    # Text
    Case("clean_text('x')", [TEXT], [(" a \t b\n", "a b"), ("  ", None), ("", None), (None, None)]),
    Case("clean_name('x')", [TEXT], [(" zoë  o'neil ", "ZOË O'NEIL"), ("", None), (None, None)]),
    Case("clean_email('x')", [TEXT], [(" Ann@X.ORG ", "ann@x.org"), ("   ", None), (None, None)]),
    Case("digits_only('x')", [TEXT], [("+49 (0)30-12", "4903012"), ("none", None), (None, None)]),
    Case('text_literal("it\'s \\\\n \\\\ ü")', [TEXT], [("", "it's \\n \\ ü")]),
    # Regular expressions
    Case(
        "regex_matches('x', '^[a-z]+[0-9]{2,}$')",
        [TEXT],
        [("ab12", True), ("AB12", False), ("ab1", False), ("", False), (None, None)],
    ),
    Case("regex_matches('x', \"o'n\")", [TEXT], [("o'neil", True), ("oneil", False)]),
    Case("regex_matches('x', 'é|ü')", [TEXT], [("café", True), ("cafe", False)]),
    Case(
        "regex_extract('x', '[0-9]+')",
        [TEXT],
        [("a12b345", "12"), ("none", None), ("", None), (None, None)],
    ),
    Case(
        "regex_extract('x', '@([^.]+)[.]')",
        [TEXT],
        [("me@mail.example.org", "mail"), ("me@mail", None), ("@.", None), (None, None)],
    ),
    Case("regex_extract('x', '[(].+')", [TEXT], [("a (b", "(b"), ("a", None), (None, None)]),
    Case(
        "regex_replace_all('x', '[.,]', ';')",
        [TEXT],
        [("1.234,5", "1;234;5"), ("", ""), ("ü.", "ü;"), (None, None)],
    ),
    # Casts
    Case(
        "try_to('x', 'integer')",
        [TEXT],
        [
            ("12", 12),
            (" -7 ", -7),
            ("+5", 5),
            ("007", 7),
            ("2147483647", 2147483647),
            ("-2147483648", -2147483648),
            *_same(["2147483648", "1.0", "1e3", "0x1F", "1_000", "١٢", "-", "", " ", "abc", None]),
        ],
    ),
    Case(
        "try_to('x', 'bigint')",
        [TEXT],
        [
            ("9223372036854775807", 9223372036854775807),
            ("-9223372036854775808", -9223372036854775808),
            *_same(["9223372036854775808", "9" * 40, "12.7", "true", "", None]),
        ],
    ),
    Case(
        "try_to('x', 'decimal(9, 2)')",
        [TEXT],
        [
            ("12.345", Decimal("12.35")),
            ("-12.345", Decimal("-12.35")),
            ("0.005", Decimal("0.01")),
            (".5", Decimal("0.5")),
            ("5.", Decimal("5")),
            ("+1", Decimal("1")),
            ("9999999.994", Decimal("9999999.99")),
            *_same(["9999999.995", "10000000", "1e2", "1,5", "NaN", "", "abc", None]),
        ],
    ),
    Case(
        "try_to('x', 'double')",
        [TEXT],
        [
            ("1.5", 1.5),
            ("-2e-3", -0.002),
            ("1E10", 1e10),
            *_same(["inf", "NaN", "1e400", "1,5", "", ".", None]),
        ],
    ),
    Case(
        "try_to('x', 'boolean')",
        [TEXT],
        [
            *_same(["true", "T", "Yes", "y", "ON", " 1 "], True),
            *_same(["false", "F", "no", "N", "off", "0"], False),
            *_same(["2", "ja", "", None]),
        ],
    ),
    Case(
        "try_to('x', 'date')",
        [TEXT],
        [
            ("2024-02-29", D(2024, 2, 29)),
            (" 2000-01-01 ", D(2000, 1, 1)),
            ("0001-01-01", D(1, 1, 1)),
            ("9999-12-31", D(9999, 12, 31)),
            *_same([*BAD_DATES, None]),
        ],
    ),
    Case(
        "try_to('x', 'timestamp')",
        [TEXT],
        [
            ("2024-02-29 23:59:59", T(2024, 2, 29, 23, 59, 59)),
            ("2024-02-29T00:00:00.123456", T(2024, 2, 29, 0, 0, 0, 123456)),
            ("1969-12-31 23:59:59.5", T(1969, 12, 31, 23, 59, 59, 500000)),
            *_same(["2024-02-29", "2024-02-30 00:00:00", "2024-01-01 25:00:00", "", "x", None]),
            ("2024-01-01 00:00:00+02:00", None),
        ],
    ),
    Case(
        "to_decimal('x', 9, 2)",
        [DECIMAL],
        [(Decimal("1.005"), Decimal("1.01")), (Decimal("-1.005"), Decimal("-1.01")), (None, None)],
    ),
    # Days
    Case(
        "date_plus('a', 'b', 'day')",
        [DATE, WHOLE],
        [
            (D(2024, 2, 28), 1, D(2024, 2, 29)),
            (D(2024, 3, 1), -1, D(2024, 2, 29)),
            (D(1, 1, 1), 0, D(1, 1, 1)),
            (None, 1, None),
            (D(2024, 1, 1), None, None),
        ],
    ),
    Case("date_plus('x', -2, 'week')", [DATE], [(D(2024, 1, 1), D(2023, 12, 18)), (None, None)]),
    Case(
        "date_plus('a', 'b', 'month')",
        [DATE, WHOLE],
        [
            (D(2024, 1, 31), 1, D(2024, 2, 29)),
            (D(2023, 1, 31), 1, D(2023, 2, 28)),
            (D(2024, 3, 31), -1, D(2024, 2, 29)),
            (D(2024, 2, 29), 1, D(2024, 3, 29)),
            (D(2023, 12, 31), 12, D(2024, 12, 31)),
        ],
    ),
    Case("date_plus('x', 1, 'quarter')", [DATE], [(D(2023, 11, 30), D(2024, 2, 29)), (None, None)]),
    Case("date_plus('x', -1, 'year')", [DATE], [(D(2024, 2, 29), D(2023, 2, 28)), (None, None)]),
    Case(
        "date_difference('a', 'b', 'day')",
        [DATE, DATE],
        [
            (D(2024, 2, 28), D(2024, 3, 1), 2),
            (D(2024, 3, 1), D(2024, 2, 28), -2),
            (D(1, 1, 1), D(9999, 12, 31), 3652058),
            (None, D(2024, 1, 1), None),
        ],
    ),
    Case(
        "date_difference('a', 'b', 'week')",
        [DATE, DATE],
        [
            (D(2024, 1, 7), D(2024, 1, 8), 1),
            (D(2024, 1, 1), D(2024, 1, 7), 0),
            (D(2024, 1, 8), D(2023, 12, 31), -2),
            (D(2024, 1, 8), None, None),
        ],
    ),
    Case(
        "date_difference('a', 'b', 'month')",
        [DATE, DATE],
        [
            (D(2024, 1, 31), D(2024, 2, 1), 1),
            (D(2024, 1, 1), D(2024, 1, 31), 0),
            (D(2024, 1, 1), D(2023, 12, 31), -1),
            (None, None, None),
        ],
    ),
    Case(
        "date_difference('a', 'b', 'quarter')",
        [DATE, DATE],
        [(D(2023, 12, 31), D(2024, 4, 1), 2), (D(2024, 4, 1), D(2024, 3, 31), -1)],
    ),
    Case("date_difference('a', 'b', 'year')", [DATE, DATE], [(D(2023, 12, 31), D(2024, 1, 1), 1)]),
    Case(
        "date_start('x', 'week')",
        [DATE],
        [
            (D(2024, 1, 7), D(2024, 1, 1)),
            (D(2024, 1, 8), D(2024, 1, 8)),
            (D(2023, 1, 1), D(2022, 12, 26)),
            (None, None),
        ],
    ),
    Case("date_start('x', 'month')", [DATE], [(D(2024, 2, 29), D(2024, 2, 1)), (None, None)]),
    Case("date_start('x', 'quarter')", [DATE], [(D(2024, 2, 29), D(2024, 1, 1)), (None, None)]),
    Case("date_start('x', 'year')", [DATE], [(D(9999, 12, 31), D(9999, 1, 1)), (None, None)]),
    *(
        Case(
            f"date_number('x', '{part}')", [DATE], [(day, of(day)) for day in days] + [(None, None)]
        )
        for days in [[D(2024, 2, 29), D(2023, 1, 1), D(2024, 12, 30), D(1, 1, 1), D(1969, 7, 20)]]
        for part, of in {
            "year": lambda day: day.year,
            "quarter": lambda day: (day.month + 2) // 3,
            "month": lambda day: day.month,
            "day": lambda day: day.day,
            "weekday": lambda day: day.isoweekday(),
            "day_of_year": lambda day: day.timetuple().tm_yday,
            "week": lambda day: day.isocalendar()[1],
            "year_of_week": lambda day: day.isocalendar()[0],
        }.items()
    ),
    Case(
        "parse_date('x', 'DD.MM.YYYY')",
        [TEXT],
        [
            ("29.02.2024", D(2024, 2, 29)),
            ("31.12.9999", D(9999, 12, 31)),
            *_same(["29.02.2023", "1.1.2024", "2024-01-01", "01.01.24", "01x01x2024", "", None]),
        ],
    ),
    Case("parse_date('x', 'YYYYMMDD')", [TEXT], [("20240229", D(2024, 2, 29)), ("20241301", None)]),
    Case(
        "parse_time('x', 'DD/MM/YYYY HH24:MI:SS')",
        [TEXT],
        [
            ("29/02/2024 23:59:59", T(2024, 2, 29, 23, 59, 59)),
            *_same(["29/02/2024 24:00:00", "29/02/2024", "", None]),
        ],
    ),
    Case(
        "format_date('x', 'DD.MM.YYYY')",
        [DATE],
        [(D(2024, 2, 3), "03.02.2024"), (D(1, 1, 1), "01.01.0001"), (None, None)],
    ),
    Case(
        "format_time('x', \"YYYY-MM-DD HH24:MI:SS o'clock\")",
        [TIME],
        [(T(2024, 2, 3, 4, 5, 6, 999999), "2024-02-03 04:05:06 o'clock"), (None, None)],
    ),
    Case(
        "utc_date('x')",
        [INSTANT],
        [(T(2024, 2, 29, 23, 59, 59, tzinfo=UTC), D(2024, 2, 29)), (None, None)],
    ),
    Case(
        "epoch_microseconds('x')",
        [INSTANT],
        [
            (T(1969, 12, 31, 23, 59, 59, 999999, tzinfo=UTC), -1),
            (T(2024, 2, 29, tzinfo=UTC), 1709164800000000),
            (None, None),
        ],
    ),
    Case(
        "age_at('x', as_of_date())",
        [DATE],
        [(D(2004, 2, 29), 21), (D(2026, 1, 1), 0), (D(2026, 1, 2), -1), (None, None)],
    ),
    # Money
    Case("eur_rate('x')", [TEXT], [("USD", Decimal("0.92")), ("XXX", None), (None, None)]),
    Case(
        "to_eur('a', 'b')",
        [DECIMAL, TEXT],
        [
            (Decimal("1.005"), "EUR", Decimal("1.01")),
            (Decimal("-10"), "USD", Decimal("-9.2")),
            (Decimal("1"), "XXX", None),
            (None, "EUR", None),
        ],
    ),
    # Hashes
    Case(
        "md5_text('x')",
        [TEXT],
        [
            ("", _md5("")),
            ("ü", _md5("ü")),
            (None, None),
        ],
    ),
    Case(
        "row_key(['a', 'b', 'c'])",
        [TEXT, WHOLE, DATE],
        [
            (None, None, None, _md5("---")),
            ("", 0, D(2024, 2, 29), _md5("0:1:010:2024-02-29")),
            ("a:1", -7, None, _md5("3:a:12:-7-")),
            ("ü", 10, D(1, 1, 1), _md5("1:ü2:1010:0001-01-01")),
        ],
    ),
    # JSON
    Case(
        "json_value(try_json('x'), 'a.b')",
        [TEXT],
        [
            ('{"a": {"b": "zoë \\"q\\""}}', 'zoë "q"'),
            ('{"a": {"b": 12}}', "12"),
            ('{"a": {"b": -0.5}}', "-0.5"),
            ('{"a": {"b": true}}', "true"),
            ('{"a": {"b": ""}}', ""),
            *_same(['{"a": {"b": null}}', '{"a": {"b": {"c": 1}}}', '{"a": {"b": [1]}}']),
            *_same(['{"a": 1}', "{}", "[]", "7", "null", "{", "", None]),
        ],
    ),
    Case("json_value(try_json('x'), 'a[1]')", [TEXT], [('{"a": ["x", "y"]}', "y"), ("{}", None)]),
    Case(
        "json_array_size(try_json('x'), 'a')",
        [TEXT],
        [
            ('{"a": [1, null, [2]]}', 3),
            ('{"a": []}', 0),
            *_same(['{"a": {}}', '{"a": "xy"}', "{}", "{", None]),
        ],
    ),
    Case("json_array_size(try_json('x'))", [TEXT], [("[1, 2]", 2), ("{}", None), (None, None)]),
]

#: Aggregates: each row is the values of one group, and what must come out.
AGGREGATES = [
    Case("array_count(array_of('x'))", [TEXT], [(["b", None, "a"], 2), ([None], 0)]),
    Case(
        "array_text(array_of('x'), ', ')",
        [TEXT],
        [(["ü", "b", None, "a", "b"], "a, b, b, ü"), (["", "x"], ", x"), ([None, None], "")],
    ),
    Case("array_has(array_of('x'), '-3')", [WHOLE], [([1, -3], True), ([1, None], False)]),
    *(
        Case(
            f"quantile('x', {share})",
            [DECIMAL],
            [([Decimal(one) for one in (5, -1, 3, 4)] + [None], expected), ([None], None)],
        )
        for share, expected in ((0.0, -1), (0.25, -1), (0.26, 3), (0.5, 3), (0.75, 4), (1.0, 5))
    ),
    Case(
        "quantile('x', 0.5)",
        [DATE],
        [([D(2024, 2, 29), D(1, 1, 1), D(9999, 12, 31)], D(2024, 2, 29))],
    ),
]

#: What stands after a table in FROM: the member ``k`` of each element of ``doc``, sorted.
ELEMENTS = [
    Case(
        "json_elements('docs.doc', 'a', 'item')",
        [TEXT],
        [
            ('{"a": [{"k": "ü"}, {"k": 1}]}', ["1", "ü"]),
            ('{"a": []}', []),
            ('{"a": {"k": 1}}', []),
            ("{}", []),
            ("{", []),
            (None, []),
        ],
    ),
]

#: Nothing of these is a value: they write models, and are shown where those are built.
NO_VALUES = {"replace_strategy", "is_backfill", "in_backfill", "delete_vanished"}
#: What is shown by itself, since engines differ in it or have none.
APART = {"quantile_about", "quantile_between"}
#: What the others are made of.
PARTS = {"checked_cast", "date_unit", "json_member", "json_path", "portable_pattern"}
