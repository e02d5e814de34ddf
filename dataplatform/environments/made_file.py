"""The file of a made environment: written from its base's, found again, removed.

It lies with the declared ones, because what reads environments looks in one place; its name and
.gitignore keep it from being committed. What is made for it is ``made``'s business.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dataplatform.declarations.environment import environment_names, load_environment
from dataplatform.declarations.errors import UserError, nearest
from dataplatform.declarations.made import NAME, Made

if TYPE_CHECKING:
    from dataplatform.declarations.project import Project

_HEADER = """\
# Made by `dataplatform env create {name}`; `dataplatform env drop {name}` removes it with what it
# made. Chosen by DATAPLATFORM_ENV={name}.
"""


def file_of(root: Path, name: str) -> Path:
    """Return where the file of an environment lies."""
    return root / "config" / "environments" / f"{name}.yml"


def write(base: Project, name: str, made: Made, warehouse: Mapping[str, Any]) -> Path:
    """Write the file of a made environment: its base's, with what differs.

    Args:
        base: the project with the environment that it is made from.
        name: of the new one.
        made: how it is made.
        warehouse: the settings of its warehouse that differ from the base's.
    """
    from ruamel.yaml import YAML

    yaml = YAML()
    source = file_of(base.root, base.environment.name)
    declared: dict[str, Any] = yaml.load(source.read_text(encoding="utf-8"))
    declared.pop("local", None)
    for key, value in warehouse.items():
        # Of a section, such as a catalog, only what differs is given.
        if isinstance(value, Mapping) and key in declared["warehouse"]:
            declared["warehouse"][key].update(value)
        else:
            declared["warehouse"][key] = value
    declared["state"] = state_of(name)
    declared["made"] = made.model_dump(by_alias=True, mode="json")
    file = file_of(base.root, name)
    draft = file.with_name(f".{name}.{os.getpid()}")
    with draft.open("w", encoding="utf-8") as stream:
        stream.write(_HEADER.format(name=name))
        yaml.dump(declared, stream)
    draft.replace(file)
    return file


def state_of(name: str) -> str:
    """Return the state folder of a made environment."""
    return f".dataplatform/{name}"


def made_environments(root: Path) -> dict[str, Made]:
    """Return every made environment of a project, by name."""
    found = {}
    for name in environment_names(root):
        if NAME.fullmatch(name):
            made = load_environment(root, name).made
            if made is not None:
                found[name] = made
    return found


def made_environment(root: Path, name: str) -> Made:
    """Return how an environment was made.

    Raises:
        UserError: it was not made, or there is none of this name.
    """
    known = made_environments(root)
    if name in known:
        return known[name]
    if name in environment_names(root):
        raise UserError(f"{name} was not made by `dataplatform env create`: it is declared.")
    raise UserError(f"No environment {name!r} was made.{nearest(name, known)}")
