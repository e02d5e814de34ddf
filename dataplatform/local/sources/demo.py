"""The demo company as a whole: made once from a seed, then moved on day by day.

Its three systems are filled and moved apart, as they would be in a company, and each keeps its
own clock. What was interrupted is therefore finished by asking again: a system that already
reached a day is left alone.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dataplatform.declarations.errors import UserError
from dataplatform.declarations.local_services import SERVERS_DOWN
from dataplatform.local.sources import community_store, crm_store, production_store, sqlite_store
from dataplatform.local.sources.production_days import Day
from dataplatform.local.sources.production_store import Clock
from dataplatform.local.sources.sizes import Sizes, next_day
from dataplatform.local.state import read_services, state_lock

if TYPE_CHECKING:
    from dataplatform.declarations.project import Project

_SYSTEMS = {"production": "postgres", "crm": "crm", "community": "community"}


@dataclass(frozen=True)
class System:
    """One source system: how to read its clock, make it, and let a day pass in it."""

    name: str
    clock: Callable[[], Clock | None]
    make: Callable[[Sizes], None]
    pass_day: Callable[[Sizes, date], None]


def seed(project: Project, seed: int | None = None, scale: float | None = None) -> bool:
    """Make the demo company in the local servers, unless it is there already.

    Args:
        project: whose local servers, which must be running.
        seed: decides every value; the environment's when None.
        scale: decides how many rows (1 is 100,000 orders); the environment's when None.

    Returns:
        Whether anything was made.

    Raises:
        UserError: it was made from another seed or scale, or the servers do not run.
    """
    declared = project.environment.demo
    wanted = Sizes(
        declared.seed if seed is None else seed, float(declared.scale if scale is None else scale)
    )
    with _lock(project, "make the demo data"):
        systems = _systems(project)
        clocks = {system.name: system.clock() for system in systems}
        for clock in clocks.values():
            _refuse_other(clock, wanted)
        missing = [system for system in systems if clocks[system.name] is None]
        if missing:
            with ThreadPoolExecutor(max_workers=len(missing)) as pool:
                list(pool.map(lambda system: system.make(wanted), missing))
        return bool(missing)


def seed_if_asked(project: Project) -> bool:
    """Make the demo company if the environment starts any source system of it, as ``seed`` does.

    A demo that was made from another seed or scale is left as it is: starting servers is no
    reason to complain about their data.
    """
    local = project.environment.local
    if all(getattr(local, server, None) is None for server in _SYSTEMS.values()):
        return False
    made = [clock for clock in status(project).values() if clock is not None]
    if made:
        return seed(project, made[0].seed, made[0].scale)
    return seed(project)


def advance(project: Project, days: int = 1) -> date:
    """Let time pass in every source system, one day after another.

    Args:
        project: whose demo, which must have been made.
        days: how many.

    Returns:
        The day that the demo's clock then shows.

    Raises:
        UserError: there is no demo, or the servers do not run.
    """
    if days < 1:
        raise UserError(f"The demo can advance by 1 day or more, not by {days}.")
    with _lock(project, "advance the demo"):
        systems = _systems(project)
        clocks = {system.name: _require(system) for system in systems}
        first = next(iter(clocks.values()))
        sizes = Sizes(first.seed, first.scale)
        # A day that was cut short is finished in the systems that had not reached it.
        goal = max(clock.today for clock in clocks.values()) + timedelta(days=days)
        today = min(clock.today for clock in clocks.values())
        while today < goal:
            for system in systems:
                if clocks[system.name].today <= today:
                    system.pass_day(sizes, today)
            today = next_day(today)
        return goal


def status(project: Project) -> dict[str, Clock | None]:
    """Return the clock of every source system; None for one that was not made yet."""
    return {system.name: system.clock() for system in _systems(project)}


def _lock(project: Project, purpose: str) -> Any:
    return state_lock(project.state / "demo.lock", purpose, timeout=600)


def _refuse_other(clock: Clock | None, wanted: Sizes) -> None:
    if clock is not None and (clock.seed, clock.scale) != (wanted.seed, wanted.scale):
        raise UserError(
            f"The demo data was made with seed {clock.seed} and scale {clock.scale:g}, but seed "
            f"{wanted.seed} and scale {wanted.scale:g} are asked for: run `make clean`, which "
            "removes it, and start again."
        )


def _require(system: System) -> Clock:
    clock = system.clock()
    if clock is None:
        raise UserError(
            f"There is no demo data in {system.name} yet: run `dataplatform demo seed` first."
        )
    return clock


def _systems(project: Project) -> list[System]:
    services = read_services(project.state)
    asked = project.environment.local
    names = [name for name, server in _SYSTEMS.items() if getattr(asked, server, None) is not None]
    if not names:
        raise UserError(
            f"The environment {project.environment.name} has no local source systems, "
            "so there is no demo in it."
        )
    if "production" in names and "postgres" not in services:
        raise UserError(SERVERS_DOWN)
    made = {
        "production": lambda: _production(services["postgres"]),
        "crm": lambda: _stored("crm", crm_store, project.state / "crm"),
        "community": lambda: _stored("community", community_store, project.state / "community"),
    }
    return [made[name]() for name in names]


def _production(postgres: dict[str, Any]) -> System:
    def clock() -> Clock | None:
        with production_store.connect(postgres) as connection:
            return production_store.read_clock(connection)

    def make(sizes: Sizes) -> None:
        with production_store.connect(postgres) as connection:
            production_store.load(connection, sizes)

    def pass_day(sizes: Sizes, today: date) -> None:
        with production_store.connect(postgres) as connection:
            Day(connection, sizes, today).pass_()

    return System("production", clock, make, pass_day)


def _stored(name: str, store: Any, folder: Path) -> System:
    return System(
        name,
        lambda: sqlite_store.read_clock(store.file_in(folder)),
        lambda sizes: store.make(folder, sizes),
        lambda sizes, today: store.pass_day(folder, sizes, today),
    )
