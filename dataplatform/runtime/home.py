"""Where Dagster keeps its records for a project, and the dagster.yaml that says so.

``python -m dataplatform.runtime.home`` writes the repository's own dagster.yaml anew, and those of
a deployment; with ``--of-project`` it prints the home of the chosen environment.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dataplatform.declarations.environment import deployed_home, process_environment
from dataplatform.declarations.errors import UserError
from dataplatform.runtime import deployed
from dataplatform.runtime.settings import HEADER, HOME, instance_settings

if TYPE_CHECKING:
    from dagster import DagsterInstance

    from dataplatform.declarations.project import Project


def render(settings: dict[str, Any], header: str = HEADER) -> str:
    """Return settings as the text of a dagster.yaml."""
    import yaml

    return header + yaml.safe_dump(settings, sort_keys=False)


def prepare_home(project: Project) -> Path:
    """Make a project's Dagster home, with its dagster.yaml up to date, and return its path."""
    return home_in(project.state)


def home_in(state: Path) -> Path:
    """Make the Dagster home of a state folder, likewise."""
    home = state.resolve() / "home"
    home.mkdir(parents=True, exist_ok=True)
    text = render(instance_settings(str(home)))
    file = home / "dagster.yaml"
    if not file.exists() or file.read_text() != text:
        # Replaced in one step: another process may be reading it.
        draft = home / f".dagster.yaml.{os.getpid()}"
        draft.write_text(text)
        draft.replace(file)
    return home


def open_instance(project: Project) -> DagsterInstance:
    """Return the Dagster instance that holds a project's history, the same for every command.

    Within a deployment it is the deployment's, whatever the project; what an environment knows
    that was made from another one is always its own.

    Raises:
        UserError: a deployment names no home, or its settings are not all there.
    """
    from dagster import DagsterInstance

    home = deployed_home()
    if home is not None and project.environment.made is None:
        return _open_deployed(home)
    return DagsterInstance.from_config(str(prepare_home(project)))


def _open_deployed(home: Path) -> DagsterInstance:
    import yaml
    from dagster import DagsterInstance
    from dagster_postgres.utils import DagsterPostgresException

    file = home / "dagster.yaml"
    known = process_environment()
    missing = sorted(_variables(yaml.safe_load(file.read_text(encoding="utf-8"))) - set(known))
    if missing:
        raise UserError(f"{', '.join(missing)} must be set: {file} refers to it.")
    try:
        return DagsterInstance.from_config(str(home))
    except DagsterPostgresException as error:
        said = str(error.__cause__ or error).strip().splitlines()[0]
        raise UserError(f"The records that {file} names do not answer: {said}") from None


def _variables(node: Any) -> set[str]:
    """Return the variables of the process environment that settings refer to."""
    if isinstance(node, dict):
        if set(node) == {"env"}:
            return {str(node["env"])}
        return {name for one in node.values() for name in _variables(one)}
    if isinstance(node, list):
        return {name for one in node for name in _variables(one)}
    return set()


def write_repository_file(root: Path) -> Path:
    """Write the dagster.yaml that a bare ``dagster dev`` reads in a project's folder."""
    file = root / "dagster.yaml"
    file.write_text(render(instance_settings(HOME)))
    return file


def deployment_files() -> dict[str, str]:
    """Return the texts of a deployment's files, by their place in the repository."""
    settings, workspace = deployed.deployed_settings(), deployed.deployed_workspace()
    return {
        "deploy/dagster/dagster.yaml": render(settings, deployed.HEADER),
        "deploy/dagster/workspace.yaml": render(workspace, deployed.WORKSPACE_HEADER),
    }


if __name__ == "__main__":
    import sys

    from dataplatform.declarations.project import open_project

    if sys.argv[1:] == ["--of-project"]:
        print(prepare_home(open_project()))
    else:
        write_repository_file(Path.cwd())
        for place, text in deployment_files().items():
            Path(place).write_text(text)
