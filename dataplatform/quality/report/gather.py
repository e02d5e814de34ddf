"""Reading what the report is made of: declarations, records, lineage. Nothing else reads.

A handful of queries to Dagster's store; the warehouse is not asked, so that a report can be
made while it is in use.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

from dataplatform.keys import Relation
from dataplatform.monitors.model import CHECKS
from dataplatform.quality.report.build import build
from dataplatform.quality.report.impact import lineage_of
from dataplatform.quality.report.model import Report

if TYPE_CHECKING:
    from dagster import DagsterInstance

    from dataplatform.declarations.project import Project

HISTORY_SHOWN = 30
#: How far back freshness is drawn, in seconds, and how many runs are.
_CHANGES = 30 * 86400.0
_RUNS = 200


def gather(project: Project, instance: DagsterInstance, now: float | None = None) -> Report:
    """Read what is declared and what is recorded.

    Args:
        project: the project.
        instance: whose records are read.
        now: seconds since 1970; the present by default.
    """
    from dataplatform.resources.check_history import evaluations, table_changes, table_states
    from dataplatform.resources.run_history import last_runs

    moment = time.time() if now is None else now
    states = table_states(instance)
    return build(
        project,
        evaluations(instance, HISTORY_SHOWN),
        states,
        moment,
        lineage=lineage_of(project, states),
        changes=table_changes(instance, moment - _CHANGES),
        runs=last_runs(instance, _RUNS),
        profiles=_profiles(project),
        watched=_watched(project),
        data_docs=_data_docs(project),
    )


def report_folder(project: Project) -> Path:
    """Return the folder of the report's pages."""
    return project.state / "report"


def _profiles(project: Project) -> set[Relation]:
    """Return the tables whose profile pages lie in the report."""
    pages = (report_folder(project) / "profiles").glob("*.html")
    return {Relation(*page.stem.split(".", 1)) for page in pages if "." in page.stem}


def _watched(project: Project) -> dict[Relation, list[str]]:
    """Return the names of each table's monitors."""
    from dataplatform.quality.monitoring import watched

    return {
        relation: [name for name, kinds in CHECKS.items() if set(kinds) & set(how.monitors)]
        for relation, how in watched(project).items()
    }


def _data_docs(project: Project) -> str:
    from dataplatform.quality.gx import data_docs

    path = data_docs(project)
    if not path.exists():
        return ""
    return Path(os.path.relpath(path, report_folder(project))).as_posix()
