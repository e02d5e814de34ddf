"""What a store gives: a secret as a whole, and the ways in which reading one goes wrong."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from dataplatform.declarations.errors import UserError, nearest


class SecretError(UserError):
    """A secret could not be read; the text names the reference and never a value."""


class StoreSilent(SecretError):
    """The store did not answer: the secret itself may well be as it was."""


@dataclass(frozen=True)
class Stored:
    """One secret as its store gave it.

    Attributes:
        values: what it holds, by key; or its text, under the key "".
        seconds: how long the store says that it may be kept; None where it says nothing.
    """

    values: Mapping[str, str] = field(repr=False)
    seconds: float | None = None

    def value(self, key: str | None, what: str) -> str:
        """Return the value of a key, or the whole text.

        Args:
            key: which value; None takes the whole text.
            what: the secret, as messages name it.

        Raises:
            SecretError: the secret has no such key, or has keys where none was asked for.
        """
        if key is None:
            if "" not in self.values:
                raise SecretError(f"{what} holds several values: write #KEY after its name.")
            return self.values[""]
        if key not in self.values:
            names = [name for name in self.values if name]
            if not names:
                raise SecretError(f"{what} is no JSON object, so it has no key {key!r}.")
            raise SecretError(f"{what} has no key {key!r}.{nearest(key, names)}")
        return self.values[key]


class Store(Protocol):
    """One place where secrets lie."""

    def read(self, path: str) -> Stored:
        """Read one secret.

        Raises:
            SecretError: it is not there, or may not be read.
            StoreSilent: the store does not answer.
        """
        ...


def from_text(text: str) -> dict[str, str]:
    """Return a text as values: itself under "", and the members of a JSON object by name."""
    values = {"": text}
    try:
        found = json.loads(text)
    except ValueError:
        return values
    if isinstance(found, dict):
        values |= {str(key): as_text(value) for key, value in found.items()}
    return values


def as_text(value: object) -> str:
    """Return a member of a JSON object as the text that a setting takes."""
    return value if isinstance(value, str) else json.dumps(value)
