"""All rules and monitors of a contract over one hand-written scan of the same metrics.

Twelve rules and every measure of twenty columns, in turns with a statement that somebody wrote for
this one table. ``python -m benchmarks.scan [--rows N]`` prints

- the ratio of medians (at most 1.3) and the memory of a process that does nothing else (below
  2 GB);
- beside them, up to 5,000,000 rows, the same twelve rules judged by Great Expectations as it is
  shipped, on pandas, and by dbt tests, each over our rules and figures together.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.scan_peers import dbt_tests, gx_on_pandas
from benchmarks.scan_table import COLUMNS, TABLE, checks, fill, hand_written, measures
from benchmarks.targets import Targets
from dataplatform.checks.scan import run_scan
from dataplatform.duckdb_file import open_duckdb

RATIO, GIGABYTES = 1.3, 2.0
#: Above this, the peers need more memory and time than a benchmark should take.
PEERS_UP_TO = 5_000_000


def ours(connection: Any) -> int:
    """Judge the rules and take the measures; gives the number of figures."""
    figures: dict[Any, Any] = {}
    verdicts = run_scan(
        lambda sql: connection.execute(sql).fetchall(),
        checks(),
        "duckdb",
        COLUMNS,
        measures(),
        figures.update,
    )
    assert len(verdicts) == 12 and all(verdict.passed for verdict in verdicts), verdicts
    assert len(figures) >= len(measures())
    return len(figures)


def compare(path: Path, rounds: int) -> tuple[float, float]:
    """Return the median seconds of (ours, the hand-written statement), taken in turns."""
    statement = hand_written()
    times: dict[str, list[float]] = {"ours": [], "theirs": []}
    with open_duckdb(path, purpose="benchmark") as connection:
        turns: tuple[tuple[str, Callable[[], object]], ...] = (
            ("ours", lambda: ours(connection)),
            ("theirs", lambda: connection.execute(statement).fetchall()),
        )
        for turn in range(rounds + 1):
            for name, run in turns if turn % 2 else reversed(turns):
                begun = time.perf_counter()
                run()
                if turn:  # the first turn warms the file's pages
                    times[name].append(time.perf_counter() - begun)
    return statistics.median(times["ours"]), statistics.median(times["theirs"])


def memory(path: Path) -> float:
    """Return the gigabytes that a process takes to do it once."""
    code = (
        "import sys, resource; from pathlib import Path; from benchmarks.scan import ours; "
        "from dataplatform.duckdb_file import open_duckdb\n"
        "with open_duckdb(Path(sys.argv[1]), purpose='benchmark') as connection: ours(connection)\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True
    )
    return int(done.stdout.strip().splitlines()[-1]) / 1024**2


def main() -> int:
    """Measure, print the figures, and return 1 where a target was missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    targets = Targets("scan")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "warehouse.duckdb"
        with open_duckdb(path, purpose="benchmark") as connection:
            fill(connection, options.rows)
            figures = ours(connection)
        mine, theirs = compare(path, options.rounds)
        print(
            f"{options.rows:,} rows, 12 rules and {figures} figures of {len(COLUMNS)} columns of "
            f"{TABLE}: {mine:.3f} s; by hand: {theirs:.3f} s"
        )
        targets.at_most("ours over one hand-written scan", mine / theirs, RATIO)
        targets.at_most("memory in gigabytes", memory(path), GIGABYTES)
        if options.rows <= PEERS_UP_TO:
            for name, peer in (("GX on pandas", gx_on_pandas), ("dbt tests", dbt_tests)):
                spent = peer(path, Path(folder))
                print(f"12 rules by {name}: {spent.seconds:.2f} s, {spent.gigabytes:.2f} GB")
                targets.reported(f"12 rules by {name} over rules and figures by us",
                                 spent.seconds / mine)  # fmt: skip
    return targets.code


if __name__ == "__main__":
    sys.exit(main())
