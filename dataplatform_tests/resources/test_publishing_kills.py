"""A process that publishes is killed at any moment: readers find all old or all new tables."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from dataplatform.resources.warehouse.duckdb import DuckDBAdapter
from dataplatform.resources.warehouse.publication import version_relation
from dataplatform_tests.resources.publishing_worlds import NAMES, kept, read
from dataplatform_tests.servers import REPOSITORY

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


def kill_once(file: Path, share: float) -> None:
    """Start a process that publishes, and kill it within its second publication, or the third.

    Args:
        file: the warehouse.
        share: when, as a share of the time that its first publication took.
    """
    process = subprocess.Popen(
        [sys.executable, "-m", "dataplatform_tests.resources.publish_for_ever", str(file)],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        first = int(process.stdout.readline())
        began = time.monotonic()
        assert int(process.stdout.readline()) == first + 1
        time.sleep(share * (time.monotonic() - began))
        assert process.poll() is None, "it ended by itself"
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()


@pytest.mark.parametrize(
    "times", [pytest.param(5, id="a few"), pytest.param(100, id="all", marks=pytest.mark.prove)]
)
def test_readers_never_see_a_half_published_group(times: int, tmp_path: Path) -> None:
    file = tmp_path / "warehouse.duckdb"
    warehouse = DuckDBAdapter(lambda: file)
    dice = random.Random(11)
    last = 0
    for _ in range(times):
        kill_once(file, dice.uniform(0.0, 1.3))
        assert warehouse.published.repair() == []
        served = warehouse.published.served()
        builds = {number for number, _ in read(warehouse).values()}
        assert len(builds) == 1, builds
        (build,) = builds
        assert {one.data_version for one in served.values()} == {f"build {build}"}
        assert read(warehouse) == dict.fromkeys(NAMES, (build, 10 + build))
        listed = {
            version_relation(one.target, one.id).table for one in warehouse.published.versions()
        }
        assert listed == kept(warehouse)
        assert build > last
        last = build
