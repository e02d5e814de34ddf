"""What ``dataplatform promote`` asks of other rooms for its gates: contracts and drift.

What follows from the answers is the business of ``promotion``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

    from dataplatform.declarations.project import Project
    from dataplatform.keys import Relation


def undeclared_changes(project: Project, tables: Collection[Relation]) -> list[str]:
    """Return the breaking changes of contracts, since the last promotion, that no version tells of.

    Args:
        project: the environment that is promoted to.
        tables: what is promoted.
    """
    import datetime

    from dataplatform.promotion.promised import promised
    from dataplatform.quality.contract_diff import changes, undeclared
    from dataplatform.resources.warehouse import open_warehouse

    before = promised(open_warehouse(project.environment, project))
    said = []
    for contract in project.contracts:
        old = before.get(contract.published)
        if old is None or contract.published not in tables:
            continue
        found = changes(old, contract, datetime.date.today())
        sentence = undeclared(old, contract, found)
        if sentence is not None:
            broken = [one for one in found if one.breaking and not one.announced]
            what = "; ".join(f"{one.field} {one.text}" for one in broken)
            said.append(f"{contract.file}: {what}. {sentence[0].upper()}{sentence[1:]}.")
    return said


#: So many differences tell that a plan is to be read; the plan has them all.
_SHOWN = 3


def drift(project: Project) -> list[str]:
    """Return where connections and access of an environment are not as declared."""
    return [*_connections(project), *_access(project)]


def _connections(project: Project) -> list[str]:
    from dataplatform.declarations.errors import UserError
    from dataplatform.ingestion.drift.comparison import account_drift

    if not project.connections:
        return []
    try:
        found = account_drift(project)
    except UserError as error:
        return [f"{error} Without the comparison: --no-drift."]
    return [f"{name}: {one.told()}" for name, one in found.items() if one.sentences]


def _access(project: Project) -> list[str]:
    from dataplatform.access.opening import open_engine
    from dataplatform.access.plan import make_plan
    from dataplatform.declarations.errors import UserError

    # Nobody is granted anything in an environment that was made from another one.
    if project.access.file is None or project.environment.made is not None:
        return []
    try:
        found = make_plan(project, open_engine(project)).changes
    except UserError as error:
        return [f"{error} Without the comparison: --no-drift."]
    # What is declared and not yet granted does no harm, and a new mart's readers are granted after
    # it is there; what should hide something and is missing does.
    against = [one.sentence() for one in found if one.action != "grant" or one.item.protects]
    shown = [f"{one}: see `dataplatform access plan`." for one in against[:_SHOWN]]
    more = len(against) - len(shown)
    return [*shown, f"and {more} more."] if more else shown
