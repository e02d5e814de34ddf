"""A profile in other people's hands: as YAML to paste into a contract, as a compact table."""

from __future__ import annotations

from io import StringIO
from typing import Any

from dataplatform.quality.profile.model import ColumnProfile, TableProfile
from dataplatform.quality.profile.rules import contract_schema

_SHORT = 32


def suggested_yaml(profile: TableProfile) -> str:
    """Return the ``schema`` of a contract that the table keeps today, as YAML."""
    from ruamel.yaml import YAML

    yaml = YAML()
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.width = 100
    text = StringIO()
    yaml.dump({"schema": [contract_schema(profile)]}, text)
    return text.getvalue()


def compact(profile: TableProfile) -> list[dict[str, str]]:
    """Return a row of words for each column, for terminals and for an asset's metadata."""
    return [
        {
            "column": column.name,
            "type": column.type,
            "empty": share(column.nulls, profile.rows),
            "distinct": distinct(column),
            "smallest": short(_to_the_second(column, column.min)),
            "greatest": short(_to_the_second(column, column.max)),
            "mostly": mostly(column),
        }
        for column in profile.columns
    ]


def _to_the_second(column: ColumnProfile, value: Any) -> Any:
    return value[:19] if column.kind == "timestamp" and isinstance(value, str) else value


def distinct(column: ColumnProfile) -> str:
    """Return how many different values there are, as words."""
    if column.distinct is None:
        return ""
    return f"{column.distinct:,}" if column.exact else f"about {column.distinct:,}"


def share(part: int, rows: int) -> str:
    """Return a part of the rows in percent; a few never read as none."""
    if not rows or not part:
        return "none"
    return f"{100 * part / rows:.1f} %" if part / rows >= 0.001 else f"{part:,}"


def mostly(column: ColumnProfile) -> str:
    """Return what is most usual in a column: its values, its format or its shape."""
    if column.masked:
        return "masked"
    if column.format:
        return column.format.value
    if column.top_values:
        return ", ".join(f"{short(one.value, 18)} {one.share:.0%}" for one in column.top_values[:3])
    return column.patterns[0].value if column.patterns else ""


def short(value: Any, length: int = _SHORT) -> str:
    """Return a value in few characters."""
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:,.6g}"
    text = f"{value:,}" if isinstance(value, int) else str(value)
    return text if len(text) <= length else text[: length - 1] + "…"
