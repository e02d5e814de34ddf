"""What the journal's rows say: which versions are kept, which one is served, which one is meant.

Plain functions over rows; nothing is read or written here.
"""

from __future__ import annotations

from collections.abc import Sequence

from dataplatform.declarations.errors import UserError, nearest
from dataplatform.keys import Relation
from dataplatform.resources.warehouse import journal
from dataplatform.resources.warehouse.journal import Entry
from dataplatform.resources.warehouse.publication import (
    Note,
    Served,
    Version,
    time_of,
    version_relation,
)


def by_table(entries: Sequence[Entry]) -> dict[Relation, list[Entry]]:
    """Return the rows of each table, in their order; the tables sorted by name."""
    found: dict[str, list[Entry]] = {}
    for one in entries:
        found.setdefault(one.target, []).append(one)
    return {many[0].relation: many for _, many in sorted(found.items())}


def is_version(one: Entry) -> bool:
    """Return whether a row tells of a version that is kept."""
    return one.action == journal.PUBLISH and one.state == journal.DONE


def current(entries: Sequence[Entry]) -> Entry | None:
    """Return the row after which consumers read what they read now; rows of one table."""
    done = [
        one
        for one in entries
        if one.state == journal.DONE and one.action in (journal.PUBLISH, journal.ROLLBACK)
    ]
    return done[-1] if done else None


def served_of(entries: Sequence[Entry], tables: set[str]) -> dict[Relation, Served]:
    """Return what is served of each table.

    Args:
        entries: rows of the journal, the oldest first.
        tables: names of the tables that hold versions.
    """
    found: dict[Relation, Served] = {}
    for target, many in by_table(entries).items():
        mine = [one for one in many if one.state == journal.DONE]
        now = current(mine)
        if now is None:
            continue
        held = now.held_version if mine[-1] is now else ""
        found[target] = Served(
            target=target,
            version=now.version,
            data_version=now.data_version,
            row_count=now.row_count,
            rolled_back=bool(held),
            held=held,
            note=Note(now.who, now.why, now.run_id),
            present=version_relation(target, now.version).table.lower() in tables,
        )
    return found


def chosen_of(target: Relation, versions: Sequence[Version], to: str | None) -> Version:
    """Return the version that a rollback means.

    Args:
        target: the published table.
        versions: its kept versions, the newest first.
        to: an id or its beginning; None for the one before the one that is served.

    Raises:
        UserError: there is no such version, or it is served already.
    """
    now = next(one for one in versions if one.current)
    if to is None:
        older = [one for one in versions if one.id < now.id]
        if not older:
            raise UserError(
                f"{target} has no earlier version: {now.id} is the oldest that is kept."
            )
        return older[0]
    matching = [one for one in versions if one.id.startswith(to)]
    if not matching:
        hint = nearest(to, [one.id for one in versions])
        raise UserError(
            f"{target} has no version {to!r}; it may have been tidied away.{hint} "
            f"`dataplatform publish --list {target.table}` shows those that are kept."
        )
    if len(matching) > 1:
        raise UserError(f"{to!r} begins {len(matching)} versions of {target}: write more of it.")
    if matching[0].current:
        raise UserError(f"{target} serves version {matching[0].id} already.")
    return matching[0]


def versions_of(entries: Sequence[Entry], target: Relation | None) -> list[Version]:
    """Return the kept versions of a table or of all, the newest first of each.

    Raises:
        UserError: the table was never published; the sentence names the nearest that was.
    """
    known = sorted({one.target for one in entries if one.state == journal.DONE})
    if target is not None and str(target) not in known:
        if not known:
            raise UserError(f"{target} was never published: nothing was, so far.")
        raise UserError(f"{target} was never published.{nearest(str(target), known)}")
    found: list[Version] = []
    for table, mine in by_table(entries).items():
        if target is not None and table != target:
            continue
        now = current(mine)
        found += [
            Version(
                target=one.relation,
                id=one.version,
                published_at=time_of(one.version),
                data_version=one.data_version,
                row_count=one.row_count,
                who=one.who,
                why=one.why,
                run_id=one.run_id,
                current=now is not None and now.version == one.version,
            )
            for one in reversed(mine)
            if is_version(one)
        ]
    return found


def held_sentence(served: Served) -> str:
    """Return why a good candidate is not published: a person rolled its table back."""
    return (
        f"{served.target} stays at version {served.version}: {served.note.who} rolled it back "
        f"({served.note.why}). The build it was rolled back from is published again when it "
        f"changes, or after `dataplatform publish --release {served.target.table}`."
    )
