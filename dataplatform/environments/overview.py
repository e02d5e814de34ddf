"""All environments of a project side by side, and how two of them differ."""

from __future__ import annotations

from dataclasses import dataclass

from dataplatform.declarations.environment import environment_name, environment_names
from dataplatform.declarations.errors import UserError
from dataplatform.declarations.project import Project
from dataplatform.environments.origins import HIDDEN, Setting, settings_of


@dataclass(frozen=True)
class Overview:
    """One environment in a line.

    Attributes:
        name: the file's stem.
        chosen: whether commands use it now.
        warehouse: its type and where it is.
        lake: where its buckets are.
        fivetran: whose account it speaks to.
        missing: the names that nobody sets.
        wrong: what is wrong with its file; empty where nothing is.
    """

    name: str
    chosen: bool
    warehouse: str = ""
    lake: str = ""
    fivetran: str = ""
    missing: tuple[str, ...] = ()
    wrong: str = ""


def overviews(project: Project) -> list[Overview]:
    """Return every environment that a project declares, by name."""
    chosen = project.chosen or environment_name(project.root)
    found = []
    for name in environment_names(project.root):
        one = Project(project.root, name)
        try:
            found.append(_overview(one, name == chosen))
        except UserError as error:
            found.append(Overview(name, name == chosen, wrong=str(error)))
    return found


def _overview(project: Project, chosen: bool) -> Overview:
    settings = {one.key: one for one in settings_of(project)}
    missing = [name for one in settings.values() for name in one.missing]

    def of(*keys: str) -> str:
        told = (settings[key] for key in keys if key in settings)
        return next((_short(one) for one in told), "")

    local = project.environment.local
    place = of("warehouse.path", "warehouse.account", "warehouse.project", "warehouse.files.url")
    kind = project.environment.warehouse.type
    return Overview(
        project.environment.name,
        chosen,
        f"{kind} {place}".strip(),
        "this machine" if local and local.object_store else of("lake.endpoint") or "Amazon S3",
        "this machine" if local and local.fivetran else of("fivetran.api_url"),
        tuple(dict.fromkeys(missing)),
    )


def _short(one: Setting) -> str:
    return one.value or ""


@dataclass(frozen=True)
class Difference:
    """A setting that two environments do not share; a secret's values are never told.

    Attributes:
        key: the setting.
        first: what the first says, or None where it does not have it.
        second: what the second says.
        note: what is known of two secrets: "different", "same value", or "not known".
    """

    key: str
    first: str | None
    second: str | None
    note: str = ""


def differences(first: Project, second: Project) -> list[Difference]:
    """Return the settings in which two environments differ, by key.

    Secrets that are written differently are compared by value where both can be read here.

    Raises:
        UserError: one of the files is wrong.
    """
    one = {setting.key: setting for setting in settings_of(first)}
    two = {setting.key: setting for setting in settings_of(second)}
    found = []
    for key in dict.fromkeys([*one, *two]):
        left, right = one.get(key), two.get(key)
        secret = any(side is not None and side.secret for side in (left, right))
        if left and right and not secret:
            same = (left.value or left.written) == (right.value or right.written)
            if same:
                continue
        if left and right and secret:
            note = _compared(first, second, key)
            if note == "same":
                continue
            found.append(Difference(key, HIDDEN, HIDDEN, note))
            continue
        found.append(Difference(key, _told(left), _told(right)))
    return found


def _told(one: Setting | None) -> str | None:
    if one is None:
        return None
    return HIDDEN if one.secret else one.value if one.value is not None else one.written


def _compared(first: Project, second: Project, key: str) -> str:
    texts = [_raw(project, key) for project in (first, second)]
    if texts[0] == texts[1] and _same_names(first, second):
        return "same"
    try:
        values = [
            project.environment.resolve(text)
            for project, text in zip((first, second), texts, strict=True)
        ]
    except UserError:
        return "not known: one of them cannot be read here"
    return "same" if values[0] == values[1] else "different"


def _same_names(first: Project, second: Project) -> bool:
    sections = [(one.environment.variables, one.environment.secrets) for one in (first, second)]
    return first.root == second.root and sections[0] == sections[1]


def _raw(project: Project, key: str) -> str:
    value: object = project.environment.model_dump(by_alias=True)
    for part in key.split("."):
        value = value[int(part)] if isinstance(value, list) else value[part]  # type: ignore[index]
    return str(value)
