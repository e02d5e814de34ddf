"""Where each setting of an environment comes from, and what it comes to.

A secret is named and never shown; one that lies in a store is not even read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from dataplatform.declarations.environment import ROOT_REFERENCE, Environment, setting_origin
from dataplatform.declarations.errors import UserError
from dataplatform.declarations.project import Project
from dataplatform.declarations.references import expand
from dataplatform.declarations.secrets import SecretReference, is_secret_name
from dataplatform.declarations.yaml_file import YamlFile, read_yaml

HIDDEN = "******"

Loc = tuple[str | int, ...]


@dataclass(frozen=True)
class Setting:
    """One setting of an environment.

    Attributes:
        key: its place, as ``warehouse.account``.
        written: what the file (or the default) says, raw.
        value: what it comes to as text, ``******`` for a secret; None where it cannot be told.
        origin: where that comes from, in words.
        secret: whether its value is never to be shown.
        missing: the names that it refers to and nobody sets.
    """

    key: str
    written: str
    value: str | None
    origin: str
    secret: bool
    missing: tuple[str, ...] = ()


def settings_of(project: Project) -> list[Setting]:
    """Return every setting of a project's environment, its defaults included, in the file's order.

    Raises:
        UserError: the environment's file is wrong.
    """
    environment = project.environment
    file = read_yaml(project.root / environment.file, project.root)
    leaves = list(_leaves(environment.model_dump(by_alias=True), ()))
    found = [_setting(project, file, loc, value) for loc, value in leaves]
    order = {one.key: file.line(loc) for one, (loc, _) in zip(found, leaves, strict=True)}
    # What the file says comes as it says it; defaults follow their section.
    sections = {key: line or 10**6 for key, line in order.items()}
    return sorted(found, key=lambda one: (_section(one, sections), sections[one.key]))


def _section(one: Setting, lines: Mapping[str, int]) -> int:
    section = one.key.split(".")[0]
    return min(line for key, line in lines.items() if key.split(".")[0] == section)


def _leaves(value: Any, loc: Loc) -> Iterator[tuple[Loc, Any]]:
    if isinstance(value, BaseModel):
        value = value.model_dump(by_alias=True)
    if isinstance(value, Mapping) and value:
        for key, item in value.items():
            yield from _leaves(item, (*loc, key))
    elif isinstance(value, list | tuple) and value:
        for index, item in enumerate(value):
            yield from _leaves(item, (*loc, index))
    elif value is not None and value != {} and value != []:
        yield loc, value


def _setting(project: Project, file: YamlFile, loc: Loc, value: Any) -> Setting:
    environment = project.environment
    written = str(value)
    parts = _Parts(project)
    if isinstance(value, str) and "${" in value:
        parts.follow(value)
    secret = parts.secret or is_secret_name([str(part) for part in loc], written)
    place = f"{file.path}:{file.line(loc)}" if _is_written(file, loc) else "default"
    origin = ", ".join([place, *dict.fromkeys(parts.found)])
    shown: str | None = written
    if secret:
        # An empty secret is told as what it is: none.
        shown = None if parts.missing else HIDDEN if not parts.is_empty(value) else ""
    elif isinstance(value, str) and "${" in value:
        try:
            shown = environment.resolve(value)
        except UserError:
            shown = None
    plain = HIDDEN if secret and "${" not in written else written
    return Setting(
        ".".join(map(str, loc)), plain, shown, origin, secret, tuple(dict.fromkeys(parts.missing))
    )


def _is_written(file: YamlFile, loc: Loc) -> bool:
    places = file.places[1]
    for part in loc:
        if places is None or part not in places:
            return False
        places = places[part][1]
    return True


class _Parts:
    """Follows a text's references down to where each value really comes from."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.environment: Environment = project.environment
        self.found: list[str] = []
        self.missing: list[str] = []
        self.secret = False

    def follow(self, text: str, within: tuple[str, ...] = ()) -> None:
        def variable(name: str, default: str | None) -> str:
            if is_secret_name([name], ""):
                self.secret = True
            if name in self.environment.variables and name not in within:
                self.found.append(f"variables.{name}")
                self.follow(self.environment.variables[name], (*within, name))
            elif name == ROOT_REFERENCE:
                self.found.append("the project's folder")
            elif origin := setting_origin(name, self.project.root):
                self.found.append(f"{name} from {origin}")
            elif default is not None:
                self.found.append(f"{name} is not set: its default")
            else:
                self.found.append(f"{name} is not set")
                self.missing.append(name)
            return ""

        def local(server: str, field: str) -> str:
            self.found.append(f"the local server {server}")
            self.secret |= is_secret_name([field], "")
            return ""

        def secret(reference: SecretReference) -> str:
            self.secret = True
            self.found.append(f"{reference.store} secret {reference.path}")
            return ""

        expand(text, variable, local, secret)

    def is_empty(self, value: Any) -> bool:
        """Say whether a secret comes to nothing; what lies in a store is taken to be there."""
        if not isinstance(value, str):
            return False
        if any(" secret " in origin or "local server" in origin for origin in self.found):
            return False
        try:
            return not self.environment.resolve(value)
        except UserError:
            return False
