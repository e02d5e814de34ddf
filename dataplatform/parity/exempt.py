"""Expressions that the local stand-ins answer otherwise than the real services do.

Engines that agree on such an expression have shown nothing of the real ones. The list is told
after every comparison, with the models that use them, and in docs/how-to/parity.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Exempt:
    """One expression in which agreement is no proof.

    Attributes:
        engine: whose stand-in differs from the real service.
        expression: as a reader knows it.
        reason: what the stand-in gives, and what the service does.
    """

    engine: str
    expression: str
    reason: str


_DIVISION, _BY_ZERO = "x / y", "x / 0"
#: Functions, by sqlglot's names.
_CALLS = {
    "Typeof": "typeof(x)",
    "JSONExtractArray": "json_query_array(x)",
    "ApproxQuantiles": "approx_quantiles(x)",
}

EXEMPT = (
    Exempt("snowflake", _BY_ZERO, "infinite on the stand-in; the service fails: divide by nullif"),
    Exempt(
        "snowflake", "cast(x as varchar(n))", "the stand-in enforces no length; the service fails"
    ),
    Exempt(
        "snowflake",
        "date_trunc(part, day)",
        "a timestamp on the stand-in, a date on the service: cast it, as date_start does",
    ),
    Exempt(
        "snowflake",
        "try_cast(x as timestamp)",
        "the stand-in fails on a day that there is not; NULL on the service, and by try_to on both",
    ),
    Exempt("snowflake", "typeof(x)", "JSON for every value on the stand-in"),
    Exempt(
        "bigquery",
        _DIVISION,
        "decimals are divided as doubles by the stand-in; the service keeps nine places",
    ),
    Exempt("bigquery", "cast(x as bignumeric)", "nine places on the stand-in, 38 on the service"),
    Exempt(
        "bigquery",
        "json_query_array(x)",
        "the stand-in fails on what is no array; NULL on the service, and by our macros on both",
    ),
    Exempt(
        "bigquery", "approx_quantiles(x)", "nearly exact on the stand-in; within 1 % on the service"
    ),
)


def exempt_in(sql: str, dialect: str) -> tuple[Exempt, ...]:
    """Return which of them a compiled model uses.

    Args:
        sql: in the engine's words.
        dialect: the engine's, by sqlglot's name.
    """
    known = {one.expression: one for one in EXEMPT if one.engine == dialect}
    if not known:
        return ()
    import sqlglot

    try:
        tree = sqlglot.parse_one(sql, read=dialect)
    except sqlglot.errors.SqlglotError:
        return ()
    used = {_named(node) for node in tree.walk()}
    # Dividing by zero is dividing.
    used |= {_DIVISION} if _BY_ZERO in used else set()
    return tuple(one for name, one in known.items() if name in used)


def _named(node: Any) -> str:
    """Return by which name of the list a part of a query is exempt, or nothing."""
    from sqlglot import exp

    if isinstance(node.parent, exp.If):
        # A branch of CASE is reached where its author let it.
        return ""
    if isinstance(node, exp.Div):
        divisor = node.expression.unnest()
        literal = isinstance(divisor, exp.Literal) and divisor.to_py() != 0
        return _DIVISION if literal or isinstance(divisor, exp.Nullif) else _BY_ZERO
    if isinstance(node, exp.DateTrunc | exp.TimestampTrunc):
        return "" if isinstance(node.parent, exp.Cast) else "date_trunc(part, day)"
    if isinstance(node, exp.TryCast):
        return "try_cast(x as timestamp)" if node.to.is_type("timestamp", "timestampntz") else ""
    if isinstance(node, exp.Cast) and node.to.is_type("varchar") and node.to.expressions:
        return "cast(x as varchar(n))"
    if isinstance(node, exp.Cast) and node.to.is_type("bigdecimal"):
        return "cast(x as bignumeric)"
    return _CALLS.get(type(node).__name__, "")
