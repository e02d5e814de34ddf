"""Making a place ready to be broken: the rehearsal company, or a copy of real tables.

What is prepared for the company is kept for some hours, for the same code and the same declared
files: its days end now, and now moves on.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from dataplatform.declarations.errors import UserError, nearest
from dataplatform.duckdb_file import open_duckdb, warehouse_lock
from dataplatform.keys import Relation
from dataplatform.rehearsal import company, verdict
from dataplatform.rehearsal.drill import Drill
from dataplatform.rehearsal.history import Past, days_before
from dataplatform.rehearsal.place import (
    FOLDER,
    Place,
    fingerprint,
    make_place,
    open_place,
    relations,
)
from dataplatform.rehearsal.stage import Stage, declared_tables
from dataplatform.resources.monitor_store import MonitorStore
from dataplatform.resources.monitor_tables import METRICS
from dataplatform.resources.notifiers import configured
from dataplatform.resources.warehouse.opening import open_warehouse

if TYPE_CHECKING:
    from dataplatform.declarations.project import Project

#: Days on which the monitors learned the rehearsal company.
HISTORY_DAYS = 28
_KEPT_HOURS = 3
_READY = "ready.json"

Say = Callable[[str], None]


@dataclass(frozen=True)
class Ready:
    """A prepared drill, and what an undisturbed day looked like on it.

    Attributes:
        drill: to rehearse on.
        alarms: sentences of what was alarmed although nothing was wrong.
        published: the marts that the undisturbed day published.
        learned: days that the monitors have learned from; 0 where they know nothing.
    """

    drill: Drill
    alarms: tuple[str, ...]
    published: tuple[str, ...]
    learned: int


def prepare_company(project: Project, say: Say) -> Ready:
    """Return the rehearsal company, ready to be broken; made anew when it has grown old.

    Args:
        project: whose declared files and models are tried; only read.
        say: takes what is being done, in words.

    Raises:
        UserError: the project does not declare the company's tables.
    """
    declared = declared_tables(project)
    missing = [relation for relation in company.relations() if relation not in declared]
    if missing:
        raise UserError(
            f"The rehearsal company has the demo's tables, and this project declares no "
            f"{missing[0]}: name a table of your own with --on."
        )
    route = _route(project)
    root = project.state / FOLDER
    folder = root / fingerprint(project)
    ready = folder / _READY
    if ready.is_file() and time.time() - ready.stat().st_mtime < _KEPT_HOURS * 3600:
        place = open_place(folder)
        return _ready(place, Stage(place.project, declared_tables(place.project)), route)
    for old in root.glob("*/project") if root.is_dir() else ():
        shutil.rmtree(old.parent, ignore_errors=True)
    say(f"Making the rehearsal company and {HISTORY_DAYS} days of its past …")
    place = make_place(project, folder)
    now = datetime.now(UTC)
    with open_duckdb(place.company, purpose="rehearsal: make the company") as connection:
        company.make(connection, now, HISTORY_DAYS)
    _learn(place, now)
    with place.open("rehearsal: the day's syncs") as connection:
        company.attach(connection, place.company, now)
        company.deliver(connection)
    stage = Stage(place.project, declared_tables(place.project))
    say("Judging, building and publishing an undisturbed day …")
    _undisturbed(place, stage, company.relations(), None, HISTORY_DAYS)
    return _ready(place, stage, route)


def prepare_copy(project: Project, table: str, say: Say) -> Ready:
    """Copy real tables, with what was measured of them, to rehearse on one of them.

    Args:
        project: whose warehouse is copied; it is read under its lock and not changed.
        table: the raw table, as ``schema.table`` or by its name alone.
        say: takes what is being done, in words.

    Raises:
        UserError: there is no such raw table, or it holds nothing yet.
    """
    relation = _named(project, table)
    route = _route(project)
    source = open_warehouse(project.environment, project)
    folder = project.state / FOLDER / "on"
    say(f"Copying the tables to rehearse on {relation} …")
    there = source.relations()
    if relation not in there:
        raise UserError(f"The warehouse has no table {relation} yet: nothing was synced.")
    path = getattr(source, "path", None)
    exported = folder.with_name("on.parquet")
    shutil.rmtree(exported, ignore_errors=True)
    if path is None:
        exported.mkdir(parents=True)
        for one in (*declared_tables(project), METRICS):
            if one in there:
                source.export_parquet(one, exported / f"{one}.parquet")
    # From here on this process knows the copy alone.
    place = make_place(project, folder)
    if path is not None:
        with warehouse_lock(Path(path), "rehearsal: copy the warehouse"):
            shutil.copyfile(path, place.warehouse)
    else:
        _load(place, exported)
        shutil.rmtree(exported)
    tables = declared_tables(place.project)
    stage = Stage(place.project, {relation: tables[relation]})
    say("Judging, building and publishing the copy as it is …")
    alone = relation if path is not None else None
    _undisturbed(place, stage, [one for one in tables if one in there], alone, None)
    return _ready(place, stage, route)


def _learn(place: Place, now: datetime) -> None:
    """Let the monitors see the company's past."""
    import duckdb

    with duckdb.connect() as scratch:
        scratch.execute("set timezone = 'UTC'")
        company.attach(scratch, place.company, now)
        past = Past.of(place.project)
        days = list(past.measured(scratch, days_before(now, HISTORY_DAYS)))
    warehouse = open_warehouse(place.project.environment, place.project)
    with warehouse.session("rehearsal: what was measured") as session:
        store = MonitorStore(session, warehouse.dialect)
        store.prepare()
        session.execute("begin")
        for relation, snapshot in days:
            store.write(relation, snapshot)
        session.execute("commit")


