"""Many tables with many rules: how fast they are judged, loaded and reported.

``python -m benchmarks.many_checks [--tables N]`` makes a project of 1,000 raw tables with contracts
of ten rules each, and reports

- checks a second: the scans alone, and as steps of one Dagster run with everything recorded;
- the scans over one hand-written statement for each table, and over the same rules judged by Great
  Expectations as it is shipped, on pandas, and by dbt tests (of some of the tables);
- the graph's load, in a process of its own, over that of the same assets and checks as bare
  Dagster definitions, without files, metadata or anything else;
- the seconds in which the check report is made, and the memory of it all.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.generated_project import generate
from benchmarks.many_peers import RULES, by_hand, dbt_tests, gx_on_pandas
from benchmarks.targets import Targets

#: Rules that become SQL at each call, their verdicts told in full, over SQL that stands ready.
HAND_RATIO = 3.0
LOAD_RATIO, GIGABYTES = 2.0, 2.0
#: As steps of a run, with everything recorded, no slower than the peers that record nothing.
PEER_RATIO = 1.0
#: The peers judge so many of the tables; the others would take them as long each.
_PEER_TABLES = 50
_ROWS = 1000
_CONNECTION = """\
service: salesforce
schema: raw_shop
description: Many tables.
owner: team:data
sync_frequency: 60
schedule_type: auto
freshness: 26
config: {domain: "http://localhost"}
tables:
"""
_TABLE = """\
  table_{n:04d}:
    primary_key: [id]
    columns: {{id: bigint, name: string, amount: double}}
"""
_CONTRACT = """\
kind: DataContract
apiVersion: v3.1.0
id: raw_shop.table_{n:04d}
version: 1.0.0
status: active
team: {{name: data}}
schema:
  - name: table_{n:04d}
    properties:
      - name: id
        logicalType: integer
        primaryKey: true
        primaryKeyPosition: 1
      - name: name
        logicalType: string
        required: true
        quality:
          - {{name: name_short, metric: invalidValues, arguments: {{maxLength: 40}}, mustBe: 0}}
          - {{name: name_filled, metric: invalidValues, arguments: {{minLength: 1}}, mustBe: 0}}
          - {{name: name_form, metric: invalidValues, arguments: {{pattern: '^name'}}, mustBe: 0}}
      - name: amount
        logicalType: number
        quality:
          - {{name: amount_range, metric: invalidValues, arguments: {{minimum: 0}}, mustBe: 0}}
          - {{name: amount_null, metric: nullValues, unit: percent, mustBeLessThan: 50}}
    quality:
      - {{name: rows, metric: rowCount, mustBeGreaterThan: 0}}
"""
_BARE = """
import gc, sys
gc.disable()
import dagster as dg
steps, assets = [], []
for number in range(int(sys.argv[1])):
    key = dg.AssetKey(["raw_shop", f"table_{number:04d}"])
    assets.append(dg.AssetSpec(key))
    specs = [dg.AssetCheckSpec(f"rule_{rule}", asset=key) for rule in range(int(sys.argv[2]))]
    @dg.multi_asset_check(name=f"check_{number}", specs=specs, can_subset=True)
    def step(context):
        yield
    steps.append(step)
