"""What Snowflake's connector raises, as a sentence with its remedy, and what is worth another try.

Errors of the SQL itself are not here: they are passed on as they are.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from dataplatform.declarations.errors import UserError

#: The session or the network went away; a new session may well work.
DROPPED = frozenset(
    {390111, 390112, 390114, 250002, 250003, 250005, 250006, 253003, 290503, 290504}
)
_GONE = re.compile(r"connection (?!string)|timed? ?out|broken pipe", re.I)
_Sentence = Callable[[Mapping[str, Any]], str]

_BY_NUMBER: dict[int, _Sentence] = {
    390100: lambda s: f"refuses {s['user']!r}: the user or the password is wrong.",
    390101: lambda s: f"refuses {s['user']!r}: the user or the password is wrong.",
    390102: lambda s: (
        f"has locked the user {s['user']!r}: wait 15 minutes or ask an administrator."
    ),
    390144: lambda s: (
        f"refuses the key of {s['user']!r}: set the public key that belongs to "
        f"{s.get('private_key_path')} with ALTER USER … SET RSA_PUBLIC_KEY."
    ),
    390303: lambda s: "refuses the OAuth token: it is not one of this account's.",
    390318: lambda s: "refuses the OAuth token: it has expired; fetch a new one.",
    390189: lambda s: (
        f"does not let {s['user']!r} be {s['role']}: GRANT ROLE {s['role']} TO USER {s['user']}."
    ),
    390201: lambda s: f"has no database {s['database']!r} that {s['role']} may use.",
    390422: lambda s: "refuses this machine's address: its network policy must allow it.",
    390913: lambda s: "is suspended: the trial or the contract has ended.",
    606: lambda s: (
        f"has no warehouse {s['warehouse']!r} that {s['role']} may use: "
        f"GRANT USAGE ON WAREHOUSE {s['warehouse']} TO ROLE {s['role']}."
    ),
    3001: lambda s: (
        f"does not let {s['role']} do this: {s['told']} A GRANT is missing "
        "(`dataplatform env validate` says which)."
    ),
    604: lambda s: "ended the statement: it was cancelled or ran longer than the account allows.",
    630: lambda s: "ended the statement: it ran longer than STATEMENT_TIMEOUT_IN_SECONDS allows.",
    625: lambda s: "waited in vain for another transaction's lock on the table: try again later.",
    90073: lambda s: (
        f"cannot resume the warehouse {s['warehouse']}: its resource monitor's quota is used up; "
        "raise the quota or wait for the next period."
    ),
    90109: lambda s: (
        f"has the warehouse {s['warehouse']} suspended and may not resume it: GRANT OPERATE ON "
        f"WAREHOUSE {s['warehouse']} TO ROLE {s['role']}, or set AUTO_RESUME = TRUE."
    ),
    100038: lambda s: f"cannot read a value of the file: {s['told']}",
    253006: lambda s: "could not send the file to its stage: the network or the disk gave out.",
}
# A log-in that is refused carries one number whatever the reason, so its words must tell.
_BY_TEXT: tuple[tuple[re.Pattern[str], _Sentence], ...] = (
    (re.compile(r"incorrect username or password", re.I), _BY_NUMBER[390100]),
    (re.compile(r"temporarily locked", re.I), _BY_NUMBER[390102]),
    (re.compile(r"JWT token is invalid", re.I), _BY_NUMBER[390144]),
    (re.compile(r"OAuth access token expired", re.I), _BY_NUMBER[390318]),
    (re.compile(r"invalid OAuth access token", re.I), _BY_NUMBER[390303]),
    (re.compile(r"role .* is not granted", re.I | re.S), _BY_NUMBER[390189]),
    (re.compile(r"is not allowed to access", re.I), _BY_NUMBER[390422]),
    (
        re.compile(r"HTTP 404|Name or service not known|getaddrinfo|nodename nor servname", re.I),
        lambda s: (
            "is not known: the account's name or its region is wrong (ORGANIZATION-ACCOUNT, or "
            "LOCATOR.REGION)."
        ),
    ),
    (re.compile(r"certificate|SSL", re.I), lambda s: "shows a certificate that is not trusted."),
    (
        re.compile(r"HTTP 403|AccessDenied|Forbidden", re.I),
        lambda s: (
            "refuses access (HTTP 403): the account's name may be wrong, or a policy forbids."
        ),
    ),
    (re.compile(r"quota|resource monitor", re.I), _BY_NUMBER[90073]),
    (re.compile(r"suspended", re.I), _BY_NUMBER[90109]),
    (
        re.compile(r"timed? ?out|connection|connect", re.I),
        lambda s: f"does not answer: {s['told']}",
    ),
)
#: A ProgrammingError that tells of rights, quotas and sessions, not of the SQL.
_NOT_OF_THE_SQL = frozenset(_BY_NUMBER) - {100038}


def _dropped(settings: Mapping[str, Any]) -> str:
    return f"dropped the session, or the network did: {settings['told']} Run it again."


def explained(error: Exception, settings: Mapping[str, Any]) -> UserError | None:
    """Return an error of the connector as a sentence, or None where it tells of the SQL itself.

    Args:
        error: what the connector raised.
        settings: the resolved ``warehouse`` block; no secret of it is told.
    """
    from snowflake.connector import errors

    if not isinstance(error, errors.Error):
        return None
    number = error.errno if isinstance(error.errno, int) else None
    if isinstance(error, errors.ProgrammingError) and number not in _NOT_OF_THE_SQL | DROPPED:
        return None
    known = {"user": "", "role": "", "warehouse": "", "database": "", "account": ""}
    told = {**known, **settings, "told": _first_line(error, settings)}
    sentence = _BY_NUMBER.get(number) if number is not None else None
    if number in DROPPED:
        sentence = _dropped
    if sentence is None:
        text = str(error)
        sentence = next((say for found, say in _BY_TEXT if found.search(text)), None)
    said = sentence(told) if sentence else f"does not do it: {told['told']}"
    return UserError(f"The Snowflake account {told['account']!r} {said}")


def is_dropped(error: Exception) -> bool:
    """Say whether the session or the network went away, so that a new session may work."""
    from snowflake.connector import errors

    if not isinstance(error, errors.Error):
        return False
    if error.errno in DROPPED:
        return True
    gone = (errors.OperationalError, errors.InterfaceError)
    refused = isinstance(error, errors.ForbiddenError) or error.errno in _NOT_OF_THE_SQL
    text = re.search(
        r"connection|timed? ?out|session no longer exists|broken pipe", str(error), re.I
    )
    return isinstance(error, gone) and not refused and text is not None


def _first_line(error: Exception, settings: Mapping[str, Any]) -> str:
    text = next((line.strip() for line in str(error).splitlines() if line.strip()), "no reason.")
    for name in ("password", "token"):
        if settings.get(name):
            text = text.replace(str(settings[name]), "…")
    return text if text.endswith(".") else f"{text}."
