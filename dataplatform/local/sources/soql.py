"""The part of SOQL that reading an object whole or by time needs.

``SELECT fields FROM Object [WHERE field op literal [AND ...]] [ORDER BY fields] [LIMIT n]``.
A query is checked against the object's fields and becomes SQLite's SQL with bound values; no
text of a user ever reaches the database as SQL.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from dataplatform.local.sources.crm_objects import OBJECTS, Field

_QUERY = re.compile(
    r"^\s*SELECT\s+(?P<fields>.+?)\s+FROM\s+(?P<object>\w+)"
    r"(?:\s+WHERE\s+(?P<where>.+?))?"
    r"(?:\s+ORDER\s+BY\s+(?P<order>[\w\s,]+?))?"
    r"(?:\s+LIMIT\s+(?P<limit>\d+))?\s*$",
    re.IGNORECASE | re.DOTALL,
)
_CONDITION = re.compile(
    r"^\s*(?P<field>\w+)\s*(?P<operator>>=|<=|!=|=|>|<)\s*(?P<literal>'(?:[^'\\]|\\.)*'|[^\s']+)\s*$"
)
_COUNT = re.compile(r"^COUNT\(\s*\)$", re.IGNORECASE)


class SoqlError(Exception):
    """A query that cannot be answered; ``code`` is Salesforce's name for the reason."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Query:
    """A checked query.

    Attributes:
        object: the object's name.
        fields: what is selected, in order.
        conditions: field, operator, value as SQLite keeps it.
        order: what the rows are sorted by; ends with Id, so that a page can follow a page.
        limit: the most rows; None for all.
        counts: whether only the number of rows is asked for.
    """

    object: str
    fields: tuple[Field, ...]
    conditions: tuple[tuple[str, str, Any], ...]
    order: tuple[str, ...]
    limit: int | None
    counts: bool

    def where(self, deleted: bool) -> tuple[str, list[Any]]:
        """Return the WHERE clause and its values; ``deleted`` keeps deleted rows in."""
        parts = [f'"{field}" {operator} ?' for field, operator, _ in self.conditions]
        values = [value for _, _, value in self.conditions]
        if not deleted:
            parts.append('"IsDeleted" = 0')
        return " AND ".join(parts) or "1 = 1", values


def parse(text: str) -> Query:
    """Return a query, checked.

    Raises:
        SoqlError: it is malformed, or names an object or a field that does not exist.
    """
    found = _QUERY.match(text)
    if found is None:
        raise SoqlError("MALFORMED_QUERY", f"The query cannot be understood: {text[:200]}")
    known = {name.lower(): name for name in OBJECTS}
    name = known.get(found["object"].lower())
    if name is None:
        raise SoqlError("INVALID_TYPE", f"sObject type '{found['object']}' is not supported.")
    fields = {field.name.lower(): field for field in OBJECTS[name]}

    def field(text: str) -> Field:
        if text.strip().lower() not in fields:
            raise SoqlError("INVALID_FIELD", f"No such column '{text.strip()}' on entity '{name}'.")
        return fields[text.strip().lower()]

    counts = bool(_COUNT.match(found["fields"].strip()))
    order = [_ordered(part, field) for part in (found["order"] or "SystemModstamp").split(",")]
    if "Id" not in order:
        order.append("Id")
    return Query(
        object=name,
        fields=() if counts else tuple(field(part) for part in found["fields"].split(",")),
        conditions=tuple(_conditions(found["where"], field)),
        order=tuple(order),
        limit=int(found["limit"]) if found["limit"] else None,
        counts=counts,
    )


def _ordered(part: str, field: Any) -> str:
    words = part.split()
    if not words or len(words) > 2 or (len(words) == 2 and words[1].upper() != "ASC"):
        raise SoqlError("MALFORMED_QUERY", f"ORDER BY cannot be understood: {part.strip()}")
    found: Field = field(words[0])
    if found.nillable:
        raise SoqlError("MALFORMED_QUERY", f"Rows cannot be sorted by '{found.name}' here.")
    return found.name


def _conditions(text: str | None, field: Any) -> list[tuple[str, str, Any]]:
    if text is None:
        return []
    conditions = []
    for part in re.split(r"\s+AND\s+", text.strip(), flags=re.IGNORECASE):
        found = _CONDITION.match(part.strip().removeprefix("(").removesuffix(")"))
        if found is None:
            raise SoqlError("MALFORMED_QUERY", f"The condition cannot be understood: {part}")
        about = field(found["field"])
        conditions.append((about.name, found["operator"], _value(about, found["literal"])))
    return conditions


def _value(field: Field, literal: str) -> Any:
    if field.type == "datetime":
        try:
            moment = datetime.fromisoformat(literal.replace(" ", "+"))
        except ValueError:
            moment = None
        if moment is None or moment.tzinfo is None:
            raise SoqlError(
                "INVALID_QUERY_FILTER_OPERATOR", f"'{literal}' is no moment for '{field.name}'."
            )
        utc = moment.astimezone(UTC)
        return f"{utc:%Y-%m-%dT%H:%M:%S}.{utc.microsecond // 1000:03d}+0000"
    if field.type == "boolean":
        if literal.lower() not in ("true", "false"):
            raise SoqlError(
                "INVALID_QUERY_FILTER_OPERATOR", f"'{literal}' is neither true nor false."
            )
        return int(literal.lower() == "true")
    if field.sqlite == "REAL":
        try:
            return float(literal)
        except ValueError:
            raise SoqlError("INVALID_QUERY_FILTER_OPERATOR", f"'{literal}' is no number.") from None
    if literal.startswith("'"):
        return re.sub(r"\\(.)", r"\1", literal[1:-1])
    return literal
