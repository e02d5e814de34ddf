"""Quoting of names and values for SQL that is put together from other people's names.

Every name and value from outside (a source, a request) passes through here before it is part of
a statement. What the statements say belongs to the modules that send them.
"""

from __future__ import annotations

from collections.abc import Iterable


def ident(name: str) -> str:
    """Return a name as a quoted identifier, for DuckDB and PostgreSQL alike."""
    return '"' + name.replace('"', '""') + '"'


def literal(value: str) -> str:
    """Return a text as a quoted literal (standard conforming strings)."""
    return "'" + value.replace("'", "''") + "'"


def qualified(*names: str) -> str:
    """Return a dotted path of quoted identifiers."""
    return ".".join(ident(name) for name in names)


def listed(names: Iterable[str], prefix: str = "") -> str:
    """Return quoted identifiers separated by commas, each with an optional table alias."""
    dotted = f"{prefix}." if prefix else ""
    return ", ".join(dotted + ident(name) for name in names)
