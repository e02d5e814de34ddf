"""References in declared texts: ``${NAME}``, ``${NAME:-default}``, ``${local:service.field}``.

Secrets that lie elsewhere (``${vault:path#key}`` and its like) are described in ``secrets``.

A reference is expanded when a value is used, never when a file is read, so that the graph loads
without secrets and with every server down. Where the values come from is the business of
``environment``, which hands its look-ups in. ``$${`` writes a literal ``${``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator

from dataplatform.declarations.secrets import SecretReference, read_reference
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
    "bigquery": ("url", "project", "key_file", "token"),
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
    secret: Callable[[SecretReference], str],
) -> str:
    """Return a text with its references replaced.

    Args:
        text: what the file says.
        variable: gives the value of a name; is also given the reference's default or None.
        local: gives the field of a local server.
        secret: gives a secret that lies elsewhere.

    Raises:
        BadReference: a reference that cannot be read.
    """

    def replace(match: re.Match[str]) -> str:
        if match[1] is None:
            return "${"
        server = _LOCAL.fullmatch(match[1])
        if server:
            return local(server[1], server[2])
        try:
            elsewhere = read_reference(match[1])
        except ValueError as error:
            raise BadReference(str(error)) from None
        if elsewhere:
            return secret(elsewhere)
        name = _NAME.fullmatch(match[1])
        if not name:
            raise BadReference(f"${{{match[1]}}} is no reference: write ${{NAME}}.")
        return variable(name[1], name[2])

    return _REFERENCE.sub(replace, text)


def has_reference(text: str) -> bool:
    """Say whether a text holds a reference."""
    return any(match[1] is not None for match in _REFERENCE.finditer(text))


def check_references(
    file: YamlFile, local_allowed: bool | None = None, stores: Collection[str] | None = None
) -> None:
    """Refuse references that cannot be right, whatever the environment.

    Args:
        file: a file as read.
        local_allowed: False where no local server is started, so none may be asked.
        stores: the stores of secrets that may be asked; None where that is not known.

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

    def secret(reference: SecretReference) -> str:
        if stores is not None and reference.store not in stores:
            raise BadReference(
                f"{reference} needs '{reference.store}' under 'secrets' in this environment."
            )
        if within == "secrets" and reference.store != "file":
            raise BadReference("what opens a store of secrets cannot itself lie in one.")
        return ""

    for loc, text in _texts(file.data, ()):
        if "${" not in text:
            continue
        within = loc[0]
        try:
            expand(text, variable, local, secret)
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
