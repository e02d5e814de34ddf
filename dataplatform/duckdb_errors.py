"""What DuckDB raises of the world around it, as a sentence: disks, memory, object stores, catalogs.

Errors of the SQL itself are not here: they are passed on as they are.
"""

from __future__ import annotations

import re

from dataplatform.declarations.errors import UserError

_LOST = "lost the connection to its catalog; nothing was half done: run it again."
_REASONS = (
    # A lake's catalog: before the rest, for what is refused there is no object store.
    (
        re.compile(r"Unable to connect to Postgres", re.I),
        "does not reach its catalog: see catalog.host and catalog.port, and whether it runs.",
    ),
    # What the catalog's client says of a commit when it finds nobody to roll back with.
    (re.compile(r"Failed to commit: Failed to execute query \"ROLLBACK\"", re.I), _LOST),
    (
        re.compile(r"Transaction conflict", re.I),
        "saw another writer change the same table meanwhile and kept that one's: run it again.",
    ),
    (re.compile(r"No space left|disk.*full", re.I), "has no room left on its disk: make room."),
    (
        re.compile(r"HTTP 403|AccessDenied|InvalidAccessKeyId|SignatureDoesNotMatch", re.I),
        "is refused by its object store: see access_key and secret_key, and what they may do.",
    ),
    (re.compile(r"NoSuchBucket", re.I), "has no such bucket in its object store: see files.url."),
    (
        re.compile(
            r"could ?n.t connect|connection (refused|reset)|could not establish|HTTP (0|5\d\d)",
            re.I,
        ),
        "does not reach its object store: see files.endpoint, and whether the store runs.",
    ),
    (
        re.compile(r"server closed the connection|terminating connection|no connection to", re.I),
        _LOST,
    ),
)


def explained(error: Exception) -> UserError | None:
    """Return an error that is no fault of the SQL as a sentence, or None.

    Args:
        error: what DuckDB raised.
    """
    import duckdb

    if isinstance(error, duckdb.OutOfMemoryException):
        return UserError(
            "The warehouse needs more memory than this machine gives: stop what else runs, or "
            "work on fewer rows at a time."
        )
    text = " ".join(str(error).split())
    for found, said in _REASONS:
        if found.search(text) and isinstance(
            error, duckdb.IOException | duckdb.TransactionException
        ):
            return UserError(f"The warehouse {said} ({text[:160].rstrip('.')})")
    return None
