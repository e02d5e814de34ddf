"""What a comparison of engines says, to a reader and to a machine, and what is kept of it."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path

import duckdb
import pytest
from rich.console import Console
from typer.testing import CliRunner

import dataplatform.parity.outcome as outcome_module
from dataplatform.cli import parity
from dataplatform.cli.main import app
from dataplatform.diff.tables import Wanted
from dataplatform.keys import Relation
from dataplatform.parity.build import Built
from dataplatform.parity.compare import compare_builds, compare_verdicts
from dataplatform.parity.exempt import EXEMPT, exempt_in
from dataplatform.parity.outcome import Outcome
from dataplatform.resources.parity_record import files_fingerprint, last_parity
from dataplatform_tests.servers import REPOSITORY, copy_project

RELATION = Relation("candidate", "people")
SQL = "with raw as (select * from t) select id, {}(trim(name)) as name from raw"


def built(folder: Path, engine: str, function: str) -> Built:
    """Return a build of two people whose names one function made."""
    file = folder / f"{engine}.parquet"
    rows = f"SELECT i AS id, {function}('Ann ' || i) AS name FROM range(2) AS t(i)"
    duckdb.sql(f"COPY ({rows}) TO '{file}' (FORMAT parquet)")
    return Built(
        engine,
        {RELATION: file},
        {RELATION: {"id": "bigint", "name": "string"}},
        {"people name_not_null": "passed" if function == "upper" else "failed"},
        {RELATION: SQL.format(function)},
        "duckdb",
        {"load": 0.5, "build": 2.0},
    )


def found(folder: Path, function: str, key: tuple[str, ...] = ("id",)) -> Outcome:
    """Return the comparison of a build with another one."""
    first, other = built(folder, "duckdb", "upper"), built(folder, "other", function)
    tables = tuple(compare_builds(first, other, {RELATION: Wanted(RELATION, key)}))
    return Outcome((first, other), (tables,), (compare_verdicts(first, other),), {})


def printed(outcome: Outcome) -> str:
    """Return what a reader sees."""
    screen = io.StringIO()
    parity.show(Console(file=screen, width=120, highlight=False), outcome)
    return screen.getvalue()


def test_what_agrees_is_said_in_one_line_for_each_engine(tmp_path: Path) -> None:
    outcome = found(tmp_path, "upper")
    assert outcome.equal
    text = printed(outcome)
    assert "other: 1 of 1 models and 1 of 1 checks as on duckdb; load 0.5 s, build 2.0 s" in text
    assert "is made by" not in text


@pytest.mark.parametrize(
    ("key", "told"),
    [
        (("id",), "candidate.people id=0: name is ANN 0, not ann 0"),
        ((), "candidate.people only on other: name=ann 0, id=0"),
    ],
    ids=["with a key", "without a key"],
)
def test_what_differs_is_shown_with_the_expression_of_each(
    tmp_path: Path, key: tuple[str, ...], told: str
) -> None:
    outcome = found(tmp_path, "lower", key)
    assert not outcome.equal
    text = printed(outcome)
    assert told in text
    assert "duckdb: UPPER(TRIM(name))" in text and "other: LOWER(TRIM(name))" in text
    assert "people name_not_null: passed on duckdb, failed on other" in text
    assert "0 of 1 models and 0 of 1 checks" in text


@pytest.mark.parametrize(("function", "code"), [("upper", 0), ("lower", 3)])
def test_the_command_tells_a_machine_and_keeps_the_verdict(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, function: str, code: int
) -> None:
    project = copy_project(tmp_path / "project")
    monkeypatch.setenv("DATAPLATFORM_PROJECT", str(project.root))
    monkeypatch.setattr(parity, "build_all", lambda *given, **named: [])
    monkeypatch.setattr(outcome_module, "outcome_of", lambda *given: found(tmp_path, function))
    assert last_parity(project) is None
    ran = CliRunner().invoke(app, ["parity", "--engines", "duckdb,other", "--json"])
    assert ran.exit_code == code, ran.output
    told = json.loads(ran.stdout)
    assert (told["equal"], told["against"]) == (code == 0, "duckdb")
    (model,) = told["engines"]["other"]["models"]
    assert (model["model"], model["changed"]) == ("candidate.people", 0 if code == 0 else 2)
    record = last_parity(project)
    assert record is not None
    assert (record.engines, record.equal) == (("duckdb", "other"), code == 0)
    assert (record.models, record.checks) == (1, 1)
    assert record.files == files_fingerprint(project)


def test_a_verdict_is_about_the_files_that_were_built(tmp_path: Path) -> None:
    project = copy_project(tmp_path)
    before = files_fingerprint(project)
    (project.dbt / "target").mkdir()
    (project.dbt / "target" / "manifest.json").write_text("{}", encoding="utf-8")
    assert files_fingerprint(project) == before
    macro = project.dbt / "macros" / "portable" / "text.sql"
    macro.write_text(macro.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    changed = files_fingerprint(project)
    assert changed != before
    contract = next((project.config / "contracts").rglob("*.y*ml"))
    contract.write_text(contract.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    assert files_fingerprint(project) not in (before, changed)
    (project.root / ".dataplatform").mkdir(exist_ok=True)
    (project.root / ".dataplatform" / "parity.json").write_text('{"a": 1}', encoding="utf-8")
    assert last_parity(project) is None


USES = {
    ("snowflake", "x / 0"): ("a / b", "a / nullif(b, 0)"),
    ("snowflake", "cast(x as varchar(n))"): ("cast(a as varchar(3))", "cast(a as varchar)"),
    ("snowflake", "date_trunc(part, day)"): (
        "date_trunc('month', a)",
        "cast(date_trunc('month', a) as date)",
    ),
    ("snowflake", "try_cast(x as timestamp)"): (
        "try_cast(a as timestamp)",
        "try_cast(a as date)",
    ),
    ("snowflake", "typeof(x)"): ("typeof(a)", "a"),
    ("bigquery", "x / y"): ("a / 7", "a * 7"),
    ("bigquery", "cast(x as bignumeric)"): ("cast(a as bignumeric)", "cast(a as numeric)"),
    ("bigquery", "json_query_array(x)"): (
        "json_query_array(a, '$')",
        "case when b then json_query_array(a, '$') end",
    ),
    ("bigquery", "approx_quantiles(x)"): ("approx_quantiles(a, 4)[offset(1)]", "max(a)"),
}


@pytest.mark.parametrize("exempt", EXEMPT, ids=lambda one: f"{one.engine} {one.expression}")
def test_what_shows_nothing_of_the_real_service_is_found_in_models(exempt: object) -> None:
    key = (exempt.engine, exempt.expression)  # type: ignore[attr-defined]
    used, free = (f"with t as (select {one} as c from u) select c from t" for one in USES[key])
    assert exempt in exempt_in(used, key[0])
    assert exempt not in exempt_in(free, key[0])
    assert exempt_in(used, "duckdb") == ()


def test_the_exempt_expressions_are_those_of_the_document() -> None:
    text = (REPOSITORY / "docs" / "how-to" / "parity.md").read_text(encoding="utf-8")
    rows = re.findall(r"(?m)^\| (snowflake|bigquery) \| `(.+?)` \| (.+?) \|$", text)
    assert rows == [(one.engine, one.expression, one.reason) for one in EXEMPT]
