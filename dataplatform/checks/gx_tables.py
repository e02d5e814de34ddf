"""Expectations about a table as a whole: how many rows it has, and which columns."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from dataplatform.checks import families
from dataplatform.checks.gx_arguments import between, listed, needed, number, sized
from dataplatform.checks.gx_neutral import Translated
from dataplatform.checks.sql_rules import read_query
from dataplatform.checks.threshold import Threshold
from dataplatform.declarations.errors import nearest

_NONE = Threshold("eq", 0)


def translate_table(kind: str, kwargs: Mapping[str, Any]) -> Translated | None:
    """Translate an expectation about a table, or return None for any other.

    Raises:
        ValueError: an argument is missing or wrong.
    """
    match kind:
        case "expect_table_row_count_to_be_between":
            return Translated("row_count", sized(kwargs, kind))
        case "expect_table_row_count_to_equal":
            return Translated("row_count", Threshold("eq", number(kwargs, "value", kind)))
        case "expect_table_row_count_to_equal_other_table":
            other = str(needed(kwargs, "other_table_name", kind))
            if not re.fullmatch(r"\w+(\.\w+)?", other):
                raise ValueError(f"{kind}: {other!r} is not the name of a table")
            if kwargs.get("row_condition") is not None:
                return None
            return Translated("rows_beyond", _NONE, (), {"other": other})
        case "unexpected_rows_expectation":
            query = needed(kwargs, "unexpected_rows_query", kind)
            rule = read_query(str(query), None)
            counted = f"select count(*) from ({rule.query}) as unexpected_rows"
            return Translated("sql", _NONE, (), {"query": counted, "rows": rule.query})
    return _columns(kind, kwargs)


def _columns(kind: str, kwargs: Mapping[str, Any]) -> Translated | None:
    """Expectations that the list of columns alone decides."""
    arguments: dict[str, Any]
    match kind:
        case "expect_table_column_count_to_equal":
            count = number(kwargs, "value", kind)
            arguments = {"least": count, "most": count}
        case "expect_table_column_count_to_be_between":
            bounds = between(kwargs, kind)
            arguments = {"least": bounds.value, "most": bounds.upper}
        case "expect_table_columns_to_match_set":
            names = _names(kwargs, "column_set", kind)
            exact = kwargs.get("exact_match")
            arguments = {"names": names, "exact": True if exact is None else bool(exact)}
        case "expect_table_columns_to_match_ordered_list":
            arguments = {"names": _names(kwargs, "column_list", kind), "ordered": True}
        case "expect_column_to_exist":
            arguments = {"names": [str(needed(kwargs, "column", kind))]}
            # GX itself reads a place of 0 as none.
            if kwargs.get("column_index"):
                arguments["place"] = number(kwargs, "column_index", kind)
        case "expect_column_type_to_be" | "expect_column_values_to_be_of_type":
            arguments = {"kinds": [_kind(needed(kwargs, "type_", kind))]}
        case "expect_column_values_to_be_in_type_list":
            kinds = [_kind(one) for one in listed(kwargs, "type_list", kind)]
            arguments = {"kinds": kinds}
        case _:
            return None
    if "kinds" in arguments:
        arguments["names"] = [str(needed(kwargs, "column", kind))]
    return Translated("columns", _NONE, (), arguments)


def _names(kwargs: Mapping[str, Any], name: str, kind: str) -> list[str]:
    names = [str(one) for one in listed(kwargs, name, kind)]
    if len({one.lower() for one in names}) < len(names):
        raise ValueError(f"{kind} names a column twice in {name!r}")
    return names


def _kind(given: Any) -> str:
    kind = families.same_name(str(given))
    if kind not in families.KNOWN:
        hint = nearest(kind, families.KNOWN).rstrip("?.")
        raise ValueError(f"{given!r} is not a type of a column" + (f".{hint}" if hint else ""))
    return kind
