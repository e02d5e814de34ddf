"""Every portable macro over nasty inputs: the same, and stated, value on each engine.

Snowflake's turn, in an ordinary run, is with the other tests of its stand-in.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from dbt_common.exceptions import CompilationError

from dataplatform.declarations.project import open_project
from dataplatform.local import supervisor
from dataplatform.parity.stage import stage
from dataplatform.resources.warehouse import open_warehouse
from dataplatform_tests.parity.portable import Engine, mistakes
from dataplatform_tests.parity.portable_cases import (
    AGGREGATES,
    APART,
    CASES,
    ELEMENTS,
    NO_VALUES,
    PARTS,
)
from dataplatform_tests.parity.rendering import public_macros, renderer
from dataplatform_tests.servers import REPOSITORY


@pytest.fixture
def duckdb_engine() -> Iterator[Engine]:
    import duckdb

    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        yield Engine("duckdb", lambda sql: connection.execute(sql).fetchall())


def test_every_macro_gives_what_is_stated(duckdb_engine: Engine) -> None:
    assert mistakes(duckdb_engine) == []


@pytest.mark.prove
@pytest.mark.parametrize("name", ["ducklake", "snowflake", "bigquery"])
def test_every_macro_gives_the_same_elsewhere(name: str) -> None:
    folder = Path(tempfile.mkdtemp(prefix="portable-"))
    project = stage(open_project(REPOSITORY, "local"), name, folder / name)
    try:
        supervisor.start(project)
        with open_warehouse(project.environment, project).session("portable macros") as session:
            assert mistakes(Engine(name, session.execute)) == []
    finally:
        supervisor.stop(project)
        shutil.rmtree(folder, ignore_errors=True)


def test_no_macro_is_without_a_case() -> None:
    shown = " ".join(case.expression for case in [*CASES, *AGGREGATES, *ELEMENTS])
    used = {name for name in public_macros() if re.search(rf"\b{name}\(", shown)}
    # The cases themselves write their inputs with these.
    used |= {"portable_type"}
    assert public_macros() - used == NO_VALUES | APART | PARTS


def test_every_macro_is_in_the_document() -> None:
    text = (REPOSITORY / "docs" / "how-to" / "parity.md").read_text(encoding="utf-8")
    told = {name for name in public_macros() if re.search(rf"\b{name}\b", text)}
    assert public_macros() - told == NO_VALUES | PARTS


@pytest.mark.parametrize("engine", ["duckdb", "snowflake", "bigquery"])
@pytest.mark.parametrize(
    ("expression", "sentence"),
    [
        ("regex_matches('x', '\\\\d+')", "holds \\\\, which warehouses read in different ways"),
        ("regex_extract('x', 'a+?')", "holds [+][?]"),
        ("regex_extract('x', '(a)(b)')", "has 2 groups: BigQuery extracts one alone"),
        ("regex_replace_all('x', '(?i)a', '')", "holds [(][?]"),
        ("regex_replace_all('x', 'a', '\\\\1')", "replacement .* holds a backslash"),
        ("try_to('x', 'uuid')", "try_to cannot give uuid: it knows integer, bigint"),
        ("try_to('x', 'decimal(38, 12)')", "try_to cannot give decimal.38, 12.: 29 digits"),
        ("date_plus('x', 1, 'hour')", "hour is no unit of days: there are day, week"),
        ("date_number('x', 'century')", "century is no part of a day: there are year"),
        ("parse_date('x', 'MM/YYYY')", "The format MM/YYYY lacks DD"),
    ],
)
def test_what_is_not_portable_is_refused_when_compiled(
    engine: str, expression: str, sentence: str
) -> None:
    with pytest.raises(CompilationError, match=sentence):
        renderer(engine)(f"{{{{ {expression} }}}}")


def test_quantiles_that_are_no_aggregates_are_refused(duckdb_engine: Engine) -> None:
    with pytest.raises(CompilationError, match="quantile_between cannot be computed on BigQuery"):
        renderer("bigquery")("{{ quantile_between('x', 0.5) }}")
    assert "percentile_cont" in renderer("snowflake")("{{ quantile_between('x', 0.5) }}")
    made = duckdb_engine.render("{{ quantile_between('x', 0.5) }}")
    ((middle,),) = duckdb_engine.execute(f"select {made} from range(1, 5) as t(x)")
    assert middle == 2.5


def test_a_quantile_may_be_told_about(duckdb_engine: Engine) -> None:
    made = duckdb_engine.render("{{ quantile_about('x', 0.9) }}")
    ((about,),) = duckdb_engine.execute(f"select {made} from range(100000) as t(x)")
    assert about == pytest.approx(90_000, abs=1_000)
    others = [renderer(one)("{{ quantile_about('x', 0.9) }}") for one in ("snowflake", "bigquery")]
    assert others == ["approx_percentile(x, 0.9)", "approx_quantiles(x, 1000)[safe_offset(900)]"]
