"""A warm `dataplatform run` over the bare tools that it drives, on the demo company at scale 1.

The bare tools: `COPY TO STDOUT` of every table of the shop, `dbt build` of the same project on a
copy of the same warehouse, and one hand-held scan for each contract. Both are warm: dbt, too, finds
the project parsed by an earlier call. They take turns, and a day passes before each, so both have
the same work. Ours does more than the peer (changes alone are merged, deletions found, the two
other connections synced, marts published and exported, everything recorded and reported); where
its time goes is printed beside.
"""

from __future__ import annotations

import argparse
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from dataplatform.checks.contract_rules import checks_of, scan_checks
from dataplatform.checks.scan import plan
from dataplatform.duckdb_file import open_duckdb
from dataplatform_tests.end_to_end.company import Company, company

LIMIT = 1.5
_STEP = re.compile(r"─ (\S+) +.*done, ([\d.]+) s")


def bare(it: Company, folder: Path) -> dict[str, float]:
    """Run the bare tools on a copy of the warehouse.

    Args:
        it: the company.
        folder: holds the copy and what dbt keeps between its calls; the same in every round.

    Returns:
        Seconds by tool.
    """
    path = folder / "warehouse.duckdb"
    shutil.copy(it.project.state / "warehouse.duckdb", path)
    found = {"copies": _timed(lambda: _copies(it)), "dbt build": _timed(lambda: _dbt(it, folder))}
    with open_duckdb(path, purpose="a benchmark") as connection:
        found["scans"] = _timed(lambda: _scans(it, connection))
    return found


def _timed(work: Callable[[], None]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _copies(it: Company) -> None:
    with it.sources() as sources:
        for connection in it.project.connections:
            if connection.service != "postgres":
                continue
            for table in connection.tables:
                with sources.postgres.cursor().copy(f"COPY {table.name} TO STDOUT") as copy:
                    for _ in copy:
                        pass


def _dbt(it: Company, folder: Path) -> None:
    here = str(it.project.dbt)
    subprocess.run(
        [str(Path(sys.executable).parent / "dbt"), "build",
         "--project-dir", here, "--profiles-dir", here,
         "--target-path", str(folder / "target"), "--log-path", str(folder / "logs")],
        env={**it.environment, "DATAPLATFORM_DUCKDB_PATH": str(folder / "warehouse.duckdb")},
        check=True, capture_output=True,
    )  # fmt: skip


def _scans(it: Company, connection: Any) -> None:
    for contract in it.project.contracts:
        columns = {
            str(name): str(kind)
            for name, kind in connection.execute(
                "select column_name, data_type from information_schema.columns "
                "where table_schema = ? and table_name = ?",
                list(contract.relation),
            ).fetchall()
        }
        scan = plan(scan_checks(checks_of(contract)), "duckdb", columns)
        connection.execute(scan.sql).fetchall()


def spent(output: str, seconds: float) -> list[tuple[str, float]]:
    """Return where a run's time went: its steps, and all before, between and after them."""
    steps = [(name, float(took)) for name, took in _STEP.findall(output)]
    rest = seconds - sum(took for _, took in steps)
    return [*steps, ("start, graph, records, report", rest)]


def main() -> None:
    """Measure, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    ours: list[float] = []
    theirs: list[float] = []
    with (
        company(options.scale) as it,
        tempfile.TemporaryDirectory(prefix="dataplatform-bench-") as folder,
    ):
        it.command("run")
        bare(it, Path(folder))
        for _ in range(options.rounds):
            it.command("demo", "advance", "--days", "1")
            tools = bare(it, Path(folder))
            began = time.perf_counter()
            output = it.command("run")
            ours.append(time.perf_counter() - began)
            theirs.append(sum(tools.values()))
    ratio = statistics.median(ours) / statistics.median(theirs)
    verdict = "within" if ratio <= LIMIT else "OVER"
    print(
        f"warm run over its bare tools, scale {options.scale:g}: {ratio:.2f} "
        f"({statistics.median(ours):.1f} s / {statistics.median(theirs):.1f} s), "
        f"{verdict} the limit of {LIMIT}"
    )
    rounds = zip(ours, theirs, strict=True)
    print("  rounds: " + ", ".join(f"{mine:.1f} s / {peer:.1f} s" for mine, peer in rounds))
    print("  bare: " + ", ".join(f"{name} {seconds:.1f} s" for name, seconds in tools.items()))
    parts = spent(output, ours[-1])
    print("  ours: " + ", ".join(f"{name} {seconds:.1f} s" for name, seconds in parts))


if __name__ == "__main__":
    main()
