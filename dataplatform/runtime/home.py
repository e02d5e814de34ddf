"""Where Dagster keeps its records for a project, and the dagster.yaml that says so.

``python -m dataplatform.runtime.home`` writes the repository's own dagster.yaml anew; with
``--of-project`` it prints the home of the chosen environment.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dataplatform.runtime.settings import HEADER, HOME, instance_settings

if TYPE_CHECKING:
    from dagster import DagsterInstance

    from dataplatform.declarations.project import Project


def render(settings: dict[str, Any]) -> str:
    """Return settings as the text of a dagster.yaml."""
    import yaml

    return HEADER + yaml.safe_dump(settings, sort_keys=False)


def prepare_home(project: Project) -> Path:
    """Make a project's Dagster home, with its dagster.yaml up to date, and return its path."""
    home = project.state.resolve() / "home"
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
    """Return the Dagster instance that holds a project's history, the same for every command."""
    from dagster import DagsterInstance

    return DagsterInstance.from_config(str(prepare_home(project)))


def write_repository_file(root: Path) -> Path:
    """Write the dagster.yaml that a bare ``dagster dev`` reads in a project's folder."""
    file = root / "dagster.yaml"
    file.write_text(render(instance_settings(HOME)))
    return file


if __name__ == "__main__":
    import sys

    from dataplatform.declarations.project import open_project

    if sys.argv[1:] == ["--of-project"]:
        print(prepare_home(open_project()))
    else:
        write_repository_file(Path.cwd())
