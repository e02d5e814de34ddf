"""Imported ahead of runs by a warm process: dbt, its adapter, and the parsed project.

Importing dbt and reading its manifest take longer than building a few models. A process that is
forked from one that imported this module has both. Nothing is opened and no thread is started.
"""

from __future__ import annotations

import contextlib
import importlib

from dataplatform.declarations.dbt_project import parsed_manifest_file
from dataplatform.declarations.errors import UserError
from dataplatform.declarations.project import Project, open_project
from dataplatform.transform import dbt_run, dbt_step

_DBT = (
    "dbt.cli.main",
    "dbt.task.build",
    "dbt.compilation",
    "dbt.context.providers",
    "dbt.include.global_project",
)


def warm(project: Project) -> None:
    """Import what a dbt step needs, and read the project's manifest."""
    adapter = project.environment.warehouse.engine
    for name in (*_DBT, f"dbt.adapters.{adapter}", f"dbt.include.{adapter}"):
        importlib.import_module(name)
    dbt_run.preload(parsed_manifest_file(project))


# What is wrong with the project, the run itself says better, and to the one who asked.
with contextlib.suppress(UserError):
    warm(open_project())

__all__ = ["dbt_step", "warm"]
