"""The parsed project: cheap when nothing changed, one sentence when dbt cannot read it."""

from __future__ import annotations

from datetime import date

import pytest

from dataplatform.cli.backfill import by_day, check_range, day
from dataplatform.declarations import dbt_project
from dataplatform.declarations.dbt_project import (
    graph_version,
    load_graph,
    parse_variables,
    published_marts,
)
from dataplatform.declarations.errors import UserError
from dataplatform.declarations.project import open_project
from dataplatform_tests.servers import REPOSITORY
from dataplatform_tests.transform.conftest import Shop

pytestmark = pytest.mark.slow


def test_a_project_is_parsed_once_for_its_content(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    graph = load_graph(shop.project)
    assert {str(node.relation) for node in graph.nodes} == {
        "staging.stg_things",
        "candidate.things",
        "candidate.totals",
        "candidate.alone",
        "candidate.daily",
    }
    assert [mart.name for mart in published_marts(shop.project)] == [
        node.table for node in graph.nodes if node.schema == "candidate"
    ]

    def refuse(*_: object) -> None:
        raise AssertionError("parsed again")

    monkeypatch.setattr(dbt_project, "_parse", refuse)
    dbt_project._read.cache_clear()
    assert load_graph(shop.project) == graph
    before = graph_version(shop.project)
    model = shop.project.dbt / "models/marts/alone.sql"
    model.write_text("select 2 as one", encoding="utf-8")
    assert graph_version(shop.project) != before


def test_only_what_changed_has_a_new_code_version(shop: Shop) -> None:
    before = {node.name: node.code_version for node in load_graph(shop.project).nodes}
    (shop.project.dbt / "models/marts/alone.sql").write_text("select 2 as one", encoding="utf-8")
    after = {node.name: node.code_version for node in load_graph(shop.project).nodes}
    assert {name for name in after if after[name] != before[name]} == {"alone"}


def test_a_project_that_dbt_cannot_parse_gives_one_sentence(shop: Shop) -> None:
    (shop.project.dbt / "models/marts/alone.sql").write_text("select {{ ref('nothing') }}", "utf-8")
    with pytest.raises(UserError, match="nothing") as error:
        load_graph(shop.project)
    assert "\n" not in str(error.value)


def test_a_folder_without_dbt_is_a_mistake(shop: Shop) -> None:
    (shop.project.dbt / "dbt_project.yml").unlink()
    with pytest.raises(UserError, match="no dbt project"):
        load_graph(shop.project)


def test_backfills_refuse_what_cannot_be_built(shop: Shop) -> None:
    graph = load_graph(shop.project)
    (daily,) = by_day(graph, None)
    assert by_day(graph, "marts/daily") == [daily]
    with pytest.raises(UserError, match=r"not rebuilt by day.*'daily'"):
        by_day(graph, "dayly")
    with pytest.raises(UserError, match="is no day"):
        day("2025-1-33", "--from")
    today = date(2026, 1, 1)
    with pytest.raises(UserError, match="lies before"):
        check_range(date(2025, 2, 2), date(2025, 2, 1), [daily], today)
    with pytest.raises(UserError, match="first day"):
        check_range(date(2024, 12, 31), date(2025, 2, 1), [daily], today)
    with pytest.raises(UserError, match="future"):
        check_range(date(2025, 1, 1), date(2026, 2, 1), [daily], today)
    check_range(date(2025, 1, 1), date(2025, 1, 1), [daily], today)


@pytest.mark.parametrize(
    ("environment", "variable", "named"),
    [
        ("staging", "SNOWFLAKE_DATABASE", "ANALYTICS_STAGING"),
        ("local-snowflake", "SNOWFLAKE_DATABASE", "ANALYTICS"),
        ("local-bigquery", "BIGQUERY_PROJECT", "local"),
    ],
)
def test_dbt_parses_with_the_database_that_it_builds_in(
    environment: str, variable: str, named: str
) -> None:
    assert parse_variables(open_project(REPOSITORY, environment))[variable] == named
