"""References in declared texts: ``${NAME}``, ``${NAME:-default}``, ``${local:service.field}``.

A reference is expanded when a value is used, never when a file is read, so that the graph loads
without secrets and with every server down. Where the values come from is the business of
``environment``, which hands its look-ups in. ``$${`` writes a literal ``${``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from dataplatform.declarations.yaml_file import YamlFile

#: What the supervisor writes down of each local server, and so what a reference may ask for.
LOCAL_FIELDS: dict[str, tuple[str, ...]] = {
    "postgres": ("host", "port", "user", "password", "database"),
    "object_store": ("endpoint", "access_key", "secret_key"),
    "crm": ("url", "client_id", "client_secret", "username", "password"),
    "community": ("url",),
    "fivetran": ("url", "api_key", "api_secret"),
    "webhooks": ("url", "secret"),
    "snowflake": ("host", "port", "user", "password"),
}

_REFERENCE = re.compile(r"\$\$\{|\$\{([^{}]*)\}")
_NAME = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?", re.DOTALL)
_LOCAL = re.compile(r"local:([A-Za-z_]+)\.([A-Za-z_]+)")


class BadReference(ValueError):
    """A text holds a reference that cannot be read."""


def expand(
    text: str,
    variable: Callable[[str, str | None], str],
    local: Callable[[str, str], str],
) -> str:
    """Return a text with its references replaced.

    Args:
        text: what the file says.
        variable: gives the value of a name; is also given the reference's default or None.
        local: gives the field of a local server.

    Raises:
        BadReference: a reference that cannot be read.
    """

    def replace(match: re.Match[str]) -> str:
        if match[1] is None:
            return "${"
        server = _LOCAL.fullmatch(match[1])
        if server:
            return local(server[1], server[2])
        name = _NAME.fullmatch(match[1])
        if not name:
            raise BadReference(f"${{{match[1]}}} is no reference: write ${{NAME}}.")
        return variable(name[1], name[2])

    return _REFERENCE.sub(replace, text)


def has_reference(text: str) -> bool:
    """Say whether a text holds a reference."""
    return any(match[1] is not None for match in _REFERENCE.finditer(text))


def check_references(file: YamlFile, local_allowed: bool | None = None) -> None:
    """Refuse references that cannot be right, whatever the environment.

    Args:
        file: a file as read.
        local_allowed: False where no local server is started, so none may be asked.

    Raises:
        DeclarationError: a reference that cannot be read, or that asks a local server for
            something it does not have.
    """
    from dataplatform.declarations.errors import nearest

    def variable(name: str, default: str | None) -> str:
        return ""

    def local(service: str, field: str) -> str:
        if service not in LOCAL_FIELDS:
            hint = nearest(service, LOCAL_FIELDS)
            raise BadReference(f"{service!r} is not a local server.{hint}")
        if field not in LOCAL_FIELDS[service]:
            hint = nearest(field, LOCAL_FIELDS[service])
            raise BadReference(f"the local server {service!r} has no {field!r}.{hint}")
        if local_allowed is False:
            raise BadReference(
                f"${{local:{service}.{field}}} needs the section 'local' in this environment."
            )
        return ""

    for loc, text in _texts(file.data, ()):
        if "${" not in text:
            continue
        try:
            expand(text, variable, local)
        except BadReference as error:
            raise file.error(loc, str(error)) from None


def _texts(
    value: object, loc: tuple[str | int, ...]
) -> Iterator[tuple[tuple[str | int, ...], str]]:
    if isinstance(value, str):
        yield loc, value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _texts(item, (*loc, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _texts(item, (*loc, index))
