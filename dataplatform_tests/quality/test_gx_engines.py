"""Great Expectations gives on every warehouse the verdicts that it gives on DuckDB."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from dataplatform.checks.contract_rules import checks_of
from dataplatform.checks.verdicts import Verdict
from dataplatform.declarations.contract import Contract, load_contract
from dataplatform.declarations.project import Project, open_project
from dataplatform.keys import Relation
from dataplatform.quality import gx as room
from dataplatform.quality import gx_source
from dataplatform.resources.warehouse import open_warehouse
from dataplatform.resources.warehouse.alchemy import is_query
from dataplatform_tests.bigquery import bigquery
from dataplatform_tests.checks.declared import column, gx, library, write_contract
from dataplatform_tests.quality.conftest import bare_project
from dataplatform_tests.resources.lakes import served_lake
from dataplatform_tests.snowflake import snowflake
from dataplatform_tests.transform.conftest import ENVIRONMENT

ROWS = """
select i::bigint as id, case when i = 7 then 'no day' else '2026-01-' || (10 + i) end as day,
       case when i % 3 = 0 then 'USD' else 'EUR' end as currency,
       case when i = 4 then '{"b": 1}' else '{"a": 1}' end as said,
       case when i = 5 then null else 'user' || i || '@example.com' end as email,
       (i * 1.5)::decimal(12, 2) as amount
from range(1, 13) t(i)
"""
SHARES = {"values": ["EUR", "USD"], "weights": [0.667, 0.333]}
#: What Great Expectations alone can judge, in SQL and in memory; some kept and some broken.
RULES: dict[str, tuple[str, dict[str, Any]]] = {
    "day_is_a_day": ("strftime_format", {"column": "day", "strftime_format": "%Y-%m-%d"}),
    "day_is_text": ("dateutil_parseable", {"column": "day", "mostly": 0.9}),
    "said_is_json": ("json_parseable", {"column": "said"}),
    "day_is_json": ("json_parseable", {"column": "day"}),
    "said_has_a": ("json_schema", {"column": "said", "json_schema": {"required": ["a"]}}),
    "said_in_usd": (
        "json_parseable", {"column": "said", "row_condition": 'col("currency") == "USD"'},
    ),
    "shares": ("kl_divergence", {"column": "currency", "partition_object": SHARES,
                                 "threshold": 0.1}),
    "other_shares": ("kl_divergence", {
        "column": "currency", "threshold": 0.1,
        "partition_object": {"values": ["EUR", "USD"], "weights": [0.05, 0.95]},
    }),
}  # fmt: skip
KINDS = {
    "strftime_format": "expect_column_values_to_match_strftime_format",
    "dateutil_parseable": "expect_column_values_to_be_dateutil_parseable",
    "json_parseable": "expect_column_values_to_be_json_parseable",
    "json_schema": "expect_column_values_to_match_json_schema",
    "kl_divergence": "expect_column_kl_divergence_to_be_less_than",
}


def contract_of(root: Path) -> Contract:
    """Write the contract with these rules and with some that our scan judges as well."""
    rules = [gx(name, KINDS[kind], **kwargs) for name, (kind, kwargs) in RULES.items()]
    written = write_contract(
        root,
        "raw_shop.orders",
        [
            column("id", "integer", primaryKey=True),
            column("day", "string"),
            column(
                "currency",
                "string",
                gx("known", "expect_column_values_to_be_in_set", value_set=["EUR", "USD"]),
                gx("euro", "expect_column_values_to_be_in_set", value_set=["EUR"]),
            ),
            column("said", "string"),
            column(
                "email",
                "string",
                gx("at", "expect_column_values_to_match_regex", regex="@example"),
                library("given", "nullValues", mustBe=0),
            ),
            column(
                "amount",
                "number",
                gx("sum", "expect_column_sum_to_be_between", min_value=100, max_value=200),
            ),
        ],
        library("enough", "rowCount", mustBeGreaterOrEqualTo=12),
        *rules,
    )
    return load_contract(written, root)


_ALONE = """
import sys
import great_expectations as gx
context = gx.get_context(mode="file", project_root_dir=sys.argv[1])
print(*(suite.name for suite in context.suites.all()), sep="\\n")
"""


@contextmanager
def lake() -> Iterator[dict[str, Any]]:
    """Serve a DuckLake."""
    with served_lake() as settings:
        yield {"type": "ducklake", **settings}


@contextmanager
def emulated() -> Iterator[dict[str, Any]]:
    """Serve BigQuery."""
    with bigquery() as (settings, _):
        yield settings


def project_of(root: Path, settings: dict[str, Any]) -> Project:
    """Return a project whose warehouse is the one of these settings."""
    root.mkdir()
    bare_project(root)
    written = ENVIRONMENT.split("fivetran:", 1)[1]
    block = yaml.safe_dump({"warehouse": settings})
    (root / "config/environments/tried.yml").write_text(f"{block}fivetran:{written}")
    return open_project(root, "tried")


def judged(root: Path, settings: dict[str, Any], parquet: Path) -> tuple[Project, list[Verdict]]:
    """Load the rows by the warehouse's own way and let Great Expectations judge the contract."""
    project = project_of(root, settings)
    contract = contract_of(root)
    warehouse = open_warehouse(project.environment, project)
    assert warehouse.load_parquet(contract.relation, parquet) == 12
    verdicts = room.validate(project, contract)
    # A rule that would write is refused, and what it would have made is not there.
    writes = replace(
        checks_of(contract)[-1],
        name="writes",
        expectation={
            "type": "unexpected_rows_expectation",
            "kwargs": {"unexpected_rows_query": "create table raw_shop.mine as select 1 as a"},
        },
    )
    (refused,) = room.validate(project, contract, [writes])
    assert refused.error and not refused.passed
    assert Relation("raw_shop", "mine") not in warehouse.relations()
    return project, verdicts


