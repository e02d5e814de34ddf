"""A promotion killed after any statement: finished or undone, and never half of each."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from dagster import DagsterInstance

from dataplatform.declarations.project import Project, open_project
from dataplatform.promotion.carry_out import alone, killed, promote, resume, undo_killed
from dataplatform.promotion.record import read
from dataplatform.resources.warehouse.duckdb import DuckDBSession
from dataplatform_tests.diff.conftest import parsed, project, tell  # noqa: F401
from dataplatform_tests.promotion.test_promotion import (
    NOTE,
    THINGS,
    TOTALS,
    publish,
    target,
    warehouse,
)

__all__ = ["target"]

_OLD, _NEW = [(10,), (30,)], [(11,), (31,)]


def building(of: Project) -> Callable[[], list[str]]:
    def build() -> list[str]:
        tell(
            of,
            "update candidate.things set amount = 11 where id = 1",
            "update candidate.totals set t = 31",
        )
        publish(of, "v2", THINGS, TOTALS)
        return []

    return build


def seen(of: Project) -> list[tuple[Any, ...]]:
    """What readers see of both tables: each wholly old or wholly new."""
    asked = "select amount from marts.things where id = 1 union all select t from marts.totals"
    found = warehouse(of).query(asked, "a reader")
    assert all(row in _OLD + _NEW for row in found) and len(found) == 2
    return found


def promoted(root: Path, lives: int | None) -> int:
    """Promote; be killed before the statement of this number. Return how many there were."""
    said = 0
    execute = DuckDBSession.execute

    def counted(self: DuckDBSession, sql: str, parameters: Any = ()) -> list[tuple[Any, ...]]:
        nonlocal said
        if said == lives:
            os.kill(os.getpid(), signal.SIGKILL)
        said += 1
        return execute(self, sql, parameters)

    DuckDBSession.execute = counted  # type: ignore[method-assign]
    try:
        of = open_project(root, "other")
        with alone(of), DagsterInstance.ephemeral() as instance:
            promote(of, instance, [THINGS, TOTALS], "local", "abc", NOTE, building(of))
    finally:
        DuckDBSession.execute = execute  # type: ignore[method-assign]
    return said


def killed_after(of: Project, lives: int) -> None:
    process = multiprocessing.get_context("fork").Process(target=promoted, args=(of.root, lives))
    process.start()
    process.join(120)
    assert process.exitcode == -signal.SIGKILL


def look(of: Project, lives: int, how: str) -> str:
    """Kill one, look at what readers see, finish or undo it; return how it ended."""
    killed_after(of, lives)
    between = seen(of)
    with alone(of), DagsterInstance.ephemeral() as instance:
        left = killed(of)
        if how == "resume":
            for one in left:
                assert resume(of, instance, one, building(of)).state == "done"
        else:
            undo_killed(of, instance)
        assert killed(of) == []
    after, told = seen(of), [one.state for one in read(warehouse(of))]
    if not left:
        # Nothing was begun, or everything was over.
        assert after == between and told in ([], ["done"])
        assert after == (_NEW if told else _OLD)
        return "over" if told else "not begun"
    assert after == (_NEW if how == "resume" else _OLD)
    assert told == ["done" if how == "resume" else "undone"]
    return how


@pytest.mark.parametrize("how", ["resume", "undo"])
@pytest.mark.parametrize("part", [0.4, 0.8])
def test_one_killed_on_the_way_is_finished_or_undone(
    target: Project,
    how: str,
    part: float,
) -> None:
    # How many statements there are is the same for the same tables; about as many as this.
    assert look(target, int(part * 60), how) in (how, "over")


@pytest.mark.prove
@pytest.mark.parametrize("how", ["resume", "undo"])
def test_one_killed_after_any_statement_is_finished_or_undone(
    target: Project,
    how: str,
    tmp_path: Path,
) -> None:
    import shutil

    whole = tmp_path / "whole"
    shutil.copytree(target.root, whole)
    statements = promoted(whole, None)
    ended = []
    for lives in range(statements):
        root = tmp_path / f"killed-{lives}"
        shutil.copytree(target.root, root)
        ended.append(look(open_project(root, "other"), lives, how))
        shutil.rmtree(root)
    assert ended[0] == "not begun" and ended.count(how) > statements / 2
