"""Several processes that find the dbt project changed at once: all load it, none trips."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from dataplatform_tests.servers import copy_project

_LOAD = """
from dataplatform.declarations.dbt_project import load_graph
from dataplatform.declarations.project import open_project
print(len(load_graph(open_project()).nodes))
"""


@pytest.mark.slow
def test_processes_that_parse_at_once_all_load(tmp_path: Path) -> None:
    project = copy_project(tmp_path)
    environment = {**os.environ, "DATAPLATFORM_PROJECT": str(project.root)}
    running = [
        subprocess.Popen([sys.executable, "-c", _LOAD], env=environment, stdout=subprocess.PIPE)
        for _ in range(3)
    ]
    counts = {process.communicate(timeout=240)[0] for process in running}
    assert [process.returncode for process in running] == [0, 0, 0]
    assert len(counts) == 1 and int(counts.pop()) > 0
