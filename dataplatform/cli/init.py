"""`dataplatform init`: a small project in a folder of its own, which runs as it is.

Its own files are in ``starter``; the dbt settings and macros that the platform counts on are taken
over from the platform's own dbt project.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Annotated

import typer

from dataplatform.cli.starter import FILES
from dataplatform.declarations.errors import UserError
from dataplatform.declarations.project import Project, open_project

_TAKEN_OVER = ("dbt_project.yml", "profiles.yml", "macros", "tests/generic")
_PLATFORM = Path(__file__).parents[2] / "dbt_project"


def command(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A new or an empty folder.")],
) -> None:
    """Make a small project that runs."""
    project = create(folder)
    typer.echo(f"Made a project in {project.root}.")
    typer.echo(f"Run it: DATAPLATFORM_PROJECT={project.root} dataplatform run")


def create(folder: Path) -> Project:
    """Write a small project.

    Args:
        folder: a folder that does not exist or is empty.

    Returns:
        The project, read once to be sure that it is sound.

    Raises:
        UserError: the folder holds something, cannot be written, or the platform's own dbt
            project is not beside its code.
    """
    root = folder.expanduser().resolve()
    if root.is_file():
        raise UserError(f"{root} is a file: name a folder.")
    if root.is_dir() and any(root.iterdir()):
        raise UserError(f"{root} is not empty: name a new folder.")
    if not (_PLATFORM / "dbt_project.yml").is_file():
        raise UserError(f"The platform's own dbt project is not at {_PLATFORM}.")
    existed = root.is_dir()
    try:
        _fill(root)
        project = open_project(root)
        project.check()
        from dataplatform.quality.compile_dbt import write as compile_contracts

        compile_contracts(project)
    except OSError as error:
        _clear(root, existed)
        raise UserError(f"{root} cannot be written: {error.strerror}.") from None
    except BaseException:
        _clear(root, existed)
        raise
    return project


def _fill(root: Path) -> None:
    for name, text in FILES.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.replace("{folder}", str(root)) if name == "README.md" else text)
    for name in _TAKEN_OVER:
        source, target = _PLATFORM / name, root / "dbt_project" / name
        if source.is_dir():
            shutil.copytree(source, target)
        elif source.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)


def _clear(root: Path, keep: bool) -> None:
    for path in root.iterdir() if root.is_dir() else ():
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    if root.is_dir() and not keep:
        root.rmdir()
