"""Which checks say something else on the other side, by the last verdict of each.

A mart's checks judge its candidate. A check that is broken there and was not judged here is no
news.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from dataplatform.diff.found import CheckDiff
from dataplatform.keys import CANDIDATE, PUBLISHED, Relation, asset_key, relation_of
from dataplatform.resources.check_records import recorded_verdicts

if TYPE_CHECKING:
    from dagster import DagsterInstance

PASSED, FAILED, UNKNOWN = "passed", "failed", "not judged"


def last_verdicts(
    instance: DagsterInstance, tables: Iterable[Relation]
) -> dict[tuple[str, str], str]:
    """Return the last verdict of every check of some tables, by table and check.

    Args:
        instance: where verdicts are recorded.
        tables: as readers know them.
    """
    keys = set()
    for table in tables:
        keys.add(asset_key(table))
        if table.schema == PUBLISHED:
            keys.add(asset_key(Relation(CANDIDATE, table.table)))
    if not keys:
        return {}
    return {
        (
            str(relation_of(evaluation.asset_check_key.asset_key)),
            evaluation.asset_check_key.name,
        ): PASSED if evaluation.passed else FAILED
        for _, evaluation in recorded_verdicts(instance, 1, keys)
    }


def verdict_changes(
    before: Mapping[tuple[str, str], str], after: Mapping[tuple[str, str], str]
) -> list[CheckDiff]:
    """Return the checks whose verdict is another one.

    Args:
        before: the last verdicts there.
        after: the last verdicts here.
    """
    found = []
    for table, name in sorted({*before, *after}):
        old = before.get((table, name), UNKNOWN)
        new = after.get((table, name), UNKNOWN)
        if old != new and (new == FAILED or (old == FAILED and new == PASSED)):
            found.append(CheckDiff(table, name, old, new))
    return found
