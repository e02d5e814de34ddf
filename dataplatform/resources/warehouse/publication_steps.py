"""The steps that publishing, rolling back and repairing share, on one open session.

In which order they are taken is said in ``publishing`` and ``going_back``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from dataplatform.declarations.errors import UserError
from dataplatform.keys import Relation
from dataplatform.resources.warehouse import journal
from dataplatform.resources.warehouse.interface import Session
from dataplatform.resources.warehouse.journal import Entry, Journal
from dataplatform.resources.warehouse.publication import (
    VERSIONS,
    Publication,
    time_of,
    version_relation,
)
from dataplatform.resources.warehouse.transaction import transaction
from dataplatform.resources.warehouse.version_book import by_table, current, is_version

if TYPE_CHECKING:
    from dataplatform.resources.warehouse.sql import SqlWarehouse

#: A publication that is still copying may belong to a living process for so long.
_PATIENCE = timedelta(hours=1)


def entries_of(warehouse: SqlWarehouse, session: Session) -> list[Entry]:
    """Return all that the journal says; nothing before there is one."""
    book = Journal(session, warehouse.swap)
    return book.entries() if book.exists() else []


def ready(warehouse: SqlWarehouse, session: Session, targets: Iterable[Relation]) -> Journal:
    """Return the journal, made with the schemas that versions and targets lie in."""
    book = Journal(session, warehouse.swap)
    book.make()
    for schema in sorted({VERSIONS, *(one.schema for one in targets)}):
        session.execute(warehouse.swap.schema(schema))
    return book


def together(warehouse: SqlWarehouse, session: Session) -> AbstractContextManager[None]:
    """Run statements in one transaction, where the warehouse makes tables in one."""
    return transaction(session) if warehouse.swap.transactional else nullcontext()


def show(warehouse: SqlWarehouse, session: Session, entry: Entry) -> None:
    """Move readers over to the version that a row names; doing it twice changes nothing."""
    version = version_relation(entry.relation, entry.version)
    facts = warehouse._facts(session, version, fingerprint=False)
    if facts is None:
        raise UserError(f"The rows of version {entry.version} of {entry.target} are gone.")
    kind = warehouse.swap.kind(session, entry.relation)
    for text in warehouse.swap.show(version, entry.relation, kind, list(facts.columns)):
        session.execute(text)
    for text in warehouse.swap.comment(entry.relation, facts.comments):
        session.execute(text)


def protect(
    session: Session, one: Publication, version: Relation, columns: Mapping[str, str]
) -> None:
    """Protect the rows of a version from its readers, before anybody reads them.

    Raises:
        UserError: the warehouse refuses; the table must not be shown then.
    """
    for text in one.protect(version, columns):
        try:
            session.execute(text)
        except Exception as error:  # each driver has errors of its own
            raise UserError(
                f"{one.target} cannot be protected as config/access.yml says, so it is not shown: "
                f"{str(error).splitlines()[0]} Run `dataplatform access apply`, as a role that may "
                "make policies and grants, and then run again."
            ) from error


def tidy(warehouse: SqlWarehouse, session: Session, book: Journal, targets: set[Relation]) -> None:
    """Keep the newest versions and the one that is served; drop the others."""
    entries = book.entries(targets)
    gone: list[Entry] = []
    for mine in by_table(entries).values():
        now = current(mine)
        kept = [one for one in mine if is_version(one)]
        if not kept:
            continue
        old = kept[: -kept[-1].keep]
        gone += [one for one in old if now is None or one.version != now.version]
        known = {one.publication for one in kept}
        over = [one for one in mine[: -journal.HISTORY] if one.publication not in known]
        book.forget([one for one in over if one.state in (journal.DROPPED, journal.DONE)])
    book.dropped(gone)
    for one in gone:
        session.execute(warehouse.swap.drop(version_relation(one.relation, one.version)))


def repair(warehouse: SqlWarehouse, session: Session, book: Journal, *, force: bool) -> list[str]:
    """Finish what was complete, undo what was not, drop what is left over.

    Args:
        warehouse: whose journal it is.
        session: an open session.
        book: its journal.
        force: undo even what a living process may still be copying.

    Returns:
        A sentence for each table that was finished or undone.
    """
    said: list[str] = []
    entries = book.entries(unfinished=True)
    for one in [one for one in entries if one.state == journal.PREPARED]:
        show(warehouse, session, one)
        said.append(f"{one.target}: finished the {one.action} of version {one.version}.")
    for identity in sorted({o.publication for o in entries if o.state == journal.PREPARED}):
        book.say(identity, journal.DONE)
    started = {one.publication for one in entries if one.state == journal.PREPARING}
    now = datetime.now(UTC)
    undone = {one for one in started if force or now - time_of(one) > _PATIENCE}
    for identity in sorted(undone):
        book.say(identity, journal.UNDONE)
    said += [
        f"{one.target}: undid the publication of version {one.version}, whose rows were not "
        "complete."
        for one in entries
        if one.publication in undone
    ]
    tables = warehouse.swap.tables(session, VERSIONS)
    for one in entries:
        over = one.state in (journal.DROPPED, journal.UNDONE) or one.publication in undone
        version = version_relation(one.relation, one.version)
        if over and version.table.lower() in tables:
            session.execute(warehouse.swap.drop(version))
    return said


def undo_if_unseen(warehouse: SqlWarehouse, session: Session, book: Journal, identity: str) -> None:
    """After an error: take back what nobody saw; the rest is finished by the next repair."""
    if warehouse.swap.transactional:
        return
    mine = [one for one in book.entries() if one.publication == identity]
    if all(one.state == journal.PREPARING for one in mine) and mine:
        book.say(identity, journal.UNDONE)
        for one in mine:
            session.execute(warehouse.swap.drop(version_relation(one.relation, one.version)))
