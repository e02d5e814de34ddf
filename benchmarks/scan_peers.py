"""The twelve rules of the scan benchmark by those who also judge rules: GX, and dbt's tests."""

from __future__ import annotations

import subprocess
import sys
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
assert result.success and len(result.results) == 12, result
print(time.perf_counter() - begun)
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
assert done.success and len(done.result.results) == 12, done
print(time.perf_counter() - begun)
"""


def _seconds(code: str, *arguments: str) -> float:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, *arguments], capture_output=True, text=True
    )
    if done.returncode:
        raise SystemExit(f"A peer of the scan failed:\n{done.stdout[-800:]}\n{done.stderr[-800:]}")
    return float(done.stdout.strip().splitlines()[-1])


def gx_on_pandas(path: Path, folder: Path) -> float:
    """Return the seconds of Great Expectations as shipped, reading the table included."""
    return _seconds(_GX, str(path))


def dbt_tests(path: Path, folder: Path) -> float:
    """Return the seconds of ``dbt test`` with everything imported and parsed."""
    project = folder / "peer"
    files = {
        "dbt_project.yml": _PROJECT,
        "profiles.yml": "peer: {target: d, outputs: {d: {type: duckdb, threads: 4, schema: staging,"
        f" path: '{path}'}}}}}}\n",
        "models/sources.yml": _SOURCES,
    }
    for name, text in _SINGULAR.items():
        table = "{{ source('staging', 'customers') }}"
        files[f"tests/{name}.sql"] = text.format(t=table)
    for name, text in files.items():
        target = project / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    return _seconds(_DBT, str(project))
