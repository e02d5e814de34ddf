"""What is looked at when an environment file is read, beyond the shape of its sections.

What each section may say is the business of ``environment_model``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dataplatform.declarations.environment_model import EnvironmentFile, SnowflakeWarehouse
from dataplatform.declarations.errors import nearest
from dataplatform.declarations.references import BadReference, check_references, expand
from dataplatform.declarations.secrets import STORES, SecretReference
from dataplatform.declarations.yaml_file import YamlFile

_WAYS_IN = ("password", "private_key_path", "token")


def check(file: YamlFile, environment: EnvironmentFile) -> None:
    """Refuse references that cannot be right, and settings that do not go together.

    Raises:
        DeclarationError: the first thing that is wrong, by its line.
    """
    stores = [*STORES] if environment.secrets.vault else [one for one in STORES if one != "vault"]
    local = environment.local is not None or environment.made is not None
    check_references(file, local_allowed=local, stores=stores)
    _check_vault(file, environment)
    if isinstance(environment.warehouse, SnowflakeWarehouse):
        _check_snowflake(file, environment.warehouse)


def early(file: YamlFile, loc: tuple[str | int, ...], value: Any, known: Mapping[str, Any]) -> Any:
    """Return a section of numbers with its references expanded before it is checked.

    Args:
        file: where it is written.
        loc: the section's place in it.
        value: what it says.
        known: the variables that are set.

    Raises:
        DeclarationError: a variable is not set, or a reference is of a kind that comes later.
    """
    if isinstance(value, dict):
        return {key: early(file, (*loc, key), one, known) for key, one in value.items()}
    if not isinstance(value, str) or "${" not in value:
        return value

    def variable(name: str, default: str | None) -> str:
        found = known.get(name, default)
        if found is None:
            raise file.error(loc, f"{name} is not set in the environment.{nearest(name, known)}")
        return str(found)

    def local(service: str, field: str) -> str:
        raise BadReference(f"{loc[0]!r} cannot refer to a local server.")

    def secret(reference: SecretReference) -> str:
        raise BadReference(f"{loc[0]!r} cannot refer to a secret.")

    try:
        text = expand(value, variable, local, secret)
    except BadReference as error:
        raise file.error(loc, str(error)) from None
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _check_snowflake(file: YamlFile, warehouse: SnowflakeWarehouse) -> None:
    if sum(getattr(warehouse, name) is not None for name in _WAYS_IN) != 1:
        raise file.error(
            ("warehouse",),
            "a Snowflake warehouse has one of 'password', 'private_key_path' and 'token'.",
        )


def _check_vault(file: YamlFile, environment: EnvironmentFile) -> None:
    vault = environment.secrets.vault
    if vault is None:
        return
    if (vault.role_id is None) != (vault.secret_id is None):
        raise file.error(("secrets", "vault"), "an AppRole has both 'role_id' and 'secret_id'.")
    if (vault.token is None) == (vault.role_id is None):
        raise file.error(("secrets", "vault"), "a vault has either 'token' or 'role_id'.")
