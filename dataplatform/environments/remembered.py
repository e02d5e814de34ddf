"""What a made environment knows of its base besides tables: which version of a mart is served."""

from __future__ import annotations

from collections.abc import Iterable

from dataplatform.keys import PLATFORM, QUARANTINE
from dataplatform.resources.warehouse import Session
from dataplatform.resources.warehouse.journal import DONE, ROLLBACK, Entry, Journal
from dataplatform.resources.warehouse.publication import VERSIONS, Served
from dataplatform.resources.warehouse.swap import Swap

#: The platform's tables that tell of the base alone; what monitors remember is copied.
KEPT_TABLES = ("publications", "promotions", "promised")
#: What is no table of the company: the platform's own, kept versions, rows set aside.
ITS_OWN = (PLATFORM, VERSIONS, QUARANTINE, "information_schema", "main", "pg_catalog")


def serve(session: Session, swap: Swap, served: Iterable[Served]) -> None:
    """Write down which version of each mart is served, so that an unchanged one stays as it is.

    Args:
        session: of the made environment.
        swap: how its warehouse writes SQL.
        served: what the base serves, without what is gone.
    """
    listed = list(served)
    if not listed:
        return
    book = Journal(session, swap)
    book.make()
    # Said as a rollback to it: such a version is served, and never tidied away as one's own.
    book.write(
        Entry(
            publication=one.version,
            target=str(one.target),
            action=ROLLBACK,
            state=DONE,
            version=one.version,
            data_version=one.data_version,
            held_version=one.held,
            row_count=one.row_count,
            who=one.note.who,
            why=one.note.why,
            run_id=one.note.run_id,
            keep=0,
        )
        for one in listed
    )