dg.Definitions(assets=assets, asset_checks=steps).get_repository_def()
"""
_LOAD = "from dataplatform.definitions import defs; defs.get_repository_def()"


def make(root: Path, tables: int) -> None:
    """Write a project of raw tables with contracts, and the tables themselves."""
    import duckdb

    generate(root, 1)
    (root / "config/connections").mkdir(parents=True)
    listed = "".join(_TABLE.format(n=number) for number in range(tables))
    (root / "config/connections/shop.yml").write_text(_CONNECTION + listed, encoding="utf-8")
    contracts = root / "config/contracts/raw_shop"
    contracts.mkdir(parents=True)
    (root / ".dataplatform").mkdir()
    with duckdb.connect(str(root / ".dataplatform/warehouse.duckdb")) as connection:
        connection.execute("create schema raw_shop")
        for number in range(tables):
            text = _CONTRACT.format(n=number)
            (contracts / f"table_{number:04d}.yml").write_text(text, encoding="utf-8")
            connection.execute(
                f"create table raw_shop.table_{number:04d} as select i as id, 'name' || i as name, "
                f"cast(i as double) as amount from range({_ROWS}) t(i)"
            )


def scans(project: Any) -> tuple[int, float, float]:
    """Judge all rules, a scan for each table; gives the checks, our seconds, and those by hand."""
    from dataplatform.checks.contract_rules import checks_of
    from dataplatform.checks.scan import run_scan
    from dataplatform.resources.warehouse import open_warehouse

    rules = [checks_of(contract) for contract in project.contracts]
    tables = [contract.relation.table for contract in project.contracts]
    columns = {"id": "BIGINT", "name": "VARCHAR", "amount": "DOUBLE"}
    warehouse = open_warehouse(project.environment, project)
    judged, seconds = 0, 0.0
    with warehouse.session("benchmark") as session:
        hand = by_hand(session, tables)
        for checks in rules:
            begun = time.perf_counter()
            verdicts = run_scan(session.execute, checks, "duckdb", columns)
            seconds += time.perf_counter() - begun
            assert all(verdict.passed for verdict in verdicts), verdicts
            judged += len(verdicts)
        hand = min(hand, by_hand(session, tables))
    return judged, seconds, hand


def steps(project: Any, instance: Any) -> tuple[int, float]:
    """Judge all rules as the steps of one run; gives the verdicts on record and the seconds."""
    from dagster import Definitions

    from dataplatform.quality.defs import build_definitions
    from dataplatform.resources.defs import build_resources

    resources = {"warehouse": build_resources(project)["warehouse"]}
    definitions = Definitions.merge(Definitions(resources=resources), build_definitions(project))
    chosen = [
        step
        for step in definitions.asset_checks or ()
        if {key.asset_key.path[0] for key in step.check_keys} == {"raw_shop"}
    ]
    job = Definitions(
        asset_checks=chosen, resources=resources
    ).resolve_implicit_global_asset_job_def()
    begun = time.perf_counter()
    result = job.execute_in_process(instance=instance)
    seconds = time.perf_counter() - begun
    return len(result.get_asset_check_evaluations()), seconds


def report(project: Any, instance: Any) -> float:
    """Return the seconds in which the check report is made."""
    from dataplatform.quality.report import gather, write_report

    begun = time.perf_counter()
    write_report(project, gather(project, instance))
    return time.perf_counter() - begun


def _process(code: str, root: Path, *arguments: str) -> float:
    begun = time.perf_counter()
    environment = {**os.environ, "DATAPLATFORM_PROJECT": str(root)}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, *arguments],
        cwd=root,
        env=environment,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise SystemExit(f"The graph does not load:\n{done.stderr[-800:]}")
    return time.perf_counter() - begun


def main() -> int:
    """Measure and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tables", type=int, default=1000)
    options = parser.parse_args()
    from dataplatform.declarations.project import open_project
    from dataplatform.runtime.home import open_instance

    targets = Targets("many_checks")
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        make(root, options.tables)
        _process(_LOAD, root)  # dbt parses its project once
        load = _process(_LOAD, root)
        bare = _process(_BARE, root, str(options.tables), str(RULES))
        project = open_project(root)
        judged, seconds, hand = scans(project)
        assert judged == RULES * options.tables, judged
        print(f"{options.tables:,} tables, {judged:,} checks of {_ROWS:,} rows each")
        targets.reported("checks a second, the scans alone", judged / seconds, digits=0)
        targets.at_most("the scans over those written by hand", seconds / hand, HAND_RATIO)
        targets.reported("seconds to load the graph", load)
        targets.at_most("the graph's load over bare Dagster", load / bare, LOAD_RATIO)
        with open_instance(project) as instance:
            recorded, seconds = steps(project, instance)
            assert recorded >= judged, (recorded, judged)
            speed = recorded / seconds
            targets.reported("checks a second, as steps of a run", speed, digits=0)
            targets.reported("seconds to make the report", report(project, instance))
        used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
        targets.at_most("memory in gigabytes", used, GIGABYTES)
        names = [f"table_{number:04d}" for number in range(min(options.tables, _PEER_TABLES))]
        path = root / ".dataplatform/warehouse.duckdb"
        peers = {
            "GX on pandas": gx_on_pandas(path, names),
            "dbt tests": dbt_tests(path, root, names),
        }
        for name, spent in peers.items():
            theirs = RULES * len(names) / spent.seconds
            print(f"{name}: {theirs:.0f} checks a second, {spent.gigabytes:.2f} GB")
            targets.at_least(f"steps of a run over {name}", speed / theirs, PEER_RATIO)
    return targets.code


if __name__ == "__main__":
    sys.exit(main())