def _undisturbed(
    place: Place,
    stage: Stage,
    arrived: list[Relation],
    alone: Relation | None,
    learned: int | None,
) -> None:
    """Run once with nothing broken, and keep the state: all is built, and last measured before."""
    with place.open("rehearsal: how far the measures go") as connection:
        moment = connection.execute("select now()").fetchall()[0][0]
    with stage.records() as instance:
        past = verdict.before(instance, stage, time.time())
        stage.arrive(instance, arrived)
        result = stage.run(instance, alone)
        catches = verdict.caught(instance, stage, past)
    with place.open("rehearsal: forget the undisturbed run's measures") as connection:
        if METRICS in relations(connection):
            # The drill's own sync is the day's: the monitors have seen the days before alone.
            connection.execute(f"delete from {METRICS} where measured_at >= ?", [moment])
            rows = connection.execute(
                f"select count(distinct cast(measured_at as date)) from {METRICS}"
            ).fetchall()
            learned = int(rows[0][0]) if learned is None else learned
        marts = verdict.mart_prints(connection, stage.marts)
    stops = [
        f"{one.table}: {one.check}: {one.sentence}" for one in catches if one.kind == "monitor"
    ]
    place.keep()
    note = {
        "alarms": [*stops, *result.failures],
        "published": sorted(marts),
        "learned": learned or 0,
    }
    (place.folder / _READY).write_text(json.dumps(note))


def _ready(place: Place, stage: Stage, route: str) -> Ready:
    note = json.loads((place.folder / _READY).read_text())
    return Ready(
        Drill(place, stage, route), tuple(note["alarms"]), tuple(note["published"]), note["learned"]
    )


def _load(place: Place, folder: Path) -> None:
    warehouse = open_warehouse(place.project.environment, place.project)
    for file in sorted(folder.glob("*.parquet")):
        warehouse.load_parquet(Relation(*file.stem.split(".", 1)), file)


def _named(project: Project, text: str) -> Relation:
    tables = declared_tables(project)
    full = {str(relation): relation for relation in tables}
    wanted = text.strip().lower().replace("/", ".")
    if wanted in full:
        return full[wanted]
    short = [relation for relation in tables if relation.table == wanted]
    if len(short) == 1:
        return short[0]
    if short:
        raise UserError(f"{text!r} is several tables: {', '.join(str(one) for one in short)}.")
    hint = nearest(wanted, full) or nearest(wanted, [one.table for one in tables])
    raise UserError(f"{text!r} is no raw table of a connection, and incidents befall those.{hint}")


def _route(project: Project) -> str:
    environment = project.environment
    if configured(environment):
        ways = [
            way
            for way, there in (
                ("mail", environment.notifications.smtp),
                ("webhook", environment.notifications.webhook_url),
            )
            if there
        ]
        return f"by {' and '.join(ways)}, as {environment.file} says"
    return f"nobody is reached: {environment.file} sets up neither mail nor a webhook"
