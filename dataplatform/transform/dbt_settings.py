"""What dbt is told of the environment: target, addresses, secrets, folders.

dbt's profile reads everything from variables, so the profile is committed and holds no secret.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dataplatform.declarations.project import Project


def duckdb_path(project: Project) -> Path | None:
    """Return the warehouse's DuckDB file, or None where the warehouse is no file."""
    warehouse = project.environment.warehouse
    if warehouse.type != "duckdb":
        return None
    return project.root / project.environment.resolve(warehouse.path)


def dbt_variables(project: Project) -> dict[str, str]:
    """Return the variables that the profile reads, resolved.

    Raises:
        UserError: a secret or an address is not set.
    """
    environment = project.environment
    found: dict[str, str] = {"DATAPLATFORM_DBT_TARGET": environment.warehouse.type}
    path = duckdb_path(project)
    if path is not None:
        found["DATAPLATFORM_DUCKDB_PATH"] = str(path)
        return found
    for name, value in environment.resolve_all(environment.warehouse.model_dump()).items():
        if name != "type" and value is not None:
            found[f"SNOWFLAKE_{name.upper()}"] = str(value)
    return found
