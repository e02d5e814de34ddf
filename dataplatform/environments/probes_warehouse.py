"""Trying the warehouse: a session, a schema of our own that comes and goes, and dbt's project."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dataplatform.declarations.errors import UserError
from dataplatform.environments.probing import Missing, Refused, not_set
from dataplatform.resources.warehouse import open_warehouse

if TYPE_CHECKING:
    from dataplatform.declarations.project import Project

#: How long to wait for a warehouse that a run is using.
PATIENCE_SECONDS = 10.0
PREFIX = "dataplatform_probe_"

_RIGHTS = {
    "snowflake": "GRANT CREATE SCHEMA ON DATABASE {database} TO ROLE {role};",
    "bigquery": "Give the account roles/bigquery.dataEditor and roles/bigquery.jobUser on the "
    "project {project}.",
    "ducklake": "The catalog's user needs CREATE on its database, and the keys must be allowed to "
    "write below {url}.",
    "duckdb": "Make the file and its folder writable for this user.",
}


def connect(project: Project) -> str:
    """Open a session and read from it."""
    declared = project.environment.warehouse
    settings = _settings(project)
    absent = _not_made_yet(project, settings)
    if absent:
        return absent
    warehouse = open_warehouse(project.environment, project)
    with warehouse.session("env validate: connect", PATIENCE_SECONDS) as session:
        if session.execute("SELECT 1") != [(1,)]:
            raise Refused("the warehouse does not answer SELECT 1 with 1.")
    return f"{declared.type} answers"


def write(project: Project) -> str:
    """Make a schema with a table, read it, and drop both."""
    settings = _settings(project)
    absent = _not_made_yet(project, settings)
    if absent:
        return absent
    schema = PREFIX + secrets.token_hex(4)
    warehouse = open_warehouse(project.environment, project)
    with warehouse.session("env validate: rights", PATIENCE_SECONDS) as session:
        try:
            doing = "make a schema"
            session.execute(f"CREATE SCHEMA {schema}")
            doing = "make a table in a schema of its own"
            session.execute(f"CREATE TABLE {schema}.probe AS SELECT 41 AS n")
            doing = "change its own table"
            session.execute(f"UPDATE {schema}.probe SET n = n + 1 WHERE n = 41")
            doing = "read its own table"
            if session.execute(f"SELECT n FROM {schema}.probe") != [(42,)]:
                raise Refused("what was written into the warehouse was not read again.")
        except UserError:
            raise
        except Exception as error:
            told = next((line for line in str(error).splitlines() if line.strip()), "no reason")
            raise Refused(
                f"may not {doing}: {told.strip()}",
                _RIGHTS[project.environment.warehouse.type].format(**_flat(settings)),
            ) from None
        finally:
            # Without the right to make it there is nothing to drop.
            with contextlib.suppress(Exception):
                session.execute(f"DROP SCHEMA IF EXISTS {schema} CASCADE")
    return "may make, change, read and drop tables in a schema of its own"


def dbt(project: Project) -> str:
    """Look for dbt's adapter and parse the project for this environment."""
    from dataplatform.declarations.dbt_project import load_graph

    engine = project.environment.warehouse.engine
    if importlib.util.find_spec("dbt") is None or not _has_adapter(engine):
        raise Missing(f"dbt-{engine} is not installed.", "Run `make setup`.")
    if not (project.dbt / "dbt_project.yml").is_file():
        raise Missing(f"{project.dbt} holds no dbt_project.yml.", "Run `dataplatform init`.")
    load_graph(project)
    return f"dbt-{engine} parses the project"


def _has_adapter(engine: str) -> bool:
    try:
        return importlib.util.find_spec(f"dbt.adapters.{engine}") is not None
    except ModuleNotFoundError:
        return False


def _settings(project: Project) -> Mapping[str, Any]:
    try:
        found: Mapping[str, Any] = project.environment.resolve_all(project.environment.warehouse)
    except UserError as error:
        raise not_set(project, error) from None
    return found


def _flat(settings: Mapping[str, Any]) -> dict[str, Any]:
    files = settings.get("files") or {}
    return {"url": files.get("url", ""), "role": "", "database": "", "project": "", **settings}


def _not_made_yet(project: Project, settings: Mapping[str, Any]) -> str | None:
    if settings["type"] != "duckdb":
        return None
    file = project.root / settings["path"]
    if file.exists():
        if not os.access(file, os.R_OK | os.W_OK):
            raise Refused(f"{file} is not writable.", _RIGHTS["duckdb"])
        return None
    folder = next(one for one in Path(file).parents if one.exists())
    if not os.access(folder, os.W_OK):
        raise Refused(f"{folder} is not writable.", _RIGHTS["duckdb"])
    return "the file is not there yet: the first run makes it"
