"""The columns that a contract promises, by their names in the warehouse."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from dataplatform.declarations.contract_library import check_options
from dataplatform.declarations.yaml_file import YamlFile


@dataclass(frozen=True)
class Column:
    """One promised column; ``required``, ``unique`` and ``primary_key`` are rules of their own.

    Attributes:
        name: its name in the warehouse: ``physicalName``, where the contract gives one.
        logical_name: its name in the contract.
        logical_type: one of the standard's logical types; empty where none is given.
        physical_type: the type in the warehouse, as written; empty where none is given.
        options: ``logicalTypeOptions``.
        key_position: its place in the primary key; 0 where it has none.
        deprecated: since when it is not to be used any more; None for a column that is.
        removed_after: the last day that it is promised; None for one that stays.
        index: its place under ``properties``.
    """

    name: str
    logical_name: str
    logical_type: str
    physical_type: str
    description: str
    required: bool
    unique: bool
    primary_key: bool
    classification: str | None
    line: int
    index: int
    options: Mapping[str, Any] = field(default_factory=dict)
    key_position: int = 0
    deprecated: str | None = None
    removed_after: str | None = None

    @property
    def type(self) -> str:
        """What the column's type is held against: the logical type, else the physical one.

        Version 3.0 knew no timestamps: it wrote them as dates with a physical type.
        """
        timed = self.physical_type.strip().lower().startswith(("timestamp", "datetime"))
        if self.logical_type == "date" and timed:
            return "timestamp"
        return self.logical_type or self.physical_type


def read_columns(file: YamlFile, table: int) -> list[Column]:
    """Read the columns of one table of a contract.

    Args:
        file: the contract, held against the standard already.
        table: the table's place under ``schema``.

    Raises:
        DeclarationError: a name that could not stand in SQL, a column told twice, or options that
            no value could keep.
    """
    found: list[Column] = []
    taken: set[str] = set()
    for index, raw in enumerate(file.data["schema"][table].get("properties") or []):
        loc = ("schema", table, "properties", index)
        physical = raw.get("physicalName")
        key = "physicalName" if physical else "name"
        name = str(physical or raw["name"])
        if not is_column_name(name):
            raise file.error((*loc, key), f"{name!r} is not a safe name for a column.")
        if name.lower() in taken:
            raise file.error((*loc, key), f"the column {name!r} is declared twice.")
        taken.add(name.lower())
        options = raw.get("logicalTypeOptions") or {}
        check_options(file, (*loc, "logicalTypeOptions"), options)
        said = customs(raw)
        position = int(raw.get("primaryKeyPosition") or 0)
        found.append(
            Column(
                name=name,
                logical_name=str(raw["name"]),
                logical_type=raw.get("logicalType") or "",
                physical_type=raw.get("physicalType") or "",
                description=raw.get("description") or "",
                required=bool(raw.get("required")),
                unique=bool(raw.get("unique")),
                primary_key=bool(raw.get("primaryKey")),
                classification=raw.get("classification"),
                line=file.line(loc) or 1,
                index=index,
                options=options,
                key_position=max(position, 0),
                deprecated=_day(said, "deprecatedOn", "deprecated"),
                removed_after=_day(said, "removedAfter"),
            )
        )
    return found


def is_column_name(text: str) -> bool:
    """Say whether a name can stand in SQL between quotes and in one line of a message."""
    return (
        0 < len(text) <= 255
        and text.isprintable()
        and text == text.strip()
        and not set(text) & set("\"'`;\\")
    )


def customs(part: Mapping[str, Any]) -> dict[str, Any]:
    """Return the custom properties of a part of a contract by name."""
    listed: Sequence[Any] = part.get("customProperties") or ()
    return {
        str(one.get("property")): one.get("value") for one in listed if isinstance(one, Mapping)
    }


def _day(said: Mapping[str, Any], *names: str) -> str | None:
    for name in names:
        value = said.get(name)
        if value not in (None, False):
            return str(value)
    return None
