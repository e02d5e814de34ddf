"""A copy of the project for one engine: its declared files and models, no state of its own yet.

Of the engine's environment only the warehouse is used, so only the local servers that the
warehouse is on are asked for. Nothing is started here.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dataplatform.declarations.environment import environment_names, load_environment
from dataplatform.declarations.errors import UserError, nearest
from dataplatform.declarations.project import open_project

if TYPE_CHECKING:
    from dataplatform.declarations.project import Project

_LEFT_OUT = shutil.ignore_patterns("target", "logs", "dbt_packages")
_LOCAL = re.compile(r"\$\{local:([a-z_]+)\.")


def engines(project: Project) -> dict[str, str]:
    """Return the engines that can be compared, each with the environment that has it.

    They are the warehouse types of the environments with local servers, ``local`` first.
    """
    found: dict[str, str] = {}
    names = environment_names(project.root)
    for name in sorted(names, key=lambda one: (one != "local", one)):
        if name == "local" or name.startswith("local-"):
            environment = load_environment(project.root, name)
            found.setdefault(environment.warehouse.type, name)
    return found


def stage(project: Project, engine: str, folder: Path) -> Project:
    """Copy a project for one engine.

    Args:
        project: whose files are copied; only read.
        engine: a key of ``engines``.
        folder: becomes the copy's root; replaced if it exists.

    Raises:
        UserError: no environment has this engine.
    """
    known = engines(project)
    if engine not in known:
        raise UserError(
            f"{engine!r} is not an engine of a local environment: there are "
            f"{', '.join(known)}.{nearest(engine, known)}"
        )
    shutil.rmtree(folder, ignore_errors=True)
    for part in (project.config, project.dbt):
        shutil.copytree(part, folder / part.name, ignore=_LEFT_OUT)
    file = folder / "config" / "environments" / f"{known[engine]}.yml"
    _keep_servers_of_warehouse(file)
    return open_project(folder, known[engine])


def _keep_servers_of_warehouse(file: Path) -> None:
    from ruamel.yaml import YAML

    yaml = YAML()
    declared: dict[str, Any] = yaml.load(file.read_text(encoding="utf-8"))
    wanted = set(_LOCAL.findall(str(dict(declared["warehouse"]))))
    for name in list(declared.get("local") or {}):
        if name not in wanted:
            del declared["local"][name]
    with file.open("w", encoding="utf-8") as stream:
        yaml.dump(declared, stream)
