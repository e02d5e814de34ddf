"""How much a run through the platform costs over bare dbt, and its graph over dagster_dbt.

``python -m benchmarks.dbt_graph`` prints ratios against their targets:

- launch to success of a whole generated dbt project under a warm ``dagster dev``, through GraphQL,
  over ``dbt build`` of the same project (1.10 for 200 models, 1.3 for 20);
- in the same runs, launch to the first step running (the limit of ``benchmarks.launch``);
- loading the real definitions over ``import dagster_dbt`` (1.5).

Both sides start from an empty warehouse file and a parsed project, in turns, and the middle of
several rounds counts.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.generated_project import generate
from benchmarks.launch import LIMIT_SECONDS
from dataplatform_tests.child_server import free_port

REPOSITORY = Path(__file__).resolve().parents[1]
TARGETS = {200: 1.10, 20: 1.3}
IMPORT_TARGET = 1.5
_LAUNCH = """
mutation Launch($params: ExecutionParams!) {
  launchRun(executionParams: $params) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on PythonError { message }
    ... on InvalidSubsetError { message }
    ... on PipelineNotFoundError { message }
    ... on RunConfigValidationInvalid { errors { message } }
  }
}
"""
_LOCATIONS = """
{ workspaceOrError { ... on Workspace { locationEntries {
  loadStatus locationOrLoadError { __typename ... on PythonError { message } } } } } }
"""
_STATUS = "query ($id: ID!) { runOrError(runId: $id) { ... on Run { status } } }"
_STEPS = "query ($id: ID!) { runOrError(runId: $id) { ... on Run { stepStats { startTime } } } }"


def _variables(project: Path) -> dict[str, str]:
    return {
        **os.environ,
        "DATAPLATFORM_PROJECT": str(project),
        "DATAPLATFORM_ENV": "local",
        "DATAPLATFORM_DUCKDB_PATH": str(_warehouse(project)),
        "DAGSTER_HOME": str(project / ".dataplatform" / "home"),
        "PYTHONPATH": str(REPOSITORY),
    }


def _warehouse(project: Path) -> Path:
    return project / ".dataplatform" / "warehouse.duckdb"


def _empty(project: Path) -> None:
    _warehouse(project).parent.mkdir(parents=True, exist_ok=True)
    for path in _warehouse(project).parent.glob("warehouse.duckdb*"):
        path.unlink()


def bare_dbt(project: Path) -> float:
    """Build the project with dbt alone and return the seconds it took."""
    _empty(project)
    started = time.perf_counter()
    ran = subprocess.run(
        [sys.executable, "-m", "dbt.cli.main", "build", "--project-dir", "dbt_project",
         "--profiles-dir", "dbt_project"],
        cwd=project, env=_variables(project), check=False, capture_output=True, text=True,
    )  # fmt: skip
    if ran.returncode:
        raise RuntimeError(f"dbt build failed: {ran.stdout[-2000:]}")
    return time.perf_counter() - started


class Dagster:
    """A running ``dagster dev`` and its GraphQL."""

    def __init__(self, port: int) -> None:
        self._url = f"http://127.0.0.1:{port}/graphql"

    def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        """Send a query and return its data."""
        body = json.dumps({"query": query, "variables": variables}).encode()
        request = urllib.request.Request(self._url, body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            data = json.loads(answer.read())
        if data.get("errors"):
            raise RuntimeError(str(data["errors"])[:500])
        found: dict[str, Any] = data["data"]
        return found

    def wait_until_loaded(self, log: Path, seconds: float = 180) -> None:
        """Wait until the server answers and has loaded the graph."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            try:
                found = self.ask(_LOCATIONS)["workspaceOrError"]["locationEntries"]
                if found and found[0]["loadStatus"] == "LOADED":
                    failed = found[0]["locationOrLoadError"].get("message")
                    if failed:
                        raise RuntimeError(failed[:2000])
                    return
            except (urllib.error.URLError, OSError):
                pass
            time.sleep(0.25)
        raise RuntimeError(f"dagster dev did not start: {log.read_text()[-2000:]}")

    def run(self, job: str = "everything") -> tuple[float, float]:
        """Launch a job; return the seconds to its success, and to its first step running."""
        started, clock = time.time(), time.perf_counter()
        selector = {
            "repositoryLocationName": "dataplatform",
            "repositoryName": "__repository__",
            "pipelineName": job,
        }
        launched = self.ask(_LAUNCH, params={"selector": selector, "mode": "default"})["launchRun"]
        if launched["__typename"] != "LaunchRunSuccess":
            raise RuntimeError(str(launched))
        run_id = launched["run"]["runId"]
        while True:
            run = self.ask(_STATUS, id=run_id)["runOrError"]
            if run["status"] == "SUCCESS":
                seconds = time.perf_counter() - clock
                steps = self.ask(_STEPS, id=run_id)["runOrError"]["stepStats"]
                return seconds, min(step["startTime"] for step in steps) - started
            if run["status"] in ("FAILURE", "CANCELED"):
                raise RuntimeError(f"The run {run_id} ended with {run['status']}.")
            time.sleep(0.05)


