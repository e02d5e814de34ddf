"""Environments: the addresses and secrets that differ between a laptop and production.

``config/environments/<name>.yml``, chosen by DATAPLATFORM_ENV. This module alone reads the
process environment. Values stay raw until ``resolve`` is asked, so an environment loads without
credentials and with nothing running. Who uses an address is the business of ``resources``.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, PrivateAttr

from dataplatform.declarations.dot_env import FILE as DOT_ENV
from dataplatform.declarations.dot_env import line_in_dot_env, read_dot_env
from dataplatform.declarations.environment_checks import check, early
from dataplatform.declarations.environment_model import EnvironmentFile
from dataplatform.declarations.errors import DeclarationError, UserError, nearest
from dataplatform.declarations.local_services import local_field
from dataplatform.declarations.references import BadReference, expand
from dataplatform.declarations.secrets import SecretReference
from dataplatform.declarations.strict import validate
from dataplatform.declarations.yaml_file import read_yaml, shown

ENVIRONMENT_VARIABLE = "DATAPLATFORM_ENV"
PROJECT_VARIABLE = "DATAPLATFORM_PROJECT"
RECORDS_VARIABLE = "DATAPLATFORM_RECORDS"
DEFAULT_ENVIRONMENT = "local"
#: ``${PROJECT_ROOT}`` is always the project's folder.
ROOT_REFERENCE = "PROJECT_ROOT"


class Environment(EnvironmentFile):
    """One environment; texts are raw, ``resolve`` expands them at the time of use."""

    _name: str = PrivateAttr(default="")
    _root: Path = PrivateAttr(default=Path())
    _file: Path = PrivateAttr(default=Path())

    @property
    def name(self) -> str:
        """The file's stem."""
        return self._name

    @property
    def file(self) -> Path:
        """The file, relative to the project."""
        return self._file

    def resolve(self, text: str) -> str:
        """Return a declared text with its references expanded.

        Args:
            text: what a declared file says, such as ``${PRODUCTION_DB_HOST}``.

        Raises:
            UserError: a name that nobody sets, or local servers that are not running.
        """
        return self._expand(text, ())

    def resolve_all(self, value: Any) -> Any:
        """Return a value of any shape with every text in it resolved; a model becomes its dict.

        A setting called ``port`` that resolves to digits becomes a number, as Fivetran wants it.
        """
        if isinstance(value, BaseModel):
            value = value.model_dump(by_alias=True)
        if isinstance(value, str):
            return self.resolve(value)
        if isinstance(value, Mapping):
            found = {key: self.resolve_all(item) for key, item in value.items()}
            if isinstance(found.get("port"), str) and found["port"].isdigit():
                found["port"] = int(found["port"])
            return found
        if isinstance(value, list | tuple):
            return [self.resolve_all(item) for item in value]
        return value

    def _expand(self, text: str, within: tuple[str, ...]) -> str:
        def variable(name: str, default: str | None) -> str:
            # A variable may pass on the process environment's value of its own name.
            if name in self.variables and name not in within:
                return self._expand(self.variables[name], (*within, name))
            if name == ROOT_REFERENCE:
                return str(self._root)
            found = setting(name, self._root)
            if found is None:
                found = default
            if found is None:
                raise self._missing(name, within)
            return found

        try:
            return expand(text, variable, self._local, self._secret)
        except BadReference as error:
            raise UserError(str(error)) from None

    def _secret(self, reference: SecretReference) -> str:
        from dataplatform.secret_stores import SecretError, read_secret

        declared = getattr(self.secrets, reference.store, None)
        settings = self.resolve_all(declared) if declared is not None else {}
        try:
            return read_secret(reference, settings, self.secrets.cache_seconds, self._root)
        except SecretError as error:
            place = _where_written(str(reference), self._root, self._file)
            if place is None:
                raise
            raise DeclarationError(*place, str(error)) from None

    def _local(self, server: str, field: str) -> str:
        # A made environment has no servers of its own: it shares those of what it was made from.
        state = self.made.state if self.made else self.state
        return local_field(self._root / state, server, field)

    def _missing(self, name: str, within: tuple[str, ...]) -> UserError:
        known = set(self.variables) | set(os.environ) | set(read_dot_env(self._root))
        if name in within[:-1]:
            circle = " → ".join([*within[within.index(name) :], name])
            message = f"Variables refer to one another in a circle: {circle}."
        else:
            message = (
                f"{name} is not set, neither in the environment nor under 'variables' in "
                f"{self._file}.{nearest(name, known - {name})}"
            )
        place = _where_written(f"${{{name}", self._root, self._file, ends="[}:]")
        return DeclarationError(*place, message) if place else UserError(message)


