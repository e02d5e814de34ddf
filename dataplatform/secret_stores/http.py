"""Requests to stores that speak HTTP: short limits, a few tries, no secret in a message."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from dataplatform.secret_stores.stored import StoreSilent

TRIES = 3
TIMEOUT_SECONDS = 10.0
#: Between tries; each is twice the one before.
WAIT_SECONDS = 0.2


def ask(
    what: str,
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: Mapping[str, Any] | None = None,
) -> tuple[int, dict[str, Any]]:
    """Send a request and return the answer's status and JSON body.

    Args:
        what: the store, as messages name it.
        method: the HTTP method.
        url: where to.
        headers: its headers; they may hold secrets.
        body: what is sent as JSON.

    Raises:
        StoreSilent: it could not be reached or answered with a fault of its own, every time.
    """
    import httpx

    reason = ""
    for attempt in range(TRIES):
        if attempt:
            time.sleep(WAIT_SECONDS * 2 ** (attempt - 1))
        try:
            answer = httpx.request(
                method, url, headers=dict(headers), json=body, timeout=TIMEOUT_SECONDS
            )
        except (httpx.InvalidURL, httpx.UnsupportedProtocol):
            raise StoreSilent(f"{what} has no address that begins with http(s)://.") from None
        except httpx.HTTPError as error:
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            continue
        if answer.status_code < 500 and answer.status_code != 429:
            return answer.status_code, _json(answer)
        reason = _fault(answer.status_code, _json(answer))
    raise StoreSilent(f"{what} cannot be reached, after {TRIES} tries: {reason.rstrip('.')}.")


def _fault(status: int, body: Mapping[str, Any]) -> str:
    told = body.get("errors") or body.get("error") or ""
    if status == 503 and "sealed" in str(told).lower():
        return "it is sealed"
    return f"it answers HTTP {status}" + (" (too many requests)" if status == 429 else "")


def _json(answer: Any) -> dict[str, Any]:
    try:
        found = answer.json()
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
