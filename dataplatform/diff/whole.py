"""The whole comparison of two places: tables, checks, readers.

Each part is another module's; their order is this one's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from dataplatform.diff.found import Diff
from dataplatform.diff.impact import with_readers
from dataplatform.diff.places import beside
from dataplatform.diff.sides import Side, side_of
from dataplatform.diff.tables import compare_tables, wanted_tables
from dataplatform.diff.verdicts import last_verdicts, verdict_changes
from dataplatform.resources.warehouse import open_warehouse

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from dagster import DagsterInstance

    from dataplatform.declarations.project import Project

    #: How the records of a project are opened; only a command knows where they are kept.
    Open = Callable[[Project], AbstractContextManager[DagsterInstance]]


def diff(project: Project, against: str, select: Sequence[str], records: Open) -> Diff:
    """Return what differs between a project's environment and another place.

    Args:
        project: the environment that is looked at.
        against: an environment, another project's folder, or a DuckDB file.
        select: only these tables; all models' when empty.
        records: opens a project's records of verdicts.

    Raises:
        UserError: the other place is unknown, a selection fits nothing, or a warehouse cannot be
            reached.
    """
    name = project.environment.name
    here = Side(name, open_warehouse(project.environment, project), project)
    there = side_of(project, against)
    wanted = wanted_tables(project, select)
    relations = [relation for one in wanted for relation in one.relations]
    with beside(here, there, relations) as both:
        tables = compare_tables(both, wanted, gone=not select)
    checks = []
    if there.project is not None:
        known = [one.table for one in tables]
        verdicts = []
        for side in (there.project, project):
            with records(side) as instance:
                verdicts.append(last_verdicts(instance, known))
        checks = verdict_changes(*verdicts)
    return Diff(name, there.name, tuple(with_readers(project, tables)), tuple(checks))
