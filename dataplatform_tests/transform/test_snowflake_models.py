"""What a model declares for Snowflake, as dbt sends it: seen in dbt's own log of statements.

The stand-in runs them all and ignores much: tables that are transient, clusters, tags and
warehouses. Therefore what was sent is looked at, and the rows besides.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dataplatform.resources.warehouse import work
from dataplatform.resources.warehouse.snowflake import SnowflakeAdapter
from dataplatform_tests.snowflake import snowflake

pytestmark = [pytest.mark.prove, pytest.mark.timeout(600)]

DBT = Path(__file__).resolve().parents[2] / "dbt_project"
PROJECT = """
name: tried
version: "1.0"
config-version: 2
profile: dataplatform
flags: {send_anonymous_usage_stats: false}
models: {tried: {+schema: candidate}}
"""
DAYS = "select 1 as id, {n} as amount union all select {n}, 10"
INCREMENTAL = (
    "{{{{ config(materialized='incremental', incremental_strategy='{strategy}'{key}) }}}} "
)
KEY = ", unique_key='id'"
MODELS = {
    "passing": "{{ config(materialized='table', transient=true) }} select 1 as id",
    "lasting": "{{ config(materialized='table', transient=false) }} select 1 as id",
    "unsaid": "{{ config(materialized='table') }} select 1 as id",
    "clustered": "{{ config(materialized='table', transient=false, cluster_by=['id', 'amount'], "
    "automatic_clustering=true) }} select 1 as id, 2 as amount",
    "large": "{{ config(materialized='table', snowflake_warehouse='TRANSFORMING_XL', "
    "query_tag='close') }} select 1 as id",
    "merged": INCREMENTAL.format(strategy="merge", key=KEY),
    "replaced": INCREMENTAL.format(strategy="delete+insert", key=KEY),
    "appended": INCREMENTAL.format(strategy="append", key=""),
}


@pytest.fixture(scope="module")
def sent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Run dbt twice; give what each run sent for a model, and the warehouse."""
    folder = tmp_path_factory.mktemp("snowflake-models")
    (folder / "models").mkdir()
    (folder / "dbt_project.yml").write_text(PROJECT)
    shutil.copy(DBT / "profiles.yml", folder)
    shutil.copytree(DBT / "macros", folder / "macros")
    logs: list[str] = []
    with snowflake() as settings:
        sizes = {"close": "TRANSFORMING_L"}
        warehouse = SnowflakeAdapter(lambda: {**settings, "warehouses": sizes})
        work.begin(work.Work("run-1", "close"))
        try:
            variables = warehouse.dbt_variables()
        finally:
            work.begin(work.Work("", None))
        for amount in (2, 3):
            for name, text in MODELS.items():
                rows = DAYS.format(n=amount) if "incremental" in text else ""
                (folder / "models" / f"{name}.sql").write_text(text + rows)
            logs.append(_dbt(folder, variables))
        yield logs, warehouse


def _dbt(folder: Path, variables: dict[str, str]) -> str:
    log = folder / "logs" / "dbt.log"
    log.unlink(missing_ok=True)
    done = subprocess.run(
        [sys.executable, "-m", "dbt.cli.main", "run", "--target", "snowflake", "--no-use-colors",
         "--project-dir", str(folder), "--profiles-dir", str(folder),
         "--log-path", str(log.parent), "--log-level-file", "debug"],
        env={**os.environ, **variables}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:]
    return log.read_text()


def statements(log: str, model: str) -> list[str]:
    """Return what dbt sent for a model: each on one line, in small letters, without quotes."""
    return [one.lower().replace('"', "") for one in as_sent(log, model)]


def as_sent(log: str, model: str) -> list[str]:
    """Return what dbt sent for a model, each statement on one line, without its comments."""
    found = re.findall(
        rf"On model\.tried\.{model}: (.*?)(?=\n(?:\x1b\[0m)?\d\d:\d\d:\d\d\.\d+|\Z)", log, re.S
    )
    plain = [re.sub(r"/\*.*?\*/", " ", one, flags=re.S) for one in found]
    return [" ".join(one.split()) for one in plain]


def first(sent: list[str], start: str) -> str:
    """Return the first statement that begins like this."""
    return next(one for one in sent if one.startswith(start))


def test_transient_is_what_a_model_says_and_dbts_default(sent: Any) -> None:
    (log, _), _ = sent
    for model, kind in (("passing", "transient "), ("unsaid", "transient "), ("lasting", "")):
        made = first(statements(log, model), "create or replace")
        assert made.startswith(f"create or replace {kind}table analytics.candidate.{model}"), made


def test_clusters_are_declared_and_kept(sent: Any) -> None:
    (log, _), _ = sent
    found = statements(log, "clustered")
    assert "order by ( id, amount )" in first(found, "create or replace table")
    assert any("alter table analytics.candidate.clustered cluster by (id, amount)" in one
               for one in found)  # fmt: skip
    assert any("alter table analytics.candidate.clustered resume recluster" in one for one in found)


def test_a_model_has_its_own_warehouse_and_gives_back_the_sessions(sent: Any) -> None:
    (log, _), _ = sent
    used = [one for one in statements(log, "large") if one.startswith("use warehouse")]
    # The stand-in calls every session's own DOUBLE; a pipeline's is said at log-in.
    assert used == ["use warehouse transforming_xl", "use warehouse double"]
    assert not [one for one in statements(log, "lasting") if one.startswith("use warehouse")]


def test_each_models_statements_bear_its_tag(sent: Any) -> None:
    (log, _), _ = sent
    for model in MODELS:
        tag = first(as_sent(log, model), "alter session set query_tag").split("= ", 1)[1]
        told = json.loads(tag.strip("'"))
        expected = {"app": "dataplatform", "pipeline": "close", "run": "run-1"}
        own = {"tag": "close"} if model == "large" else {}
        assert told == {**expected, "asset": f"candidate.{model}", **own}


@pytest.mark.parametrize(
    ("model", "start", "rows"),
    [
        ("merged", "merge into analytics.candidate.merged", [(1, 3), (2, 10), (3, 10)]),
        ("replaced", "delete from analytics.candidate.replaced", [(1, 3), (2, 10), (3, 10)]),
        ("appended", "insert into analytics.candidate.appended",
         [(1, 2), (1, 3), (2, 10), (3, 10)]),
    ],
)  # fmt: skip
def test_an_incremental_model_writes_by_its_strategy(
    sent: Any, model: str, start: str, rows: list[tuple[int, int]]
) -> None:
    (once, again), warehouse = sent
    assert first(statements(once, model), "create or replace transient table")
    writes = [one for one in statements(again, model) if start in one]
    assert writes, statements(again, model)
    if model == "replaced":
        assert any("insert into analytics.candidate.replaced" in one
                   for one in statements(again, model))  # fmt: skip
    found = warehouse.query(f"SELECT id, amount FROM candidate.{model} ORDER BY 1, 2", "test")
    assert [(int(one), int(two)) for one, two in found] == rows
