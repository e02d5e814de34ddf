"""Secrets kept elsewhere: how a reference to one is written, and where each kind of store is.

``${vault:path#key}``, ``${aws:name#key}``, ``${gcp:projects/p/secrets/s#key}``, ``${file:path}``.
Nothing is read here: that is the business of ``secret_stores``, at the time of use.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from dataplatform.declarations.errors import nearest
from dataplatform.declarations.strict import Strict

_GCP = re.compile(r"projects/[^/]+/secrets/[^/]+(/versions/[^/]+)?")
_SHAPES: dict[str, tuple[Callable[[str, str | None], bool], str]] = {
    "vault": (lambda path, key: "/" in path.strip("/") and bool(key), "${vault:mount/path#key}"),
    "aws": (lambda path, key: bool(path), "${aws:name#key}"),
    "gcp": (
        lambda path, key: bool(_GCP.fullmatch(path)),
        "${gcp:projects/PROJECT/secrets/NAME#key}",
    ),
    "file": (lambda path, key: bool(path), "${file:path}"),
}
STORES = tuple(_SHAPES)
_REFERENCE = re.compile(r"([a-z]+):([^#]*)(?:#(.*))?", re.DOTALL)

# An incoming webhook's address lets anybody who knows it post: it is a secret too.
_SECRET_NAME = re.compile(
    r"password|passphrase|passwd|secret|token|private_key|api_key|access_key|credential"
    r"|notifications_webhook_url|^webhook_url$"
)
_PLACE_OF_SECRET = re.compile(r"(_path|_file|_uri|_seconds)$")
_LOGIN_IN_URL = re.compile(r"://[^/\s:@]*:[^/\s@]+@")


@dataclass(frozen=True)
class SecretReference:
    """Where one secret lies.

    Attributes:
        store: one of ``STORES``.
        path: the secret's name in the store.
        key: which value of a secret that holds several; None takes the whole text.
    """

    store: str
    path: str
    key: str | None

    def __str__(self) -> str:
        """Return the reference as it is written."""
        key = f"#{self.key}" if self.key else ""
        return f"${{{self.store}:{self.path}{key}}}"


class VaultStore(Strict):
    """A HashiCorp Vault or an OpenBao, opened by a token or by an AppRole."""

    address: str
    token: str | None = None
    role_id: str | None = None
    secret_id: str | None = None
    #: Where the AppRole log-in is mounted.
    approle: str = "approle"
    namespace: str | None = None


class AwsStore(Strict):
    """AWS Secrets Manager; without keys it is opened as boto3 finds them by itself."""

    region: str | None = None
    endpoint: str | None = None
    access_key: str | None = None
    secret_key: str | None = None


class GoogleStore(Strict):
    """Google's Secret Manager; without a key file it is opened by application defaults."""

    credentials_file: str | None = None
    endpoint: str = "https://secretmanager.googleapis.com"


class Secrets(Strict):
    """Where secrets lie, and how long one is kept in memory before it is asked for again."""

    vault: VaultStore | None = None
    aws: AwsStore = AwsStore()
    gcp: GoogleStore = GoogleStore()
    cache_seconds: Annotated[float, Field(ge=0)] = 300.0


def read_reference(text: str) -> SecretReference | None:
    """Return what is between the braces as a reference to a secret, or None if it is another kind.

    Raises:
        ValueError: it begins like one but cannot be read; the text says why.
    """
    found = _REFERENCE.fullmatch(text)
    if not found or (found[2] or "").startswith("-"):
        return None
    store, path, key = found[1], found[2], found[3]
    if store not in _SHAPES:
        if store == "local":
            return None
        raise ValueError(
            f"{store!r} keeps no secrets: there are {', '.join(STORES)}.{nearest(store, STORES)}"
        )
    right, form = _SHAPES[store]
    if key == "" or not right(path, key):
        raise ValueError(f"${{{text}}} is no reference to a secret: write {form}.")
    return SecretReference(store, path, key)


def is_secret_name(names: Sequence[str], text: str) -> bool:
    """Say whether a setting's value is never to be shown, by its name or by what it holds.

    Args:
        names: the setting's place, outermost first, as ``("warehouse", "password")``.
        text: what is written, raw.
    """
    words = names[-1].lower()
    if _PLACE_OF_SECRET.search(words):
        return False
    return bool(_SECRET_NAME.search(words) or _LOGIN_IN_URL.search(text))
