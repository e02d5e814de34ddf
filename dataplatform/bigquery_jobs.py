"""What every job of BigQuery is given: labels that say what it is for, and patience; how it is run.

A label holds small letters, digits, dashes and underscores, 63 of them at most, so a table's point
is written as two underscores. Who says what of a job is the business of others.
"""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from google.cloud import bigquery

#: How long a label's value may be.
LENGTH = 63
#: For how long what may pass by itself is tried again: too many requests, an error of the service,
#: a network that is gone.
PATIENCE_SECONDS = 90.0
#: How often a job is sent that the service itself fails, and how long to wait before the second.
TRIES = 3
WAIT_SECONDS = 2.0
_FAILED_BY_ITSELF = frozenset(
    {
        "backendError", "internalError", "rateLimitExceeded",
        "jobBackendError", "jobInternalError", "jobRateLimitExceeded",
    }
)  # fmt: skip
_NOT_ALLOWED = re.compile(r"[^a-z0-9_-]+")
_POINT = "__"


def label(text: str) -> str:
    """Return a text as the value of a label."""
    return _NOT_ALLOWED.sub("-", text.lower()).strip("-")[:LENGTH]


def asset_label(asset: str) -> str:
    """Return a table's ``schema.table`` as the value of a label."""
    return label(asset.replace(".", _POINT, 1))


def asset_of(value: str) -> str:
    """Return the ``schema.table`` that a label was made of; a long one has lost its end."""
    return value.replace(_POINT, ".", 1)


def patience() -> Any:
    """Return how a call is made again that may pass: a function that wraps one.

    A call that sends a query bears its job's number, so that none is done twice.
    """
    from google.cloud.bigquery import retry

    return retry.DEFAULT_RETRY.with_timeout(PATIENCE_SECONDS)


def run(client: bigquery.Client, sql: str, settings: bigquery.QueryJobConfig) -> Any:
    """Run a query as a job, and again where the service itself failed it; return its rows.

    The client would do so by itself, but tells of a network that is gone after ten minutes only.

    Args:
        client: of the project.
        sql: one statement, or several that are one transaction.
        settings: of the job.
    """
    from google.api_core.exceptions import GoogleAPICallError

    for attempt in range(TRIES):
        if attempt:
            time.sleep(WAIT_SECONDS * 2 ** (attempt - 1))
        job = client.query(sql, job_config=settings, retry=patience(), job_retry=None)
        try:
            return job.result(retry=patience(), job_retry=None)
        except GoogleAPICallError:
            # What is known to have failed did nothing; of all else nobody knows.
            failed = job.error_result or {}
            if attempt == TRIES - 1 or failed.get("reason") not in _FAILED_BY_ITSELF:
                raise
    raise AssertionError("unreachable")
