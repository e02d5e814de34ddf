"""Slow modules are imported beside a run, and steps that need them wait."""

from __future__ import annotations

import sys
import threading
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from dagster import AssetSpec, DagsterInstance, Definitions, define_asset_job, multi_asset

from dataplatform.resources.executor import NEEDS
from dataplatform.runtime.execute import execute
from dataplatform.runtime.preload import Preload

SLOW = """
import threading
import preload_gates
thread = threading.current_thread().name
preload_gates.order.append(__name__ + " begins")
preload_gates.begun.set()
preload_gates.of[__name__].wait(60)
preload_gates.order.append(__name__ + " is ready")
"""


class Gates(ModuleType):
    """What two modules wait for in the middle of their import, and what happened in which order."""

    def __init__(self) -> None:
        super().__init__("preload_gates")
        self.of = {name: threading.Event() for name in ("slow_one", "slow_two")}
        self.begun = threading.Event()
        self.order: list[str] = []


@pytest.fixture
def gates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Gates:
    """Return what holds a folder's modules back; all are forgotten afterwards."""
    gates = Gates()
    monkeypatch.setitem(sys.modules, gates.__name__, gates)
    for name in ("slow_one", "slow_two", "broken_one"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    (tmp_path / "slow_one.py").write_text(SLOW)
    (tmp_path / "slow_two.py").write_text(SLOW)
    (tmp_path / "broken_one.py").write_text("raise OSError('not here')")
    monkeypatch.syspath_prepend(tmp_path)
    return gates


def test_modules_are_imported_in_turn_and_waited_for(gates: Gates) -> None:
    gates.of["slow_one"].set()
    preload = Preload(["slow_one", "broken_one", "slow_two"])
    preload.wait("slow_one")
    assert sys.modules["slow_one"].thread == "preload"
    assert "slow_two is ready" not in gates.order, "only what is waited for is ready"
    preload.wait("nobody_asked_for_this")
    preload.wait("broken_one")
    assert "broken_one" not in sys.modules
    gates.of["slow_two"].set()
    preload.wait("slow_two")
    one, two = ([f"{name} begins", f"{name} is ready"] for name in gates.of)
    assert gates.order == [*one, *two]


def test_nothing_asked_for_starts_no_thread() -> None:
    before = set(threading.enumerate())
    Preload([]).wait("anything")
    assert set(threading.enumerate()) <= before


def test_a_module_loads_while_an_earlier_step_waits(
    gates: Gates, project: Any, instance: DagsterInstance
) -> None:
    @multi_asset(specs=[AssetSpec("waits")])
    def waits(context):  # type: ignore[no-untyped-def]
        first = context.run.job_name == "first"
        assert first or gates.begun.wait(60), "the import runs beside this step"
        gates.order.append("waits")
        gates.of["slow_one"].set()

    @multi_asset(specs=[AssetSpec("works", deps=["waits"])], op_tags={NEEDS: "slow_one"})
    def works() -> None:
        gates.order.append("works")

    @multi_asset(specs=[AssetSpec("fails", deps=["works"])], op_tags={NEEDS: "broken_one"})
    def fails() -> None:
        import broken_one  # type: ignore[import-not-found]  # noqa: F401

    graph = Definitions(
        assets=[waits, works, fails],
        jobs=[define_asset_job("everything", "*"), define_asset_job("first", "waits")],
    ).get_repository_def()
    assert execute(project, job="first", repository=graph).success
    assert gates.order == ["waits"], "no step of that run needed a module"
    gates.of["slow_one"].clear()
    result = execute(project, repository=graph)
    assert sys.modules["slow_one"].thread == "preload"
    assert gates.order[1:] == ["slow_one begins", "waits", "slow_one is ready", "works"]
    assert not result.success and [text.split(":")[0] for text in result.failures] == ["fails"]
