"""Which tables are compared, and by which key.

A mart is compared as it would be published: its candidate here with what readers see there.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from dataplatform.checks.masking import masked
from dataplatform.declarations.dbt_project import load_graph
from dataplatform.declarations.errors import UserError, nearest
from dataplatform.diff.asking import Pair
from dataplatform.diff.columns import column_changes
from dataplatform.diff.expressions import words_of
from dataplatform.diff.found import (
    DEFERRED,
    DIFFERENT,
    ONLY_HERE,
    ONLY_THERE,
    SAME,
    RowsDiff,
    TableDiff,
)
from dataplatform.diff.rows import compare_rows
from dataplatform.diff.sides import Both
from dataplatform.keys import CANDIDATE, INTERMEDIATE, PUBLISHED, SNAPSHOTS, STAGING, Relation

if TYPE_CHECKING:
    from dataplatform.declarations.project import Project

_MODELS = (STAGING, INTERMEDIATE, SNAPSHOTS, PUBLISHED)


@dataclass(frozen=True)
class Wanted:
    """One table that is to be compared.

    Attributes:
        table: as readers know it.
        key: its primary key by contract or by its model's ``unique_key``; empty for none.
        masked: columns whose values are not shown.
        volatile: columns that may differ between two equal builds.
    """

    table: Relation
    key: tuple[str, ...] = ()
    masked: frozenset[str] = frozenset()
    volatile: frozenset[str] = frozenset()

    @property
    def candidate(self) -> Relation | None:
        """Where a mart is built before it is published; None for other tables."""
        return Relation(CANDIDATE, self.table.table) if self.table.schema == PUBLISHED else None

    @property
    def relations(self) -> list[Relation]:
        """Where its rows may be."""
        return [self.table] if self.candidate is None else [self.candidate, self.table]


def wanted_tables(project: Project, select: Sequence[str] = ()) -> list[Wanted]:
    """Return every model's table, or those that are selected.

    Args:
        project: whose models and contracts are meant.
        select: names with or without a schema; ``*`` stands for any characters. Raw tables are
            compared where they are selected.

    Raises:
        UserError: a selection that fits nothing.
    """
    contracts = {one.published: one for one in project.contracts}
    volatile: dict[Relation, frozenset[str]] = {}
    for node in load_graph(project).nodes:
        table = node.relation.published if node.schema == CANDIDATE else node.relation
        volatile[table] = frozenset(name.lower() for name in node.volatile)
    known = [*volatile]
    if select:
        raw = [one for connection in project.connections for one in connection.relations]
        everything = [*known, *raw]
        chosen: list[Relation] = []
        for pattern in select:
            fitting = [one for one in everything if _fits(one, pattern)]
            if not fitting:
                hint = nearest(pattern, [*map(str, everything), *(one.table for one in everything)])
                raise UserError(f"No table is called {pattern!r}.{hint}")
            chosen += fitting
        known = list(dict.fromkeys(chosen))
    found = []
    for table in known:
        contract = contracts.get(table)
        columns = contract.columns if contract else []
        keys = sorted((one for one in columns if one.primary_key), key=lambda one: one.key_position)
        found.append(
            Wanted(
                table,
                tuple(one.name.lower() for one in keys),
                frozenset(one.name.lower() for one in columns if masked(one.classification)),
                volatile.get(table, frozenset()),
            )
        )
    return found


def _fits(table: Relation, pattern: str) -> bool:
    pattern = pattern.removeprefix(f"{CANDIDATE}.").lower()
    return fnmatchcase(str(table), pattern) or fnmatchcase(table.table, pattern)


def compare_tables(both: Both, wanted: Iterable[Wanted], *, gone: bool = True) -> list[TableDiff]:
    """Compare tables one after the other, each by SQL of its own.

    Args:
        both: the open session.
        wanted: the tables.
        gone: also tell of models' tables there that no model here makes.
    """
    listed = list(wanted)
    found = [_compare(both, one) for one in listed]
    if gone:
        known = {one.table for one in listed}
        found += [
            TableDiff(table, table, ONLY_THERE)
            for table in sorted(both.there.columns)
            if table.schema in _MODELS and table not in known and table not in both.here.columns
        ]
    return [one for one in found if one is not None]


def _compare(both: Both, one: Wanted) -> TableDiff | None:
    here = next((name for name in one.relations if name in both.here.columns), None)
    there = one.table if one.table in both.there.columns else None
    if here is None and there is None:
        return None
    if here is None or there is None:
        place, relation = (both.there, there) if here is None else (both.here, here)
        assert relation is not None
        many = int(both.session.execute(f"SELECT count(*) FROM {place.name(relation)}")[0][0])
        count = RowsDiff((), many, 0) if here is None else RowsDiff((), 0, many)
        return TableDiff(one.table, relation, ONLY_THERE if here is None else ONLY_HERE, count)
    if here in both.here.deferred:
        return TableDiff(one.table, here, DEFERRED)
    mine, theirs = both.here.columns[here], both.there.columns[there]
    before = {name.lower(): kind for name, kind in theirs.items()}
    after = {name.lower(): kind for name, kind in mine.items()}
    said = tuple(column_changes(before, after))
    original = [{name.lower(): name for name in columns} for columns in (mine, theirs)]
    shared = [name for name in after if name in before and name not in one.volatile]
    pair = Pair(
        both.here.name(here),
        both.there.name(there),
        {
            name: (both.here.column(original[0][name]), both.there.column(original[1][name]))
            for name in shared
        },
        {name: (after[name], before[name]) for name in shared},
        one.key if all(name in shared for name in one.key) else (),
        one.masked,
    )
    rows = compare_rows(both.session, pair, words_of(both.dialect))
    same = rows.same and not said
    return TableDiff(one.table, here, SAME if same else DIFFERENT, rows, said)
