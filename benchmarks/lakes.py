"""How long dbt builds on a DuckLake, beside the same build on a DuckDB file.

``python -m benchmarks.lakes [--scale 1] [--rounds 5]``: a run of the demo company gives the raw
tables, which are loaded into both, each with a copy of the project and servers of its own. Then
the whole project is built on both in turns, as ``dataplatform dbt build`` does it; dbt finds it
parsed, and the tables are there from a first build that is not counted. The middle ratio of the
rounds is at most 1.5.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.servers import timed
from benchmarks.targets import Targets

if TYPE_CHECKING:
    from dataplatform.declarations.project import Project

TARGET = 1.5
FILE, LAKE = "duckdb", "ducklake"


def prepare(scale: float, folder: Path, stack: ExitStack) -> dict[str, Project]:
    """Return a copy of the project for each engine, with its servers and the demo's raw tables.

    Args:
        scale: of the demo.
        folder: holds the copies.
        stack: stops the servers at its end.
    """
    from dataplatform.local import supervisor
    from dataplatform.parity.build import inputs
    from dataplatform.parity.stage import stage
    from dataplatform.resources.warehouse import open_warehouse
    from dataplatform_tests.end_to_end.company import company

    with company(scale) as it:
        it.command("run")
        raw = inputs(it.project, folder / "inputs")
        staged = {engine: stage(it.project, engine, folder / engine) for engine in (FILE, LAKE)}
    for project in staged.values():
        stack.callback(supervisor.stop, project)
        supervisor.start(project)
        warehouse = open_warehouse(project.environment, project)
        for relation, path in raw.items():
            warehouse.load_parquet(relation, path)
    return staged


def build(project: Project) -> dict[str, float]:
    """Build the whole project with dbt and return the seconds of each node.

    Raises:
        SystemExit: dbt could not build a model.
    """
    from dataplatform.declarations.dbt_project import target_folder
    from dataplatform.transform.dbt_command import run_dbt_command

    code = run_dbt_command(project, ["--quiet", "build"], "a benchmark")
    results = target_folder(project) / "hand" / "run_results.json"
    if code not in (0, 1):
        raise SystemExit(f"dbt could not build the models (exit code {code}).")
    told = json.loads(results.read_text(encoding="utf-8"))["results"]
    failed = [one["unique_id"] for one in told if one["status"] == "error"]
    if failed:
        raise SystemExit(f"dbt could not build {failed[0]}.")
    return {one["unique_id"]: one["execution_time"] for one in told}


def main() -> int:
    """Measure and print the ratio; return 1 if the target is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    taken: dict[str, list[float]] = {FILE: [], LAKE: []}
    nodes: dict[str, dict[str, float]] = {}
    # Not the usual temporary folder's shape: PostgreSQL runs as a user who must enter it.
    with tempfile.TemporaryDirectory(prefix="bench-lakes-") as name, ExitStack() as stack:
        Path(name).chmod(0o755)
        staged = prepare(options.scale, Path(name), stack)
        for number in range(options.rounds + 1):
            engines = (FILE, LAKE) if number % 2 else (LAKE, FILE)
            for engine in engines:
                seconds = timed(lambda it=engine: nodes.update({it: build(staged[it])}))  # type: ignore[misc]
                taken[engine] += [seconds] if number else []
    told = Targets("lakes")
    ratios = [lake / file for lake, file in zip(taken[LAKE], taken[FILE], strict=True)]
    told.at_most("build_vs_duckdb", statistics.median(ratios), TARGET)
    for engine, seconds in taken.items():
        told.reported(f"seconds_{engine}", statistics.median(seconds))
        told.reported(f"seconds_in_nodes_{engine}", sum(nodes[engine].values()))
    return told.code


if __name__ == "__main__":
    sys.exit(main())
