"""A dbt model that says how it is laid out, built twice on the stand-in for BigQuery."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from dataplatform.keys import Relation
from dataplatform.resources.warehouse.bigquery import BigQueryAdapter
from dataplatform_tests.bigquery import bigquery

pytestmark = [pytest.mark.slow, pytest.mark.prove]

REPOSITORY = Path(__file__).resolve().parents[2]
MODEL = """{{ config(
  materialized='table', schema='candidate',
  partition_by={'field': 'ordered_on', 'data_type': 'date', 'granularity': 'month'},
  cluster_by=['customer_id'], labels={'group': 'sales'}, require_partition_filter=true) }}
select 1 as customer_id, date '2026-01-02' as ordered_on
"""


def test_a_model_is_laid_out_as_it_says_and_so_is_what_consumers_read(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "orders.sql").write_text(MODEL, encoding="utf-8")
    (tmp_path / "dbt_project.yml").write_text(
        "{name: tiny, version: '1.0.0', config-version: 2, profile: dataplatform, "
        "macro-paths: [macros], "
        'query-comment: {comment: "{{ query_comment(node) }}", job-label: true}}',
        encoding="utf-8",
    )
    (tmp_path / "macros").symlink_to(REPOSITORY / "dbt_project" / "macros")
    candidate, target = Relation("candidate", "orders"), Relation("marts", "orders")
    with bigquery() as (settings, _):
        warehouse = BigQueryAdapter(lambda: settings)
        environment = {
            **os.environ, **warehouse.dbt_variables(), "DATAPLATFORM_DBT_TARGET": "bigquery",
        }  # fmt: skip
        for _ in range(2):
            done = subprocess.run(
                [
                    str(Path(sys.executable).with_name("dbt")), "run", "--project-dir",
                    str(tmp_path), "--profiles-dir", str(REPOSITORY / "dbt_project"),
                ],
                env=environment, capture_output=True, text=True, check=False,
            )  # fmt: skip
            assert done.returncode == 0, done.stdout
        for schema in ("marts", "versions"):
            warehouse.query(f"create schema if not exists {schema}", "test")
        warehouse.publish(candidate, target)
        with warehouse.session("look") as session:
            for relation in (candidate, target):
                table: Any = session.table(relation)  # type: ignore[attr-defined]
                by = table.time_partitioning
                assert (by.type_, by.field) == ("MONTH", "ordered_on")
                assert table.clustering_fields == ["customer_id"]
                assert table.labels == {"group": "sales"}
                assert table.require_partition_filter
            jobs = session.client.list_jobs()  # type: ignore[attr-defined]
            told = {job.labels["asset"] for job in jobs if "dbt_invocation_id" in job.labels
                    and "asset" in job.labels}  # fmt: skip
        assert told == {"candidate__orders"}
