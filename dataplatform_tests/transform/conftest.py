"""A small project of its own: one raw table, three models in a row, one beside them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import pytest
from dagster import (
    AssetCheckEvaluation,
    AssetCheckKey,
    AssetCheckResult,
    AssetCheckSeverity,
    AssetCheckSpec,
    AssetKey,
    AssetMaterialization,
    AssetSpec,
    DagsterInstance,
    Definitions,
    asset_check,
)

from dataplatform.declarations.project import Project, open_project
from dataplatform.resources.instance import LastVerdict, latest_verdicts
from dataplatform.runtime.execute import RunResult, execute

ENVIRONMENT = """
warehouse: {type: duckdb, path: .dataplatform/warehouse.duckdb}
fivetran:
  api_url: http://127.0.0.1:1
  api_key: key
  api_secret: secret
  group: demo
  destination: {service: duckdb, config: {}}
lake:
  endpoint: http://127.0.0.1:1
  region: eu
  access_key: a
  secret_key: b
  buckets: {raw: raw, staging: staging, curated: curated}
"""
PROJECT = """
name: tiny
version: "1.0"
config-version: 2
profile: dataplatform
flags: {send_anonymous_usage_stats: false}
models:
  tiny:
    staging: {+schema: staging, +materialized: table}
    marts: {+schema: candidate, +materialized: table}
"""
PROFILES = """
dataplatform:
  target: duckdb
  outputs:
    duckdb:
      type: duckdb
      path: "{{ env_var('DATAPLATFORM_DUCKDB_PATH', 'x.duckdb') }}"
      schema: staging
      threads: 2
"""
SCHEMA_MACRO = """
{% macro generate_schema_name(name, node) %}{{ (name or target.schema) | trim }}{% endmacro %}
"""
SOURCES = """
version: 2
sources:
  - name: raw_shop
    schema: raw_shop
    tables:
      - name: things
        config: {meta: {dagster: {asset_key: [raw_shop, things]}}}
"""
MODELS = """
version: 2
models:
  - name: stg_things
    description: Things, cleaned.
    config: {meta: {owner: data@example.com}}
    columns:
      - name: id
        description: The thing.
        data_tests: [not_null, {unique: {config: {severity: warn}}}]
  - name: things
    columns:
      - name: amount
        data_tests: [{not_null: {config: {severity: error}}}]
exposures:
  - name: board
    type: dashboard
    owner: {name: Data, email: data@example.com}
    depends_on: [ref('things')]
"""
DAILY = """
{{ config(materialized='incremental', unique_key='day', incremental_strategy='delete+insert',
  meta={'partitioned_by': 'day', 'column': 'day', 'start': '2025-01-01'}) }}
