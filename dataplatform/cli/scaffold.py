"""Writing a set of new files into a project, all of them or none.

What the files say is the business of the scaffolds beside this module.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from dataplatform.declarations.errors import UserError
from dataplatform.declarations.naming import is_identifier
from dataplatform.declarations.project import Project, open_project

OWNER = "data@example.com"


def check_name(name: str, kind: str) -> str:
    """Return a name that can be a file, an asset and a table.

    Raises:
        UserError: it cannot.
    """
    if not is_identifier(name):
        raise UserError(
            f"{name!r} cannot name a {kind}: use lower-case letters, digits and underscores, "
            "beginning with a letter."
        )
    return name


def write(project: Project, files: Mapping[Path, str]) -> list[Path]:
    """Write files and read the project again, so that what is left behind is sound.

    Args:
        project: where the files belong.
        files: path relative to the project -> content.

    Returns:
        The paths, in order.

    Raises:
        UserError: a file exists already, or the project would not load with the new files; nothing
            is left behind.
    """
    for path in files:
        if (project.root / path).exists():
            raise UserError(f"{path} exists already: nothing was written.")
    written: list[Path] = []
    folders: list[Path] = []
    try:
        for path, content in files.items():
            target = project.root / path
            folders += [one for one in target.parents if not one.exists()]
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("x", encoding="utf-8") as handle:
                written.append(target)
                handle.write(content)
        open_project(project.root).check()
    except BaseException:
        for target in written:
            target.unlink(missing_ok=True)
        for folder in sorted(set(folders), key=lambda one: -len(one.parts)):
            folder.rmdir()
        raise
    return list(files)
