"""What a source of figures is asked, and what it answers; each warehouse has a source."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from dataplatform.declarations.cost import Unit

if TYPE_CHECKING:
    from dagster import DagsterInstance

    from dataplatform.cost.usage import Usage
    from dataplatform.declarations.project import Project

#: Seconds that a person waits for a warehouse in use.
PATIENCE = 20.0


@dataclass(frozen=True)
class Asked:
    """What is asked.

    Attributes:
        project: whose warehouse.
        instance: whose records tell of builds.
        last: the last day, in UTC.
        days: how many days back, the last one included.
    """

    project: Project
    instance: DagsterInstance
    last: date
    days: int

    @property
    def since(self) -> datetime:
        """The first moment."""
        start = datetime.combine(self.last, datetime.min.time(), UTC)
        return start - timedelta(days=self.days - 1)


@dataclass(frozen=True)
class Measured:
    """What was measured.

    Attributes:
        unit: what amounts are in.
        usages: what was used.
        stored: the bytes that are kept of each table, as far as they are known.
    """

    unit: Unit
    usages: Sequence[Usage] = ()
    stored: Mapping[str, int] = field(default_factory=dict)


def stored_by_table(rows: Iterable[Sequence[Any]]) -> dict[str, int]:
    """Return the bytes of each table, from rows of schema, table and bytes."""
    return {f"{schema}.{table}": int(kept or 0) for schema, table, kept in rows}
