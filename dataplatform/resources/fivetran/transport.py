"""One HTTP request to Fivetran's API, with its retries, and what is said when it fails.

Nothing here knows what is asked for.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import requests
from dagster import Failure

from dataplatform.declarations.errors import UserError

REQUEST_TIMEOUT_SECONDS = 60
# A longer wait than this is told to the user instead of being waited for.
LONGEST_RETRY_AFTER_SECONDS = 900.0
_RETRIED = frozenset({429, 500, 502, 503, 504})

log = logging.getLogger(__name__)


class FivetranFailure(Failure, UserError):
    """A failed request or sync: fails a Dagster step, and reads as one line on a terminal."""


@dataclass(frozen=True)
class Retries:
    """How often and how patiently a request is repeated.

    Attributes:
        attempts: requests after the first one.
        delay: seconds before the first repetition.
        factor: by how much each further delay is longer.
    """

    attempts: int = 5
    delay: float = 0.25
    factor: float = 2.0

    def wait(self, repetition: int) -> float:
        """Return the seconds to wait before a repetition, counted from 1."""
        return self.delay * self.factor ** (repetition - 1)


def retry_after(response: requests.Response) -> float | None:
    """Return the seconds that the server asks to wait, or None where it does not say."""
    text = response.headers.get("Retry-After", "").strip()
    if not text:
        return None
    try:
        return max(0.0, float(text))
    except ValueError:
        pass
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())


def send(
    method: str,
    url: str,
    *,
    auth: tuple[str, str],
    headers: Mapping[str, str],
    data: str | None = None,
    params: Mapping[str, Any] | None = None,
    retries: Retries,
) -> requests.Response:
    """Send a request, repeating it where that can help, and return the last answer.

    A connection that fails, a rate limit and a server error are repeated; a rate limit waits for
    as long as the server asks. Other answers, 4xx included, are returned at once.

    Raises:
        FivetranFailure: no connection could be made, or the server asks for too long a wait.
    """
    repetition = 0
    while True:
        wait: float | None = None
        try:
            response = requests.request(
                method,
                url,
                auth=auth,
                headers=dict(headers),
                data=data,
                params=params,
                timeout=REQUEST_TIMEOUT_SECONDS,
            )
        except requests.RequestException as error:
            if repetition >= retries.attempts:
                raise FivetranFailure(
                    f"Fivetran's API at {url} cannot be reached: {_reason(error)}."
                ) from error
            log.info("No answer from %s (%s); trying again.", url, _reason(error))
        else:
            if response.status_code not in _RETRIED or repetition >= retries.attempts:
                return response
            wait = retry_after(response)
            if wait is not None and wait > LONGEST_RETRY_AFTER_SECONDS:
                raise FivetranFailure(
                    f"Fivetran's API asks to wait {wait:.0f} s before the next request to {url}: "
                    f"its rate limit is used up, try again later."
                )
            log.info("Answer %s from %s; trying again.", response.status_code, url)
        repetition += 1
        time.sleep(retries.wait(repetition) if wait is None else wait)


def data_of(response: requests.Response) -> dict[str, Any]:
    """Return the ``data`` of an answer (or all of it where there is none).

    Raises:
        FivetranFailure: the answer is an error or not JSON; the sentence carries the API's reason.
    """
    request = response.request
    asked = f"{request.method} {request.path_url}"
    try:
        body = response.json()
    except ValueError as error:
        raise FivetranFailure(
            f"Fivetran's API answered {asked} with {response.status_code} and no readable JSON."
        ) from error
    if not isinstance(body, dict):
        raise FivetranFailure(f"Fivetran's API answered {asked} with no JSON object.")
    if response.status_code >= 400:
        code, message = body.get("code", ""), body.get("message", response.reason)
        hint = (
            " Check the environment's fivetran api_key and api_secret."
            if response.status_code in (401, 403)
            else ""
        )
        raise FivetranFailure(
            f"Fivetran's API refused {asked} with {response.status_code} {code}: {message}{hint}"
        )
    data = body.get("data", body)
    return data if isinstance(data, dict) else {"items": data}


def _reason(error: requests.RequestException) -> str:
    if isinstance(error, requests.Timeout):
        return f"no answer within {REQUEST_TIMEOUT_SECONDS} s"
    if isinstance(error, requests.ConnectionError):
        return "the connection was refused or broken"
    return str(error).splitlines()[0]
