"""The whole graph as text, so that a review shows what a change does to it.

``python -m dataplatform_tests.graph.snapshot`` writes the snapshots anew.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
ENVIRONMENTS = ("local", "compose", "staging", "production")
# Nothing can be reached: every connection that is tried while the graph loads is an error.
_ALONE = """
import socket
def refuse(*arguments, **named):
    raise AssertionError(f"the graph contacted {arguments[1:]} while it was loaded")
socket.socket.connect = socket.socket.connect_ex = refuse
socket.getaddrinfo = refuse
"""
# What Dagster warns of while the graph loads would stand in every user's terminal.
_TELL = """
import json
import warnings
from dagster import BetaWarning, PreviewWarning
for kind in (BetaWarning, PreviewWarning, DeprecationWarning):
    warnings.filterwarnings("error", category=kind, module="dataplatform|dagster")
from dataplatform_tests.graph.snapshot import describe
from dataplatform.definitions import defs
print(json.dumps(describe(defs)))
"""


def describe(defs: Any) -> dict[str, Any]:
    """Return keys, inputs, checks, jobs, schedules and sensors of a graph."""
    repository = defs.get_repository_def()
    graph = repository.asset_graph
    severity = {
        check: graph.get_check_spec(check).metadata["dataplatform/severity"]
        for check in graph.asset_check_keys
    }
    return {
        "assets": {
            key.to_user_string(): {
                "from": sorted(parent.to_user_string() for parent in graph.get(key).parent_keys),
                "group": graph.get(key).group_name,
                "owners": sorted(graph.get(key).owners),
                "checks": sorted(
                    f"{check.name} ({severity[check]})"
                    for check in graph.asset_check_keys
                    if check.asset_key == key
                ),
            }
            for key in sorted(graph.get_all_asset_keys())
        },
        "jobs": sorted(name for name in repository.job_names if not name.startswith("__")),
        "schedules": {
            one.name: f"{one.cron_schedule} {one.execution_timezone}"
            for one in repository.schedule_defs
        },
        "sensors": sorted(one.name for one in repository.sensor_defs),
    }


def load(environment: str) -> dict[str, Any]:
    """Load the graph in a process of its own, with no network and no credentials."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    answer = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", _ALONE + _TELL],
        env={**kept, "DATAPLATFORM_ENV": environment},
        cwd=FOLDER.parents[1],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr[-3000:]
    return dict(json.loads(answer.stdout.splitlines()[-1]))


def written(environment: str) -> Path:
    """Return the file of an environment's snapshot."""
    return FOLDER / f"{environment}.json"


if __name__ == "__main__":
    for name in ENVIRONMENTS:
        written(name).write_text(json.dumps(load(name), indent=1) + "\n", encoding="utf-8")
