"""One dbt command in a process of its own, on the chosen warehouse and under its lock.

Models built so are not recorded in Dagster. The step that records is ``dbt_step``.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from dataplatform.declarations.dbt_project import target_folder
from dataplatform.declarations.environment import process_environment
from dataplatform.resources.warehouse import open_warehouse

if TYPE_CHECKING:
    from dataplatform.declarations.project import Project

#: Not ``-m dbt.cli.main``, of which Python warns: the package imports that module itself. Other
#: warnings are of libraries about one another, and no user can act on them.
_DBT = ("-W", "ignore", "-c", "from dbt.cli.main import cli; cli(prog_name='dbt')")


def run_dbt_command(project: Project, command: Sequence[str], purpose: str) -> int:
    """Run a dbt command in a process of its own and return its exit code.

    Args:
        project: the project.
        command: dbt's verb and options.
        purpose: shown to whoever waits for the warehouse meanwhile.

    Raises:
        UserError: the warehouse stayed locked, or a secret is not set.
    """
    line = [
        *(sys.executable, *_DBT, "--no-send-anonymous-usage-stats"),
        *("--log-path", str(project.state / "logs" / "dbt"), *command),
        *("--project-dir", str(project.dbt), "--profiles-dir", str(project.dbt)),
        *("--target-path", str(target_folder(project) / "hand")),
    ]
    warehouse = open_warehouse(project.environment, project)
    variables = process_environment(warehouse.dbt_variables())
    variables["DATAPLATFORM_DBT_TARGET"] = project.environment.warehouse.type
    with warehouse.around_dbt(purpose):
        ran = subprocess.run(line, env=variables, check=False)
    return ran.returncode
