"""One HTTP request to Fivetran's API, with its retries, and what is said when it fails.

Nothing here knows what is asked for. How fast requests may follow each other is in ``budget``.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import requests
import urllib3

from dataplatform.resources.fivetran.budget import LONGEST_WAIT_SECONDS, Budget, OverBudget
from dataplatform.resources.fivetran.failure import FivetranFailure

CONNECT_SECONDS = 10.0
REQUEST_TIMEOUT_SECONDS = 60.0
MAX_ANSWER_BYTES = 64 * 1024 * 1024
_CHUNK_BYTES = 65_536
# Refused before anything was done, so any request may be sent again.
_UNTOUCHED = frozenset({429, 503})
_RETRIED = frozenset({*_UNTOUCHED, 500, 502, 504})

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Retries:
    """How often and how patiently a request is repeated.

    Attributes:
        attempts: requests after the first one.
        delay: seconds before the first repetition.
        factor: by how much each further delay is longer.
        timeout: seconds that one answer may take.
    """

    attempts: int = 5
    delay: float = 0.25
    factor: float = 2.0
    timeout: float = REQUEST_TIMEOUT_SECONDS

    def wait(self, repetition: int) -> float:
        """Return the seconds to wait before a repetition, counted from 1."""
        return self.delay * self.factor ** (repetition - 1)


@dataclass(frozen=True)
class Outgoing:
    """A request to be sent.

    Attributes:
        method: the HTTP method.
        url: the whole address.
        auth: the key and the secret.
        headers: all but the credentials.
        data: the body.
        params: the query.
        repeatable: whether sending it twice does no more than sending it once.
    """

    method: str
    url: str
    auth: tuple[str, str]
    headers: Mapping[str, str]
    data: str | None
    params: Mapping[str, Any] | None
    repeatable: bool


def send(request: Outgoing, retries: Retries, budget: Budget) -> requests.Response:
    """Send a request, repeating it where that can help and cannot harm; return the last answer.

    A connection that fails, a rate limit and a server error are repeated; a rate limit waits for
    as long as the server asks. Where it is not known whether a request was carried out, only a
    repeatable one is sent again. Other answers, 4xx included, are returned at once.

    Raises:
        FivetranFailure: no answer could be had, or the server asks for too long a wait.
    """
    repetition = 0
    while True:
        asked: float | None = None
        last = repetition >= retries.attempts
        try:
            budget.wait()
            response = _attempt(request, retries.timeout)
        except OverBudget as over:
            raise FivetranFailure(
                f"Fivetran's API asks to wait {over.seconds:.0f} s before the next request to "
                f"{request.url}: its rate limit is used up, try again later.",
                status=429,
            ) from None
        except requests.RequestException as error:
            never_sent = isinstance(error, requests.ConnectTimeout) or _refused(error)
            if last or not (request.repeatable or never_sent):
                raise FivetranFailure(
                    f"Fivetran's API at {request.url} cannot be reached: "
                    f"{_reason(error, retries.timeout)}.{'' if never_sent else _doubt(request)}",
                    passing=True,
                ) from error
            log.info("No answer from %s (%s); trying again.", request.url, type(error).__name__)
        else:
            status = response.status_code
            asked = budget.learn(status, response.headers)
            again = _RETRIED if request.repeatable else _UNTOUCHED
            too_long = asked is not None and asked > LONGEST_WAIT_SECONDS
            # What is too long is told by the budget, which knows it for everybody.
            if status not in again or (last and not too_long):
                return response
            log.info("Answer %s from %s; trying again.", status, request.url)
        repetition += 1
        if asked is None:
            time.sleep(retries.wait(repetition))


def _attempt(request: Outgoing, seconds: float) -> requests.Response:
    """Send once, and read the answer within a time and up to a size."""
    deadline = time.monotonic() + seconds
    response = requests.request(
        request.method,
        request.url,
        auth=request.auth,
        headers=dict(request.headers),
        data=request.data,
        params=request.params,
        timeout=(min(CONNECT_SECONDS, seconds), seconds),
        allow_redirects=False,
        stream=True,
    )
    parts, size = [], 0
    try:
        # Read in what pieces come: a server that drips must not hold us for ever.
        while chunk := response.raw.read1(_CHUNK_BYTES, decode_content=True):
            parts.append(chunk)
            size += len(chunk)
            if size > MAX_ANSWER_BYTES:
                raise requests.exceptions.ContentDecodingError(
                    f"its answer is larger than {MAX_ANSWER_BYTES // 1024**2} MB"
                )
            if time.monotonic() > deadline:
                raise requests.ReadTimeout()
    except requests.RequestException:
        raise
    except urllib3.exceptions.ReadTimeoutError as error:
        raise requests.ReadTimeout() from error
    except urllib3.exceptions.DecodeError as error:
        raise requests.exceptions.ContentDecodingError("its answer cannot be unpacked") from error
    except (urllib3.exceptions.HTTPError, OSError) as error:
        raise requests.ConnectionError() from error
    finally:
        response.close()
    response._content = b"".join(parts)
    return response


def data_of(response: requests.Response) -> dict[str, Any]:
    """Return the ``data`` of an answer (or all of it where there is none).

    Raises:
        FivetranFailure: the answer is an error or not JSON; the sentence carries the API's reason.
    """
    request, status = response.request, response.status_code
    asked = f"{request.method} {request.path_url}"
    if 300 <= status < 400:
        raise FivetranFailure(
            f"Fivetran's API answered {asked} with {status}, which leads elsewhere: check the "
            f"environment's fivetran api_url.",
            status=status,
        )
    try:
        body = response.json() if response.content else {}
    except (ValueError, RecursionError) as error:
        raise FivetranFailure(
            f"Fivetran's API answered {asked} with {status} and no readable JSON.",
            status=status,
            passing=True,
        ) from error
    if not isinstance(body, dict):
        raise FivetranFailure(
            f"Fivetran's API answered {asked} with no JSON object.", status=status, passing=True
        )
    if status >= 400:
        raise _refusal(asked, status, body, response.reason)
    data = body.get("data", body)
    if isinstance(data, list):
        return {"items": data}
    if data is not None and not isinstance(data, dict):
        raise FivetranFailure(
            f"Fivetran's API answered {asked} with no JSON object.", status=status, passing=True
        )
    return data or {}


def _refusal(asked: str, status: int, body: Mapping[str, Any], reason: str) -> FivetranFailure:
    code, message = body.get("code") or "", str(body.get("message") or reason or "no reason given")
    hint = (
        " Check the environment's fivetran api_key and api_secret." if status in (401, 403) else ""
    )
    end = "" if message.endswith((".", "!", "?")) or not hint else "."
    return FivetranFailure(
        f"Fivetran's API refused {asked} with {status}{f' {code}' if code else ''}: "
        f"{message}{end}{hint}",
        status=status,
        passing=status in _RETRIED,
    )


def _refused(error: requests.RequestException) -> bool:
    """Whether the connection was never made, so that nothing can have been done."""
    cause = error.args[0] if error.args else None
    reason = getattr(cause, "reason", None)
    return isinstance(reason, urllib3.exceptions.NewConnectionError)


def _doubt(request: Outgoing) -> str:
    if request.method in ("GET", "HEAD"):
        return ""
    return " The request may have been carried out all the same: look before you repeat it"


def _reason(error: requests.RequestException, seconds: float) -> str:
    if isinstance(error, requests.Timeout):
        return f"no answer within {seconds:g} s"
    if isinstance(error, requests.ConnectionError):
        return "the connection was refused or broken"
    return str(error).splitlines()[0]
