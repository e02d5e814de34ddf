"""Slow modules are imported beside a run, and steps that need them wait."""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from dagster import AssetSpec, DagsterInstance, Definitions, define_asset_job, multi_asset

from dataplatform.resources.executor import NEEDS
from dataplatform.runtime.execute import execute
from dataplatform.runtime.preload import Preload

SLOW = """
import threading, time
began, thread = time.monotonic(), threading.current_thread().name
time.sleep(0.3)
ended = time.monotonic()
"""


@pytest.fixture
def modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder of modules, forgotten afterwards."""
    for name in ("slow_one", "slow_two", "broken_one"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    (tmp_path / "slow_one.py").write_text(SLOW)
    (tmp_path / "slow_two.py").write_text(SLOW)
    (tmp_path / "broken_one.py").write_text("raise OSError('not here')")
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def test_modules_are_imported_in_turn_and_waited_for(modules: Path) -> None:
    preload = Preload(["slow_one", "broken_one", "slow_two"])
    preload.wait("slow_one")
    assert sys.modules["slow_one"].thread == "preload"
    assert not hasattr(sys.modules.get("slow_two"), "ended"), "only what is waited for is ready"
    preload.wait("nobody_asked_for_this")
    preload.wait("broken_one")
    assert "broken_one" not in sys.modules
    preload.wait("slow_two")
    assert sys.modules["slow_two"].began >= sys.modules["slow_one"].ended


def test_nothing_asked_for_starts_no_thread() -> None:
    before = threading.active_count()
    Preload([]).wait("anything")
    assert threading.active_count() == before


def test_a_module_loads_while_an_earlier_step_waits(
    modules: Path, project: Any, instance: DagsterInstance
) -> None:
    seen: dict[str, float] = {}

    @multi_asset(specs=[AssetSpec("waits")])
    def waits() -> None:
        time.sleep(0.1)
        seen["waited until"] = time.monotonic()

    @multi_asset(specs=[AssetSpec("works", deps=["waits"])], op_tags={NEEDS: "slow_one"})
    def works() -> None:
        seen["worked from"] = time.monotonic()

    @multi_asset(specs=[AssetSpec("fails", deps=["works"])], op_tags={NEEDS: "broken_one"})
    def fails() -> None:
        import broken_one  # type: ignore[import-not-found]  # noqa: F401

    graph = Definitions(
        assets=[waits, works, fails],
        jobs=[define_asset_job("everything", "*"), define_asset_job("first", "waits")],
    ).get_repository_def()
    assert execute(project, job="first", repository=graph).success
    assert "slow_one" not in sys.modules, "no step of the run needed it"
    result = execute(project, repository=graph)
    loaded = sys.modules["slow_one"]
    assert loaded.thread == "preload"
    assert loaded.began < seen["waited until"] < loaded.ended <= seen["worked from"]
    assert not result.success and [text.split(":")[0] for text in result.failures] == ["fails"]