@contextmanager
def dagster_dev(project: Path) -> Iterator[Dagster]:
    """Run ``dagster dev`` on a project, warm: it has answered and has done one run."""
    subprocess.run(
        [sys.executable, "-c",
         ("from dataplatform.declarations.project import open_project;"
         "from dataplatform.runtime.home import prepare_home; prepare_home(open_project())")],
        cwd=project, env=_variables(project), check=True,
    )  # fmt: skip
    port = free_port()
    log = (project / "dagster.log").open("w")
    server = subprocess.Popen(
        [sys.executable, "-m", "dagster", "dev", "-h", "127.0.0.1", "-p", str(port)],
        cwd=project, env=_variables(project), stdout=log, stderr=log, start_new_session=True,
    )  # fmt: skip
    try:
        yield Dagster(port)
    finally:
        os.killpg(server.pid, signal.SIGINT)
        try:
            server.wait(timeout=30)
        except subprocess.TimeoutExpired:
            os.killpg(server.pid, signal.SIGKILL)
        log.close()


def measure_run(models: int, rounds: int) -> tuple[float, float]:
    """Print and return the ratio of a whole run to bare dbt, and the seconds to its first step."""
    with tempfile.TemporaryDirectory(prefix="dbt_graph_") as folder:
        project = Path(folder)
        tests = generate(project, models)
        bare, ours, starts = [], [], []
        bare_dbt(project)
        with dagster_dev(project) as dagster:
            _empty(project)
            dagster.wait_until_loaded(project / "dagster.log")
            dagster.run()
            for _ in range(rounds):
                bare.append(bare_dbt(project))
                _empty(project)
                seconds, start = dagster.run()
                ours.append(seconds)
                starts.append(start)
    ratio = statistics.median(ours) / statistics.median(bare)
    start = statistics.median(starts)
    target = TARGETS.get(models)
    print(
        f"{models} models, {tests} tests: bare dbt {statistics.median(bare):.2f} s, "
        f"through dagster dev {statistics.median(ours):.2f} s, ratio {ratio:.2f}"
        + (f" (target {target})" if target else "")
        + f"; launch to first step {start:.2f} s (target {LIMIT_SECONDS:.0f} s)"
    )
    return ratio, start


def measure_import(rounds: int) -> float:
    """Print and return the ratio of loading the real definitions to importing dagster_dbt."""

    def seconds(code: str) -> float:
        started = time.perf_counter()
        subprocess.run(
            [sys.executable, "-W", "ignore", "-c", code], cwd=REPOSITORY, check=True,
            capture_output=True,
        )  # fmt: skip
        return time.perf_counter() - started

    load = "from dataplatform.definitions import defs; defs.get_repository_def()"
    seconds(load)
    seconds("import dagster_dbt")
    ours, theirs = [], []
    for _ in range(rounds):
        ours.append(seconds(load))
        theirs.append(seconds("import dagster_dbt"))
    ratio = statistics.median(ours) / statistics.median(theirs)
    print(
        f"loading the definitions {statistics.median(ours):.2f} s, import dagster_dbt "
        f"{statistics.median(theirs):.2f} s, ratio {ratio:.2f} (target {IMPORT_TARGET})"
    )
    return ratio


def main() -> None:
    """Measure what is asked for; everything by default."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", type=int, action="append", help="sizes (default 200 and 20)")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--skip-import", action="store_true")
    chosen = parser.parse_args()
    good = True
    for models in chosen.models or [200, 20]:
        ratio, start = measure_run(models, chosen.rounds)
        good &= ratio <= TARGETS.get(models, float("inf")) and start <= LIMIT_SECONDS
    if not chosen.skip_import:
        good &= measure_import(chosen.rounds) <= IMPORT_TARGET
    raise SystemExit(0 if good else 1)


if __name__ == "__main__":
    main()
