"""A warm `dataplatform run` over the bare tools that it drives, on the demo company at scale 1.

The bare tools: `COPY TO STDOUT` of every table of the shop, `dbt build` of the same project on a
copy of the same warehouse, and one hand-held scan for each contract. A day passes before each
turn, so both have the same work. Where ours spends its time is printed beside.
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
from pathlib import Path

from dataplatform.checks.contract_rules import checks_of, scan_checks
from dataplatform.checks.scan import plan
from dataplatform.duckdb_file import open_duckdb
from dataplatform_tests.end_to_end.company import Company, company

LIMIT = 1.5


def bare(it: Company) -> dict[str, float]:
    """Run the bare tools on a copy of the warehouse; return seconds by tool."""
    found = {}
    began = time.perf_counter()
    with it.sources() as sources:
        for connection in it.project.connections:
            if connection.service != "postgres":
                continue
            for table in connection.tables:
                with sources.postgres.cursor().copy(f"COPY {table.name} TO STDOUT") as copy:
                    for _ in copy:
                        pass
    found["copies"] = time.perf_counter() - began
    with tempfile.TemporaryDirectory(prefix="dataplatform-bench-") as folder:
        path = Path(folder) / "warehouse.duckdb"
        shutil.copy(it.project.state / "warehouse.duckdb", path)
        began = time.perf_counter()
        dbt = Path(sys.executable).parent / "dbt"
        here = str(it.project.dbt)
        subprocess.run(
            [str(dbt), "build", "--project-dir", here, "--profiles-dir", here,
             "--target-path", f"{folder}/target", "--log-path", f"{folder}/logs"],
            env={**it.environment, "DATAPLATFORM_DUCKDB_PATH": str(path)},
            check=True, capture_output=True,
        )  # fmt: skip
        found["dbt build"] = time.perf_counter() - began
        began = time.perf_counter()
        with open_duckdb(path, purpose="a benchmark") as connection:
            for contract in it.project.contracts:
                checks = scan_checks(checks_of(contract))
                columns = {
                    str(name): str(kind)
                    for name, kind in connection.execute(
                        "select column_name, data_type from information_schema.columns "
                        "where table_schema = ? and table_name = ?",
                        list(contract.relation),
                    ).fetchall()
                }
                connection.execute(plan(checks, "duckdb", columns).sql).fetchall()
        found["scans"] = time.perf_counter() - began
    return found


def main() -> None:
    """Measure, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    ours: list[float] = []
    theirs: list[float] = []
    with company(options.scale) as it:
        it.command("run")
        for _ in range(options.rounds):
            it.command("demo", "advance", "--days", "1")
            tools = bare(it)
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
    print("  bare: " + ", ".join(f"{name} {seconds:.1f} s" for name, seconds in tools.items()))
    steps = re.findall(r"─ (\S+) +.*done, ([\d.]+) s", output)
    print("  ours: " + ", ".join(f"{name} {seconds} s" for name, seconds in steps))


if __name__ == "__main__":
    main()
