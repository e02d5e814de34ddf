"""Publishing and repairing: the order of the statements, whatever the warehouse.

First the journal says what will be, then rows are copied where nobody sees them, then the journal
says that they are complete, then readers are moved over, then the journal says so. In one
transaction where the warehouse can; otherwise a publication that was killed is finished once its
rows were complete, and undone before that. The way back is in ``going_back``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from dataplatform.keys import Relation
from dataplatform.resources.warehouse import going_back, journal
from dataplatform.resources.warehouse.interface import Session, TableFacts
from dataplatform.resources.warehouse.journal import Entry, Journal
from dataplatform.resources.warehouse.publication import (
    VERSIONS,
    Note,
    Publication,
    Served,
    Version,
    new_id,
    version_relation,
)
from dataplatform.resources.warehouse.publication_steps import (
    entries_of,
    protect,
    ready,
    repair,
    show,
    tidy,
    together,
    undo_if_unseen,
)
from dataplatform.resources.warehouse.version_book import served_of, versions_of

if TYPE_CHECKING:
    from dataplatform.resources.warehouse.sql import SqlWarehouse


class Publisher:
    """Publishes the tables of one warehouse and remembers their versions.

    Args:
        warehouse: where candidates and published tables live.
        patience: seconds to wait for a warehouse in use; long by default.
    """

    def __init__(self, warehouse: SqlWarehouse, patience: float | None = None) -> None:
        self._warehouse = warehouse
        self._patience = patience
        self._swap = warehouse.swap

    def publish(self, group: Sequence[Publication], note: Note) -> dict[Relation, TableFacts]:
        """Publish tables together: readers see all of the old or all of the new ones.

        Args:
            group: what to publish; each target once.
            note: who, why and in which run.

        Returns:
            The facts of each target, without a fingerprint (a scan of its own).

        Raises:
            UserError: a candidate does not exist; nothing was published then.
        """
        if not group:
            return {}
        swap, name = self._swap, f"publish {len(group)} tables"
        with self._warehouse.session(
            name if len(group) > 1 else f"publish {group[0].target}", self._patience
        ) as s:
            facts = {one.target: self._candidate(s, one) for one in group}
            book = ready(self._warehouse, s, [one.target for one in group])
            repair(self._warehouse, s, book, force=False)
            identity = new_id()
            entries = [_entry(identity, one, facts[one.target], note) for one in group]
            try:
                with together(self._warehouse, s):
                    book.write(entries)
                    for one in group:
                        version = version_relation(one.target, identity)
                        kept = list(facts[one.target].columns) if one.exclude else None
                        s.execute(swap.copy(one.candidate, version, kept))
                        for text in swap.comment(version, facts[one.target].comments):
                            s.execute(text)
                        protect(s, one, version, facts[one.target].columns)
                    book.say(identity, journal.PREPARED)
                    for entry in entries:
                        show(self._warehouse, s, entry)
                    book.say(identity, journal.DONE)
                    tidy(self._warehouse, s, book, {one.target for one in group})
            except BaseException:
                undo_if_unseen(self._warehouse, s, book, identity)
                raise
        return facts

    def served(self, targets: Iterable[Relation] | None = None) -> dict[Relation, Served]:
        """Return what consumers read now of each table that was published by journal."""
        wanted = None if targets is None else set(targets)
        with self._warehouse.session("published versions", self._patience) as session:
            book = Journal(session, self._swap)
            if not book.exists():
                return {}
            tables = self._swap.tables(session, VERSIONS)
            return served_of(book.entries(wanted), tables)

    def versions(self, target: Relation | None = None) -> list[Version]:
        """Return the kept versions of a table or of all, the newest first of each.

        Raises:
            UserError: the table was never published; the sentence names the nearest that was.
        """
        with self._warehouse.session("published versions", self._patience) as session:
            return versions_of(entries_of(self._warehouse, session), target)

    def roll_back(self, target: Relation, to: str | None, note: Note) -> tuple[Version, TableFacts]:
        """Show consumers a kept version again: the one before, or the one that is named.

        What was served until now is held: it is not published again until it changes or is
        released.

        Args:
            target: the published table.
            to: the version's id or its beginning; None for the one published before.
            note: who and why.

        Returns:
            The version that is served now, and its facts.

        Raises:
            UserError: the table is unknown, or has no such version, or serves it already.
        """
        with self._warehouse.session(f"roll {target} back", self._patience) as session:
            return going_back.roll_back(self._warehouse, session, target, to, note)

    def release(self, target: Relation, note: Note) -> Served:
        """Let the build that a rollback holds back be published by the next run.

        Raises:
            UserError: the table is unknown, or nothing of it is held back.
        """
        with self._warehouse.session(f"release {target}", self._patience) as session:
            return going_back.release(self._warehouse, session, target, note)

    def repair(self, *, force: bool = True) -> list[str]:
        """Finish or undo what a killed publication left; return a sentence for each table.

        Args:
            force: undo even what a living process may still be copying.
        """
        with self._warehouse.session("repair publications", self._patience) as session:
            book = Journal(session, self._swap)
            return repair(self._warehouse, session, book, force=force) if book.exists() else []

    def _candidate(self, session: Session, one: Publication) -> TableFacts:
        facts = self._warehouse._facts(session, one.candidate, fingerprint=False)
        if facts is None:
            raise self._warehouse._missing(session, one.candidate)
        left_out = {name.lower() for name in one.exclude}
        return TableFacts(
            {name: kind for name, kind in facts.columns.items() if name.lower() not in left_out},
            facts.row_count,
            "",
            {name: text for name, text in facts.comments.items() if name.lower() not in left_out},
        )


def _entry(identity: str, one: Publication, facts: TableFacts, note: Note) -> Entry:
    return Entry(
        publication=identity,
        target=str(one.target),
        action=journal.PUBLISH,
        state=journal.PREPARING,
        version=identity,
        data_version=one.data_version,
        held_version="",
        row_count=facts.row_count,
        who=note.who,
        why=note.why,
        run_id=note.run_id,
        keep=one.keep,
    )
