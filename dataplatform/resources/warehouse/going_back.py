"""The way back from a publication: an earlier version shown again, and the end of that.

What was served before is held, so that the next run does not publish the same rows once more,
until they change or somebody lets them go. Both are rows of the journal; ``publishing`` opens the
session they are written in.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from dataplatform.declarations.errors import UserError
from dataplatform.keys import Relation
from dataplatform.resources.warehouse import journal
from dataplatform.resources.warehouse.interface import Session, TableFacts
from dataplatform.resources.warehouse.journal import Entry, Journal
from dataplatform.resources.warehouse.publication import (
    VERSIONS,
    Note,
    Served,
    Version,
    new_id,
)
from dataplatform.resources.warehouse.publication_steps import (
    entries_of,
    ready,
    repair,
    show,
    together,
)
from dataplatform.resources.warehouse.version_book import chosen_of, served_of, versions_of

if TYPE_CHECKING:
    from dataplatform.resources.warehouse.sql import SqlWarehouse


def roll_back(
    warehouse: SqlWarehouse, session: Session, target: Relation, to: str | None, note: Note
) -> tuple[Version, TableFacts]:
    """Show a kept version again; ``Publisher.roll_back`` says which, and what is raised."""
    versions_of(entries_of(warehouse, session), target)
    book = ready(warehouse, session, [target])
    repair(warehouse, session, book, force=False)
    entries = book.entries()
    chosen = chosen_of(target, versions_of(entries, target), to)
    facts = warehouse._facts(session, chosen.relation, fingerprint=False)
    if facts is None:
        raise UserError(f"The rows of version {chosen.id} of {target} are gone.")
    now = served_of([one for one in entries if one.relation == target], set())[target]
    # What an earlier rollback holds back stays so, until it is what is served.
    held = now.held or now.data_version
    entry = _entry(
        note,
        target,
        action=journal.ROLLBACK,
        state=journal.PREPARED,
        version=chosen.id,
        data_version=chosen.data_version,
        held="" if held == chosen.data_version else held,
        row_count=chosen.row_count,
    )
    with together(warehouse, session):
        book.write([entry])
        show(warehouse, session, entry)
        book.say(entry.publication, journal.DONE)
    return replace(chosen, current=True), facts


def release(warehouse: SqlWarehouse, session: Session, target: Relation, note: Note) -> Served:
    """Let go of what a rollback holds back; ``Publisher.release`` says what is raised."""
    book = Journal(session, warehouse.swap)
    versions_of(entries_of(warehouse, session), target)
    now = served_of(book.entries([target]), warehouse.swap.tables(session, VERSIONS))[target]
    if not now.held:
        raise UserError(f"Nothing of {target} is held back: it was not rolled back.")
    entry = _entry(
        note,
        target,
        action=journal.RELEASE,
        state=journal.DONE,
        version=now.version,
        data_version=now.data_version,
        held="",
        row_count=now.row_count,
    )
    book.write([entry])
    return replace(now, held="", rolled_back=False)


def _entry(
    note: Note,
    target: Relation,
    *,
    action: str,
    state: str,
    version: str,
    data_version: str,
    held: str,
    row_count: int,
) -> Entry:
    return Entry(
        publication=new_id(),
        target=str(target),
        action=action,
        state=state,
        version=version,
        data_version=data_version,
        held_version=held,
        row_count=row_count,
        who=note.who,
        why=note.why,
        run_id=note.run_id,
        keep=0,
    )
