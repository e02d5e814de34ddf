"""An environment made from another one in seconds, and dropped again.

Deferring shows the base's tables by views, until a model is built anew in its own place; cloning
copies them. The base's records come along, so that the next run builds only what changed and what
is below it. The file that selects the environment is written last: one that was made half is none.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from dataplatform.declarations.dbt_project import load_graph, target_folder
from dataplatform.declarations.errors import UserError
from dataplatform.declarations.made import Made, check_name
from dataplatform.declarations.project import open_project
from dataplatform.environments import made_file
from dataplatform.environments.made_warehouse import maker_of

if TYPE_CHECKING:
    from dataplatform.declarations.project import Project

    #: Brings a base's records into a state folder; only a command knows where they are kept.
    Records = Callable[[Project, Path], None]


@dataclass(frozen=True)
class Created:
    """What was made, and how long it took."""

    name: str
    made: Made
    file: Path
    seconds: float


def create(
    root: Path,
    name: str,
    base: str,
    how: str | None,
    lives: timedelta,
    who: str,
    records: Records | None = None,
) -> Created:
    """Make an environment.

    Args:
        root: the project's root.
        name: of the new environment, such as ``pr-123``.
        base: the environment that it is made from.
        how: ``defer``, ``clone`` or None for what suits the warehouse.
        lives: after how long it may be dropped.
        who: makes it.
        records: brings what Dagster knows of the base's tables; without it all is built anew.

    Raises:
        UserError: the name is taken or unfit, or the base has no tables or cannot be reached.
    """
    began = time.monotonic()
    check_name(name)
    file = made_file.file_of(root, name)
    if file.exists():
        raise UserError(f"{name} is there already: drop it first, or choose another name.")
    project = open_project(root, base)
    if project.environment.made is not None:
        raise UserError(
            f"{base} was made itself: make {name} from {project.environment.made.base}."
        )
    state = root / made_file.state_of(name)
    # What an attempt left that was killed is nobody's.
    shutil.rmtree(state, ignore_errors=True)
    state.mkdir(parents=True)
    maker = maker_of(project, name)
    try:
        chosen = how or maker.usual
        tables = maker.make(chosen)
        if records is not None:
            records(project, state)
        _graph(project, state)
        now = datetime.now(UTC).replace(microsecond=0)
        made = Made.model_validate(
            {
                "from": base,
                "how": chosen,
                "state": project.environment.state,
                "by": who,
                "at": now,
                "expires": now + lives,
                "tables": tables,
            }
        )
        made_file.write(project, name, made, maker.settings(chosen))
    except BaseException:
        maker.drop()
        shutil.rmtree(state, ignore_errors=True)
        raise
    return Created(name, made, file, time.monotonic() - began)


def drop(root: Path, name: str) -> Made:
    """Remove a made environment: its tables, its state and its file, in this order.

    Raises:
        UserError: it was not made, or its warehouse is in use or cannot be reached.
    """
    made = made_file.made_environment(root, name)
    maker_of(open_project(root, made.base), name).drop()
    shutil.rmtree(root / made_file.state_of(name), ignore_errors=True)
    made_file.file_of(root, name).unlink(missing_ok=True)
    return made


def expired(root: Path, now: datetime | None = None) -> list[str]:
    """Return the made environments whose time is over."""
    return [n for n, made in made_file.made_environments(root).items() if made.expired(now)]


def _graph(project: Project, state: Path) -> None:
    """Copy dbt's parsed project, so that it is not parsed again."""
    load_graph(project)
    source = target_folder(project)
    for part in ("graph", "parse"):
        if (source / part).is_dir():
            shutil.copytree(source / part, state / source.name / part)
