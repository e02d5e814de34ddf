"""What Google's client raises, as a sentence with its remedy.

What may pass by itself was tried again before it came here (``bigquery_jobs``). Errors
of the SQL itself are not here: they are passed on as they are.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from dataplatform.declarations.errors import UserError

_Sentence = Callable[[Mapping[str, Any]], str]

#: The role that gives each permission, for what is refused most.
_ROLES = {
    "bigquery.jobs.create": "roles/bigquery.jobUser",
    "bigquery.datasets.create": "roles/bigquery.dataEditor",
    "bigquery.tables.create": "roles/bigquery.dataEditor",
    "bigquery.tables.updateData": "roles/bigquery.dataEditor",
    "bigquery.tables.update": "roles/bigquery.dataEditor",
    "bigquery.tables.delete": "roles/bigquery.dataEditor",
    "bigquery.tables.getData": "roles/bigquery.dataViewer",
    "bigquery.tables.get": "roles/bigquery.dataViewer",
    "bigquery.readsessions.create": "roles/bigquery.readSessionUser",
}
_PERMISSION = re.compile(r"\bbigquery\.[a-z]+\.[A-Za-z]+\b")
_DATASET = re.compile(r"Dataset (?:[\w-]+:)?(\w+)")


def _refused(said: Mapping[str, Any]) -> str:
    found = _PERMISSION.search(said["told"])
    role = _ROLES.get(found[0]) if found else None
    if role is None:
        return (
            f"does not let us do this: {said['told']} A role is missing "
            "(`dataplatform env validate` says which)."
        )
    return f"does not give us {found[0] if found else ''}: grant {role}. ({said['told']})"


def _unknown_dataset(said: Mapping[str, Any]) -> str:
    found = _DATASET.search(said["told"])
    name = f"dataset {found[1]!r}" if found else "such dataset"
    return f"has no {name} in {said['location']}: it was never made, or lies in another location."


def _opened_by(said: Mapping[str, Any]) -> str:
    if said.get("impersonate"):
        return "the account that is to impersonate"
    if said.get("token"):
        return "the token"
    return f"the key file {said['key_file']}" if said.get("key_file") else "the credentials"


def _expired(said: Mapping[str, Any]) -> str:
    if said.get("token"):
        return "refuses the token: it has expired or was withdrawn; fetch a new one."
    return (
        f"refuses {_opened_by(said)}: the key was deleted, its account disabled, or this machine's "
        "clock is wrong."
    )


def _above_the_limit(said: Mapping[str, Any]) -> str:
    return (
        f"refused a query before it cost anything: {said['told']} Read fewer columns or "
        "partitions, or raise maximum_bytes_billed."
    )


def _unreachable(said: Mapping[str, Any]) -> str:
    return f"cannot be reached: {said['told']}"


_QUOTA: _Sentence = lambda s: (  # noqa: E731 - a table of sentences
    f"has used up a quota: {s['told']} Wait for the next period, or ask for more."
)

_BY_REASON: dict[str, _Sentence] = {
    "accessDenied": _refused,
    "accessNotConfigured": lambda s: (
        f"has the BigQuery API switched off: `gcloud services enable bigquery.googleapis.com "
        f"--project {s['project']}`."
    ),
    "billingNotEnabled": lambda s: (
        "has no billing account: link one, because its sandbox takes no changes of rows."
    ),
    "blocked": lambda s: f"is blocked by Google: {s['told']}",
    "bytesBilledLimitExceeded": _above_the_limit,
    "quotaExceeded": _QUOTA,
    "rateLimitExceeded": lambda s: (
        f"was asked too often, and again in vain: {s['told']} Run it again with fewer threads."
    ),
    "responseTooLarge": lambda s: "has an answer too large to send: let it be written to a table.",
    "resourcesExceeded": lambda s: (
        f"has too little memory for the query: {s['told']} Aggregate or filter earlier, or take "
        "fewer rows at a time."
    ),
    "stopped": lambda s: "ended the job: somebody cancelled it, or it ran longer than it may.",
    "policyViolation": lambda s: f"is kept from this by a policy: {s['told']}",
    "tableUnavailable": lambda s: f"has a table that cannot be read now: {s['told']} Try later.",
    "backendError": _unreachable,
    "internalError": _unreachable,
    "jobBackendError": _unreachable,
    "jobInternalError": _unreachable,
}
# What a query is refused for, though its SQL is right.
_OF_QUERIES: tuple[tuple[re.Pattern[str], _Sentence], ...] = (
    (re.compile(r"limit for bytes billed", re.I), _above_the_limit),
    (
        re.compile(r"read and write in different locations", re.I),
        lambda s: (
            f"keeps these datasets in different locations: {s['told']} Make them all in "
            f"{s['location']}, which the environment names."
        ),
    ),
    (re.compile(r"Not found: Dataset", re.I), _unknown_dataset),
    (
        re.compile(r"could not serialize access|concurrent update", re.I),
        lambda s: "undid this, because somebody changed the same table meanwhile: run it again.",
    ),
    (re.compile(r"job timed out after", re.I), _BY_REASON["stopped"]),
)
# What carries no reason of its own, or one that says nothing, is told by its words.
_BY_TEXT: tuple[tuple[re.Pattern[str], _Sentence], ...] = (
    (
        re.compile(r"impersonat|getAccessToken|generateAccessToken", re.I),
        lambda s: (
            f"is not opened as {s['impersonate']}: grant the account that opens it "
            "roles/iam.serviceAccountTokenCreator on that one."
        ),
    ),
    (re.compile(r"invalid_grant|refresh the access token", re.I), _expired),
    (
        re.compile(r"location.*(not supported|does not support|invalid)", re.I),
        lambda s: f"knows no location {s['location']!r}: EU, US or a region as europe-west3.",
    ),
    (
        re.compile(
            r"project.*(not found|does not exist|has been deleted)|not found: project", re.I
        ),
        lambda s: "is not there, or is hidden from us: its name may be wrong.",
    ),
    (
        re.compile(r"provided schema does not match|error while reading data", re.I),
        lambda s: f"cannot put the file into the table: {s['told']} The table is as it was.",
    ),
    (
        re.compile(r"certificate|SSLError", re.I),
        lambda s: "answers with a certificate that is not trusted.",
    ),
)


def explained(error: Exception, settings: Mapping[str, Any]) -> UserError | None:
    """Return an error of the client as a sentence, or None where it tells of the SQL itself.

    Args:
        error: what the client, or the library that opens it, raised.
        settings: the resolved ``warehouse`` block; no secret of it is told.
    """
    said = {
        "key_file": None,
        "impersonate": None,
        "location": "its default location",
        **{name: value for name, value in settings.items() if value is not None},
        "told": first_sentence(error, settings),
    }
    sentence = _sentence_of(error)
    if sentence is None:
        return None
    return UserError(f"The BigQuery project {settings['project']!r} {sentence(said)}")


def _sentence_of(error: Exception) -> _Sentence | None:
    from google.api_core import exceptions
    from google.auth.exceptions import GoogleAuthError, TransportError
    from requests.exceptions import RequestException

    ours = (exceptions.GoogleAPIError, GoogleAuthError, RequestException, ConnectionError)
    if not isinstance(error, ours):
        return None
    cause = (error.cause if isinstance(error, exceptions.RetryError) else None) or error
    reason = _reason(cause)
    tables = _OF_QUERIES if reason == "invalidQuery" else (*_OF_QUERIES, *_BY_TEXT)
    found = next((say for words, say in tables if words.search(str(cause))), None)
    if found is not None or reason == "invalidQuery":
        return found
    if reason in _BY_REASON:
        return _BY_REASON[reason]
    by_kind: tuple[tuple[Any, _Sentence], ...] = (
        (exceptions.TooManyRequests, _BY_REASON["rateLimitExceeded"]),
        (exceptions.Unauthorized, _expired),
        (exceptions.Forbidden, _refused),
        ((exceptions.ServerError, TransportError, RequestException, ConnectionError), _unreachable),
        (GoogleAuthError, _expired),
        (exceptions.RetryError, _unreachable),
    )
    return next((say for kind, say in by_kind if isinstance(cause, kind)), None)


def _reason(error: BaseException) -> str:
    errors = getattr(error, "errors", None)
    first = errors[0] if errors else None
    return str(first.get("reason", "")) if isinstance(first, dict) else ""


def first_sentence(error: BaseException, settings: Mapping[str, Any] | None = None) -> str:
    """Return the first line of an error's text: the service adds its job's whole description.

    Args:
        error: what was raised.
        settings: a ``warehouse`` block, whose token is not told.
    """
    text = next(iter(str(getattr(error, "message", "") or error).strip().splitlines()), "")
    text = text.split("; reason: ", 1)[0] or type(error).__name__
    token = (settings or {}).get("token")
    text = text.replace(str(token), "…") if token else text
    return text if text.endswith((".", "?", ")")) else f"{text}."
