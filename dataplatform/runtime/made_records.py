"""What Dagster knows of a base's tables, brought to an environment that is made from it.

Between two homes on a laptop the files are copied, with all their history. From the records of a
deployment, which lie in its PostgreSQL, the last state of each asset and check is told anew.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from dataplatform.declarations.environment import deployed_home

if TYPE_CHECKING:
    from dataplatform.declarations.project import Project

#: Where Dagster's records lie within a state folder, and which of them are taken along.
_RECORDS = "home/records"
_KEPT = ("events.db", "runs.db")


def bring_records(base: Project, state: Path) -> None:
    """Bring what is known of a base's tables; runs that have not ended stay behind.

    Args:
        base: the project with the environment that another is made from.
        state: the other one's state folder.

    Raises:
        UserError: the records of a deployment do not answer.
    """
    if deployed_home() is None:
        _copy_files(base.state, state)
        return
    from dagster import DagsterInstance

    from dataplatform.resources.record_copy import copy_last
    from dataplatform.runtime.home import home_in, open_instance

    with (
        open_instance(base) as source,
        DagsterInstance.from_config(str(home_in(state))) as target,
    ):
        copy_last(source, target)


def _copy_files(base: Path, state: Path) -> None:
    """Copy what a home on this machine holds."""
    source = base / _RECORDS
    if not (source / "events.db").is_file():
        return
    folder = state / _RECORDS
    folder.mkdir(parents=True)
    for name in _KEPT:
        # SQLite's own copying: the base may be in use.
        with (
            closing(sqlite3.connect(source / name)) as one,
            closing(sqlite3.connect(folder / name)) as other,
        ):
            one.backup(other)
            if name == "runs.db":
                other.execute(
                    "DELETE FROM runs WHERE status NOT IN ('SUCCESS', 'FAILURE', 'CANCELED')"
                )
                other.commit()
        (folder / name).with_suffix(".made").touch()
