"""A small project folder with definitions of its own, and an instance set up as the platform's."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from dagster import DagsterInstance

from dataplatform.runtime.home import open_instance

PACKAGE = Path(__file__).parents[2]

GRAPH = """
import os, time
from pathlib import Path
import dagster as dg

@dg.asset(key=["raw", "a"], check_specs=[dg.AssetCheckSpec("good", asset=["raw", "a"])])
def a(context):
    print("printed by a")
    yield dg.MaterializeResult(metadata={"rows": 3}, data_version=dg.DataVersion("1"))
    yield dg.AssetCheckResult(passed=True, metadata={"expected": ">0"})

@dg.asset(key=["raw", "slow"], deps=[["raw", "a"]], pool="warehouse")
def slow():
    Path("started").write_text(str(os.getpid()))
    while not Path("go").exists():
        time.sleep(0.05)

@dg.asset(key=["raw", "bad"], deps=[["raw", "a"]])
def bad():
    raise dg.Failure("the file is not there")

@dg.sensor(job_name="only_a", minimum_interval_seconds=1)
def never(context):
    return dg.SkipReason("no")

@dg.schedule(job_name="only_a", cron_schedule="* * * * *",
             default_status=dg.DefaultScheduleStatus.RUNNING if Path("tick").exists()
             else dg.DefaultScheduleStatus.STOPPED)
def minutely(context):
    return dg.RunRequest()

defs = dg.Definitions(
    assets=[a, slow, bad],
    jobs=[dg.define_asset_job("everything", "*"), dg.define_asset_job("only_a", 'key:"raw/a"'),
          dg.define_asset_job("only_slow", 'key:"raw/slow"')],
    schedules=[minutely],
    sensors=[never],
    executor=dg.in_process_executor,
)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a module of definitions."""
    (tmp_path / "small_graph.py").write_text(GRAPH)
    return tmp_path


@pytest.fixture
def project(folder: Path) -> Any:
    """As much of a project as the runtime needs."""
    return SimpleNamespace(root=folder, state=folder / ".dataplatform")


@pytest.fixture
def instance(project: Any) -> Iterator[DagsterInstance]:
    """The instance that the runtime opens for the project."""
    with open_instance(project) as found:
        yield found


@pytest.fixture
def spawn(folder: Path) -> Iterator[Callable[[str], subprocess.Popen[str]]]:
    """Start Python code in the project's folder, in a process that ends with the test."""
    started: list[subprocess.Popen[str]] = []

    def start(code: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", code],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": f"{PACKAGE}{os.pathsep}{folder}"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.wait()


PROGRAM = """
from pathlib import Path
from types import SimpleNamespace
import small_graph
from dataplatform.runtime.execute import execute
project = SimpleNamespace(root=Path.cwd(), state=Path(".dataplatform"))
result = execute(project, repository=small_graph.defs.get_repository_def(), {arguments})
Path("result").write_text(repr(result))
"""


@pytest.fixture
def execute_elsewhere(
    spawn: Callable[[str], subprocess.Popen[str]],
) -> Callable[[str], subprocess.Popen[str]]:
    """Run ``execute`` in a process of its own, with the arguments given as text."""
    return lambda arguments: spawn(PROGRAM.format(arguments=arguments))
