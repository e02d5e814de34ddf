"""Days that never were: what the monitors would have measured of the rehearsal company on each.

Measured by the real scan with the real measures, and kept in the monitors' own store.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from dataplatform.quality.measuring import measure
from dataplatform.quality.monitoring import columns_of, hidden, settings_of, watched
from dataplatform.rehearsal import company
from dataplatform.resources.warehouse.duckdb import DuckDBSession

if TYPE_CHECKING:
    import duckdb

    from dataplatform.declarations.project import Project
    from dataplatform.keys import Relation
    from dataplatform.monitors.model import Settings, Snapshot

_DIALECT = "duckdb"


@dataclass(frozen=True)
class Past:
    """The rehearsal company's days, as a project watches them.

    Attributes:
        project: whose settings of the monitors hold.
        tables: the raw tables that are watched, each with its settings.
    """

    project: Project
    tables: Mapping[Relation, Settings]

    @classmethod
    def of(cls, project: Project, only: Sequence[Relation] = ()) -> Past:
        """Return the past of the company's tables that a project watches.

        Args:
            project: the project.
            only: these tables; all of the company when empty.
        """
        wanted = list(only) or company.relations()
        how = watched(project)
        return cls(
            project,
            {one: settings_of(project, one, how[one]) for one in wanted if one in how},
        )

    def measured(
        self, connection: duckdb.DuckDBPyConnection, moments: Sequence[datetime]
    ) -> Iterator[tuple[Relation, Snapshot]]:
        """Let days pass: sync the company's tables and measure each, day after day.

        Args:
            connection: of a warehouse, with the company's file attached; its raw tables are
                replaced.
            moments: the syncs, in order.
        """
        session = DuckDBSession(connection)
        masked = {relation: hidden(self.project, relation) for relation in self.tables}
        for moment in moments:
            company.at(connection, moment)
            company.deliver(connection, list(self.tables))
            columns = columns_of(session, _DIALECT, list(self.tables))
            for relation, settings in self.tables.items():
                yield (
                    relation,
                    measure(
                        session,
                        _DIALECT,
                        relation,
                        columns[relation],
                        moment,
                        settings,
                        masked[relation],
                    ),
                )


def days_before(now: datetime, days: int) -> list[datetime]:
    """Return this moment of each of the days before, the earliest first."""
    return [now - timedelta(days=back) for back in range(days, 0, -1)]