def environment_name(root: Path) -> str:
    """Return the name of the environment that is chosen for a project."""
    return setting(ENVIRONMENT_VARIABLE, root) or DEFAULT_ENVIRONMENT


def project_folder() -> Path | None:
    """Return the project that the process environment chooses, or None."""
    folder = os.environ.get(PROJECT_VARIABLE)
    return Path(folder) if folder else None


def deployed_home() -> Path | None:
    """Return the Dagster home of the deployment this process is part of, or None on a laptop.

    Raises:
        UserError: DATAPLATFORM_RECORDS says neither, or a deployment names no home.
    """
    where = os.environ.get(RECORDS_VARIABLE) or "project"
    if where not in ("project", "deployed"):
        known = nearest(where, ("project", "deployed"))
        raise UserError(f"{RECORDS_VARIABLE} is {where!r}; it is 'project' or 'deployed'.{known}")
    if where == "project":
        return None
    home = os.environ.get("DAGSTER_HOME")
    if not home or not (Path(home) / "dagster.yaml").is_file():
        raise UserError(
            f"{RECORDS_VARIABLE} is 'deployed', but DAGSTER_HOME names no folder with a "
            "dagster.yaml."
        )
    return Path(home)


def setting(name: str, root: Path) -> str | None:
    """Return a value of the process environment, else of the project's ``.env``, else None."""
    return os.environ.get(name) or read_dot_env(root).get(name)


def process_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return what a child process is given: this process' variables and some more."""
    return {**os.environ, **(extra or {})}


def setting_origin(name: str, root: Path) -> str | None:
    """Return where ``setting`` takes a name from, in words, or None where nobody sets it."""
    if os.environ.get(name):
        return "process environment"
    line = line_in_dot_env(root, name)
    return f"{DOT_ENV}:{line}" if line else None


def export(variables: Mapping[str, str]) -> None:
    """Set variables of this process, for a library that reads its settings from nowhere else."""
    os.environ.update(variables)


def environment_names(root: Path) -> list[str]:
    """Return the environments that a project declares."""
    return sorted(path.stem for path in (root / "config" / "environments").glob("*.yml"))


def load_environment(root: Path, name: str | None = None) -> Environment:
    """Read an environment.

    Args:
        root: the project's root.
        name: the file's stem; DATAPLATFORM_ENV chooses without it.

    Raises:
        UserError: there is no such environment.
        DeclarationError: something in its file is wrong.
    """
    name = name or environment_name(root)
    names = environment_names(root)
    if name not in names:
        listed = ", ".join(names) or "none"
        raise UserError(
            f"{name!r} is not an environment: config/environments has {listed}."
            f"{nearest(name, names)}"
        )
    path = root / "config" / "environments" / f"{name}.yml"
    file = read_yaml(path, root)
    data = dict(file.data)
    variables = data.get("variables")
    declared = variables if isinstance(variables, dict) else {}
    known = {**declared, **read_dot_env(root), **{k: v for k, v in os.environ.items() if v}}
    # These two hold numbers and never secrets, so they are expanded before they are checked.
    for section in ("demo", "local"):
        if section in data:
            data[section] = early(file, (section,), data[section], known)
    environment = validate(Environment, file, "an environment", data)
    check(file, environment)
    environment._name, environment._root, environment._file = name, root, file.path
    return environment


def _where_written(
    reference: str, root: Path, environment_file: Path, ends: str = ""
) -> tuple[Path, int] | None:
    """Find the line of a reference: in the chosen environment first, then in other files."""
    config = root / "config"
    others = sorted(path for path in config.rglob("*.yml") if path.parent.name != "environments")
    for path in [root / environment_file, *others]:
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except OSError:
            continue
        for number, line in enumerate(lines, start=1):
            if re.search(re.escape(reference) + ends, line):
                return shown(path, root), number
    return None
