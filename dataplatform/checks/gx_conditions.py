"""Great Expectations row conditions as SQL.

GX's text form ``col("x") > 5`` and its structured form. What an expectation makes of the rows that
are left is ``gx_rules``' business.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_OPERATORS = {"==": "=", "!=": "<>", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
_CONDITION = re.compile(
    r"""^\s*col\(\s*(["'])(?P<column>\w+)\1\s*\)\s*
    (?:(?P<null>\.notNull\(\))|(?P<operator>==|!=|<=|>=|<|>)\s*
    (?P<value>-?\d+(?:\.\d+)?|"[^"]*"|'[^']*'))\s*$""",
    re.VERBOSE,
)


def row_condition(condition: Any) -> str | None:
    """Translate a ``row_condition``, or return None when it says more than we can.

    Known are GX's text form ``col("x") > 5`` and ``col("x").notNull()``, and its structured form.
    """
    if isinstance(condition, str):
        match = _CONDITION.match(condition)
        if match is None:
            return None
        if match["null"]:
            return f'"{match["column"]}" is not null'
        value = match["value"]
        if value[0] in "\"'":
            value = "'" + value[1:-1].replace("'", "''") + "'"
        return f'"{match["column"]}" {_OPERATORS[match["operator"]]} {value}'
    if isinstance(condition, Mapping):
        return _structured(condition)
    return None


def _structured(condition: Mapping[str, Any]) -> str | None:
    kind = condition.get("type")
    column = condition.get("column")
    name = column.get("name") if isinstance(column, Mapping) else None
    if kind == "nullity" and name:
        return f'"{name}" is {"" if condition.get("is_null") else "not "}null'
    if kind == "comparison" and name and condition.get("operator") in _OPERATORS:
        value = condition.get("parameter")
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            return None
        shown = str(value) if not isinstance(value, str) else "'" + value.replace("'", "''") + "'"
        return f'"{name}" {_OPERATORS[condition["operator"]]} {shown}'
    if kind in {"and", "or"}:
        parts = [_structured(item) for item in condition.get("conditions") or ()]
        if parts and all(parts):
            return "(" + f" {kind} ".join(str(part) for part in parts) + ")"
    return None
