"""One transaction of a session, on warehouses that know them: all of its statements, or none."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from dataplatform.resources.warehouse.interface import Session


@contextmanager
def transaction(session: Session) -> Iterator[None]:
    """Commit what is executed within the context; undo it where the context fails.

    Args:
        session: an open one, outside a transaction.
    """
    session.execute("BEGIN")
    try:
        yield
        session.execute("COMMIT")
    except BaseException:
        session.execute("ROLLBACK")
        raise
