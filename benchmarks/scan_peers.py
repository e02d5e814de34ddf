"""The twelve rules of the scan benchmark by those who also judge rules: GX, and dbt's tests."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.scan_table import EMAIL

_EXPECTATIONS = f"""
    ("expect_table_row_count_to_be_between", dict(min_value=1000)),
    ("expect_column_values_to_not_be_null", dict(column="customer_id")),
    ("expect_column_values_to_be_unique", dict(column="customer_id")),
    ("expect_column_values_to_not_be_null", dict(column="email")),
    ("expect_column_values_to_match_regex", dict(column="email", regex=r"{EMAIL}")),
    ("expect_column_values_to_be_between", dict(column="age", min_value=0, max_value=120)),
    ("expect_column_values_to_be_in_set",
     dict(column="status", value_set=["active", "inactive", "prospect"])),
    ("expect_column_value_lengths_to_equal", dict(column="country", value=2)),
    ("expect_column_values_to_be_between", dict(column="amount", min_value=0)),
    ("expect_column_mean_to_be_between", dict(column="amount", min_value=0, max_value=10000)),
    ("expect_column_max_to_be_between",
     dict(column="updated_at", min_value=datetime.datetime(2020, 1, 1))),
    ("expect_column_values_to_be_between",
     dict(column="amount", max_value=5000, row_condition='status == "prospect"',
          condition_parser="pandas")),
"""
_GX = f"""
import datetime, sys, time, duckdb
import great_expectations as gx
from great_expectations.expectations.registry import get_expectation_impl
context = gx.get_context(mode="ephemeral")
context.enable_analytics(False)
context.variables.progress_bars = {{"globally": False}}
connection = duckdb.connect(sys.argv[1], read_only=True)
begun = time.perf_counter()
frame = connection.execute("select * from staging.customers").df()
asset = context.data_sources.add_pandas("pandas").add_dataframe_asset("customers")
whole = asset.add_batch_definition_whole_dataframe("whole")
batch = whole.get_batch(batch_parameters={{"dataframe": frame}})
suite = gx.ExpectationSuite(name="suite", expectations=[
    get_expectation_impl(kind)(**arguments) for kind, arguments in [{_EXPECTATIONS}]
])
result = batch.validate(suite)
seconds = time.perf_counter() - begun
assert result.success and len(result.results) == 12, result
"""
_SINGULAR = {
    "rows": "select 1 from (select count(*) as n from {t}) where n < 1000",
    "email": f"select 1 from {{t}} where not regexp_matches(email, '{EMAIL}')",
    "age": "select 1 from {t} where age < 0 or age > 120",
    "country": "select 1 from {t} where length(country) <> 2",
    "amount": "select 1 from {t} where amount < 0",
    "mean": "select 1 from (select avg(amount) as a from {t}) where a not between 0 and 10000",
    "newest": "select 1 from (select max(updated_at) as m from {t}) where m < '2020-01-01'",
    "prospects": "select 1 from {t} where status = 'prospect' and amount > 5000",
}
_SOURCES = """
version: 2
sources:
  - name: staging
    tables:
      - name: customers
        columns:
          - {name: customer_id, data_tests: [not_null, unique]}
          - name: email
            data_tests: [not_null]
          - name: status
            data_tests:
              - accepted_values: {arguments: {values: [active, inactive, prospect]}}
"""
_PROJECT = """
name: peer
version: "1.0"
config-version: 2
profile: peer
flags: {send_anonymous_usage_stats: false}
"""
_DBT = """
import os, sys, time
from dbt.cli.main import dbtRunner
runner = dbtRunner()
common = ["--project-dir", sys.argv[1], "--profiles-dir", sys.argv[1], "--quiet"]
assert runner.invoke(["parse", *common]).success
begun = time.perf_counter()
done = runner.invoke(["test", *common])
seconds = time.perf_counter() - begun
assert done.success and len(done.result.results) == int(sys.argv[2]), done
"""
_SAID = """
import resource
print(seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@dataclass(frozen=True)
class Spent:
    """What a peer took: seconds without its imports, and the gigabytes of its process."""

    seconds: float
    gigabytes: float


def run_peer(code: str, *arguments: str) -> Spent:
    """Run a peer in a process of its own.

    Args:
        code: Python that leaves its ``seconds``.
        arguments: for the code.
    """
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code + _SAID, *arguments],
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise SystemExit(f"A peer failed:\n{done.stdout[-800:]}\n{done.stderr[-800:]}")
    seconds, kilobytes = done.stdout.strip().splitlines()[-1].split()
    return Spent(float(seconds), int(kilobytes) / 1024**2)


def run_dbt_tests(path: Path, project: Path, files: Mapping[str, str], tests: int) -> Spent:
    """Run ``dbt test`` with everything imported and parsed.

    Args:
        path: the warehouse.
        project: where the dbt project is written.
        files: its sources and tests.
        tests: how many there are.
    """
    profile = (
        "peer: {target: d, outputs: {d: {type: duckdb, threads: 4, schema: staging,"
        f" path: '{path}'}}}}}}\n"
    )
    for name, text in {"dbt_project.yml": _PROJECT, "profiles.yml": profile, **files}.items():
        target = project / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    return run_peer(_DBT, str(project), str(tests))


def gx_on_pandas(path: Path, folder: Path) -> Spent:
    """Return what Great Expectations takes as it is shipped, reading the table included."""
    return run_peer(_GX, str(path))


def dbt_tests(path: Path, folder: Path) -> Spent:
    """Return what ``dbt test`` takes."""
    table = "{{ source('staging', 'customers') }}"
    singular = {f"tests/{name}.sql": text.format(t=table) for name, text in _SINGULAR.items()}
    files = {"models/sources.yml": _SOURCES, **singular}
    return run_dbt_tests(path, folder / "peer", files, 12)
