"""Promoting: write down what is served, build and publish, look, and go back if anything is wrong.

Tables are built beside what readers see and published by the target's own run, from its journal.
What was served before is in the audit first, so that a promotion whose process was killed can be
finished or undone by the next command.
"""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from dataplatform.declarations.errors import UserError
from dataplatform.keys import Relation
from dataplatform.promotion import record
from dataplatform.promotion.promised import keep_promises
from dataplatform.promotion.record import DONE, STARTED, UNDONE, Promotion
from dataplatform.promotion.smoke import smoke
from dataplatform.resources.warehouse import Warehouse, open_warehouse
from dataplatform.resources.warehouse.publication import Note
from dataplatform.transform.publish_events import repair, roll_back

if TYPE_CHECKING:
    from dagster import DagsterInstance

    from dataplatform.declarations.project import Project

#: Seconds to wait for a warehouse in use.
_PATIENCE = 60.0


@contextmanager
def alone(project: Project) -> Iterator[None]:
    """Let one promotion to an environment go on at a time, from this machine.

    Raises:
        UserError: another one is under way.
    """
    project.state.mkdir(parents=True, exist_ok=True)
    with (project.state / "promote.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError(
                f"Another promotion to {project.environment.name} is under way: wait for its end."
            ) from None
        yield


def killed(project: Project) -> list[Promotion]:
    """Return the promotions whose process ended before they did; call it under ``alone``."""
    warehouse = open_warehouse(project.environment, project)
    return [one for one in record.read(warehouse) if one.state == STARTED]


def undo_killed(project: Project, instance: DagsterInstance) -> list[str]:
    """Undo promotions whose process ended before they did; call it under ``alone``.

    Returns:
        A sentence for each table that went back.
    """
    warehouse = open_warehouse(project.environment, project)
    said = []
    for one in killed(project):
        back = go_back(warehouse, instance, one)
        told = "its process ended before it did; " + ("; ".join(back) or "nothing was published")
        record.write(warehouse, one.over(UNDONE, told))
        said += back or [f"The promotion from {one.source} had published nothing."]
    return said


def resume(
    project: Project, instance: DagsterInstance, one: Promotion, build: Callable[[], list[str]]
) -> Promotion:
    """Finish a promotion whose process ended before it did; call it under ``alone``.

    What the journal of publications had begun is finished first, then what is missing is built and
    published, and everything is looked at as after any promotion.

    Args:
        project: the environment that is promoted to.
        instance: its records.
        one: the promotion, as ``killed`` gives it.
        build: builds and publishes its tables; gives a sentence for each failure.

    Returns:
        The promotion as it is in the audit: done, or undone with the reasons.
    """
    warehouse = open_warehouse(project.environment, project)

    def rest() -> list[str]:
        repair(instance, warehouse, _PATIENCE)
        return build()

    return _carried_out(project, warehouse, instance, one, rest)


def promote(
    project: Project,
    instance: DagsterInstance,
    tables: Collection[Relation],
    source: str,
    digest: str,
    note: Note,
    build: Callable[[], list[str]],
) -> Promotion:
    """Promote tables to a project's environment; call it under ``alone``.

    Args:
        project: the environment that is promoted to.
        instance: its records.
        tables: the marts, as consumers read them.
        source: the environment that they were judged in.
        digest: of the difference that was approved.
        note: who and why.
        build: builds and publishes them in the target; gives a sentence for each failure.

    Returns:
        The promotion as it is in the audit: done, or undone with the reasons.
    """
    warehouse = open_warehouse(project.environment, project)
    served = warehouse.published.served(tables)
    before = {one: served[one].version if one in served else "" for one in sorted(tables)}
    mine = Promotion(source, project.environment.name, digest, note.who, note.why, before)
    record.write(warehouse, mine)
    return _carried_out(project, warehouse, instance, mine, build)


def _carried_out(
    project: Project,
    warehouse: Warehouse,
    instance: DagsterInstance,
    mine: Promotion,
    build: Callable[[], list[str]],
) -> Promotion:
    """Build, look, and write down how it ended; where anything is wrong, go back first."""
    try:
        wrong = build() or smoke(project, warehouse, mine.before)
    except UserError as error:
        wrong = [str(error)]
    if not wrong:
        keep_promises(project, warehouse, mine.before)
        mine = mine.over(DONE, f"{len(mine.before)} tables")
    else:
        back = go_back(warehouse, instance, mine)
        mine = mine.over(UNDONE, " ".join([*wrong, *back]))
    record.write(warehouse, mine)
    return mine


def go_back(warehouse: Warehouse, instance: DagsterInstance, one: Promotion) -> list[str]:
    """Show readers what they saw before a promotion; return a sentence for each table."""
    said = repair(instance, warehouse, _PATIENCE)
    served = warehouse.published.served(one.before)
    note = Note(one.who, f"the promotion from {one.source} was undone")
    for table, version in one.before.items():
        if table not in served or served[table].version == version:
            continue
        if not version:
            said.append(f"{table} was not there before; it stays, and nobody reads it yet.")
            continue
        roll_back(instance, warehouse, table, version, note, _PATIENCE)
        said.append(f"{table} serves version {version} again.")
    return said