def told(verdicts: list[Verdict]) -> dict[str, tuple[bool, int | None, tuple[str, ...]]]:
    """Return what verdicts say, by rule."""
    assert not [verdict.error for verdict in verdicts if verdict.error]
    return {one.name: (one.passed, one.failing_count, one.sample_keys) for one in verdicts}


@pytest.fixture(scope="module")
def parquet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import duckdb

    path = tmp_path_factory.mktemp("rows") / "orders.parquet"
    duckdb.sql(f"copy ({ROWS}) to '{path}' (format parquet)")
    return path


def same_as_on_duckdb(
    tmp_path: Path, parquet: Path, serve: Callable[[], AbstractContextManager[dict[str, Any]]]
) -> None:
    """Judge on DuckDB and on another warehouse, and hold the verdicts against one another."""
    file = {"type": "duckdb", "path": ".dataplatform/warehouse.duckdb"}
    _, ours = judged(tmp_path / "duckdb", file, parquet)
    passed = {verdict.name for verdict in ours if verdict.passed}
    assert passed >= {"day_is_text", "said_is_json", "said_in_usd", "shares", "known", "sum"}
    assert not passed & {"day_is_a_day", "day_is_json", "said_has_a", "other_shares", "euro"}
    with serve() as settings:
        project, theirs = judged(tmp_path / "other", settings, parquet)
        assert told(theirs) == told(ours)
        # Nothing that opens the warehouse is written down.
        secret = str(settings.get("password") or settings.get("token") or settings["files"])
        kept = [path for path in room.folder(project).rglob("*") if path.is_file()]
        assert kept and not [path for path in kept if secret.encode() in path.read_bytes()]
    # Whoever uses Great Expectations alone can open the project.
    opened = subprocess.run(
        [sys.executable, "-c", _ALONE, str(room.folder(project))],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "raw_shop.orders" in opened.stdout.splitlines(), opened.stderr[-500:]


@pytest.mark.prove
@pytest.mark.parametrize("serve", [snowflake, lake, emulated])
def test_gx_judges_alike_elsewhere(
    tmp_path: Path, parquet: Path, serve: Callable[[], AbstractContextManager[dict[str, Any]]]
) -> None:
    same_as_on_duckdb(tmp_path, parquet, serve)


@pytest.mark.slow
def test_more_rows_than_memory_is_given_to_are_an_error_of_that_rule(
    tmp_path: Path, parquet: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gx_source, "ROWS_IN_MEMORY", 11)
    file = {"type": "duckdb", "path": ".dataplatform/warehouse.duckdb"}
    project = project_of(tmp_path / "p", file)
    contract = contract_of(tmp_path / "p")
    open_warehouse(project.environment, project).load_parquet(contract.relation, parquet)
    chosen = [one for one in checks_of(contract) if one.name in ("day_is_a_day", "shares")]
    found = {verdict.name: verdict for verdict in room.validate(project, contract, chosen)}
    assert "raw_shop.orders has more than 11 rows" in str(found["day_is_a_day"].error)
    assert found["shares"].passed


@pytest.mark.parametrize(
    ("statement", "reads"),
    [
        ("select 1", True),
        ("  -- a note\n with a as (select 1) select * from a;", True),
        ("(select 1) union all (select 2)", True),
        ("SHOW /* of sqlalchemy */ COLUMNS IN TABLE t", True),
        ("select ';' as a", True),
        ("select 1; drop table t", False),
        ("create table t as select 1", False),
        ("delete from t", False),
        ("", False),
        ("select 'unended", False),
    ],
)
@pytest.mark.parametrize("dialect", ["snowflake", "bigquery"])
def test_only_one_query_is_sent(statement: str, reads: bool, dialect: str) -> None:
    assert is_query(statement, dialect) is reads