select day, count(*) as things from {{ ref('stg_things') }}
{% if var('start_date', none) %}
where day between '{{ var("start_date") }}' and '{{ var("end_date") }}'
{% endif %}
group by day
"""
RAW = AssetKey(["raw_shop", "things"])
RAW_CHECK = AssetCheckKey(RAW, "amount_positive")


@dataclass
class Shop:
    """The project with an instance of its own, and what a test does with them."""

    project: Project
    instance: DagsterInstance
    version: int = 0
    results: list[Any] = field(default_factory=list)

    def sql(self, text: str) -> list[tuple[Any, ...]]:
        """Run SQL in the warehouse."""
        path = self.project.state / "warehouse.duckdb"
        path.parent.mkdir(parents=True, exist_ok=True)
        with duckdb.connect(str(path)) as connection:
            result = connection.execute(text)
            return result.fetchall() if result.description else []

    def load(self, *rows: tuple[int | None, str, int | None]) -> None:
        """Replace the raw table's rows and record a sync."""
        values = ", ".join(
            f"({'null' if i is None else i}, date '{d}', {'null' if a is None else a})"
            for i, d, a in rows
        )
        self.sql("create schema if not exists raw_shop")
        self.sql(
            "create or replace table raw_shop.things as "
            f"select * from (values {values}) as t(id, day, amount)"
        )
        self.version += 1
        self.instance.report_runless_asset_event(
            AssetMaterialization(RAW, tags={"dagster/data_version": str(self.version)})
        )

    def judge_raw(self, passed: bool, severity: str = "ERROR") -> None:
        """Record a verdict on the raw table."""
        self.instance.report_runless_asset_event(
            AssetCheckEvaluation(
                asset_key=RAW,
                check_name=RAW_CHECK.name,
                passed=passed,
                severity=AssetCheckSeverity(severity),
            )
        )

    def definitions(self) -> Definitions:
        """The transform room with the raw table beside it."""
        from dataplatform.resources.warehouse.resource import WarehouseResource
        from dataplatform.transform.defs import build_definitions

        @asset_check(asset=RAW, name=RAW_CHECK.name, metadata={"dataplatform/gate": True})
        def amount_positive() -> Any:
            return AssetCheckResult(passed=True)

        return Definitions.merge(
            Definitions(
                assets=[AssetSpec(RAW)],
                asset_checks=[amount_positive],
                resources={"warehouse": WarehouseResource(project_root=str(self.project.root))},
            ),
            build_definitions(self.project),
        )

    def run(self, *names: str, tags: dict[str, str] | None = None) -> Any:
        """Materialise assets by ``schema/table``, or all, in one run."""
        definitions = self.definitions()
        keys = [AssetKey(name.split("/")) for name in names] or [
            key for key in definitions.resolve_asset_graph().materializable_asset_keys
        ]
        job = definitions.resolve_implicit_global_asset_job_def()
        result = job.execute_in_process(
            run_config={
                "execution": {
                    "config": {
                        "in_process": {
                            "step_dependency_config": {"require_upstream_step_success": False}
                        }
                    }
                }
            },
            instance=self.instance,
            asset_selection=keys,
            raise_on_error=False,
            tags=tags,
        )
        self.results.append(result)
        return result

    def execute(self, selection: str | None = None, *more: Definitions) -> RunResult:
        """Run what is selected, or all, as ``dataplatform run`` does; with more than one room."""
        graph: Any = Definitions.merge(self.definitions(), *more).get_repository_def()
        return execute(self.project, selection=selection, repository=graph, instance=self.instance)

    def verdict(self, table: str, rule: str) -> LastVerdict:
        """Return the last verdict of a rule on a table, named ``schema/table``."""
        key = AssetCheckKey(AssetKey(table.split("/")), rule)
        return latest_verdicts(self.instance, [key])[key]


def built(result: Any) -> set[str]:
    """Return the assets that a run materialised."""
    return {
        "/".join(event.asset_key.path)
        for event in result.all_events
        if event.is_step_materialization
    }


def failure(result: Any) -> str:
    """Return what the failed steps of a run say."""
    return "\n".join(
        event.step_failure_data.user_failure_data.description
        if event.step_failure_data.user_failure_data
        else str(event.step_failure_data.error)
        for event in result.all_events
        if event.is_step_failure
    )


@pytest.fixture
def make_shop(tmp_path: Path) -> Iterator[Callable[[], Shop]]:
    """Make the project in a folder of its own."""
    instances: list[DagsterInstance] = []

    def make() -> Shop:
        files = {
            "config/environments/local.yml": ENVIRONMENT,
            "dbt_project/dbt_project.yml": PROJECT,
            "dbt_project/profiles.yml": PROFILES,
            "dbt_project/macros/schema.sql": SCHEMA_MACRO,
            "dbt_project/models/staging/sources.yml": SOURCES,
            "dbt_project/models/staging/stg_things.sql": (
                "select id, day, amount from {{ source('raw_shop', 'things') }}"
            ),
            "dbt_project/models/marts/things.sql": (
                "select id, day, amount from {{ ref('stg_things') }}"
            ),
            "dbt_project/models/marts/totals.sql": (
                "select sum(amount) as total from {{ ref('things') }}"
            ),
            "dbt_project/models/marts/alone.sql": "select 1 as one",
            "dbt_project/models/marts/daily.sql": DAILY,
            "dbt_project/models/models.yml": MODELS,
        }
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        instance = DagsterInstance.ephemeral()
        instances.append(instance)
        shop = Shop(open_project(tmp_path), instance)
        shop.load((1, "2025-01-01", 10), (2, "2025-01-02", 20))
        return shop

    yield make
    for instance in instances:
        instance.dispose()


@pytest.fixture
def shop(make_shop: Callable[[], Shop]) -> Shop:
    """The small project."""
    return make_shop()


__all__ = ["RAW", "RAW_CHECK", "AssetCheckSpec", "Shop", "built", "failure"]
