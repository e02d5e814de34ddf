"""Every incident, on a project of its own: caught, told and kept out of the published marts."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dataplatform.rehearsal.incidents import INCIDENTS
from dataplatform_tests.servers import copy_project

COMMAND = Path(sys.executable).parent / "dataplatform"


def _run(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "DATAPLATFORM_PROJECT": str(root), "COLUMNS": "200"}
    environment.pop("DATAPLATFORM_ENV", None)
    environment.pop("DAGSTER_HOME", None)
    return subprocess.run(
        [str(COMMAND), "rehearse", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=550,
        check=False,
    )


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_project(tmp_path_factory.mktemp("rehearsal")).root


@pytest.fixture(scope="module")
def rehearsed(project: Path) -> Iterator[dict[str, Any]]:
    """All incidents, one after another, as the command line has them."""
    ran = _run(project, "--all", "--json")
    assert ran.returncode in (0, 1), ran.stderr[-3000:]
    yield {"code": ran.returncode, **json.loads(ran.stdout)}


@pytest.mark.slow
def test_an_undisturbed_day_is_published_without_an_alarm(rehearsed: dict[str, Any]) -> None:
    assert rehearsed["undisturbed"]["alarms"] == []
    assert len(rehearsed["undisturbed"]["published"]) == 4


@pytest.mark.slow
@pytest.mark.parametrize("name", [one.name for one in INCIDENTS])
def test_an_incident_is_caught_before_the_published_layer(
    rehearsed: dict[str, Any], name: str
) -> None:
    outcome = next(one for one in rehearsed["incidents"] if one["incident"] == name)
    assert outcome["caught_by"], outcome
    assert outcome["changed"] == [], outcome
    assert outcome["known_after_seconds"] < 60
    assert outcome["published"]
    # A new column harms nobody: it is told of, and what is below goes on.
    stops = any(catch["stops"] for catch in outcome["caught"])
    assert stops or name == "column-added", outcome


@pytest.mark.slow
def test_what_stops_tells_the_owner(rehearsed: dict[str, Any]) -> None:
    by_name = {one["incident"]: one for one in rehearsed["incidents"]}
    assert "webhook" in by_name["column-retyped"]["told"]
    assert "shop-data@example.com" in by_name["column-dropped"]["told"]
    assert "sets up neither mail nor a webhook" in by_name["column-dropped"]["route"]
    assert rehearsed["code"] == 0


@pytest.mark.slow
def test_nothing_real_was_touched(rehearsed: dict[str, Any], project: Path) -> None:
    assert rehearsed["incidents"]
    assert sorted(path.name for path in (project / ".dataplatform").iterdir()) == ["rehearsal"]


@pytest.mark.prove
def test_an_incident_befalls_a_copy_of_a_table_of_ones_own(
    rehearsed: dict[str, Any], project: Path, tmp_path: Path
) -> None:
    (kept,) = (project / ".dataplatform" / "rehearsal").glob("*/kept/warehouse.duckdb")
    own = copy_project(tmp_path).state / "warehouse.duckdb"
    own.parent.mkdir()
    shutil.copyfile(kept, own)
    before = hashlib.sha256(own.read_bytes()).hexdigest()
    ran = _run(tmp_path, "unit-change", "--on", "payments", "--json")
    assert ran.returncode == 0, ran.stdout[-3000:] + ran.stderr[-3000:]
    told = json.loads(ran.stdout)
    # What was measured of the table came with the copy: its monitors need not learn anew.
    assert told["undisturbed"]["alarms"] == []
    assert told["undisturbed"]["days_learned"] == 28
    (outcome,) = told["incidents"]
    assert outcome["table"] == "raw_postgres_public.payments"
    assert outcome["caught_by"] and outcome["stopped"], outcome
    assert outcome["changed"] == [] and "marts.fact_orders" in outcome["published"]
    assert {catch["table"] for catch in outcome["caught"]} & {outcome["table"]}
    assert hashlib.sha256(own.read_bytes()).hexdigest() == before
    assert (tmp_path / ".dataplatform" / "rehearsal" / "on" / "project").is_dir()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("null-spik",), "Did you mean 'null-spike'?"),
        ((), "Say one of: an incident"),
        (("null-spike", "--all"), "Say one of: an incident"),
        (("null-spike", "--on", "raw_postgres_public.order"), "raw_postgres_public.orders"),
        (("null-spike", "--on", "orderz"), "Did you mean 'orders'?"),
        (("null-spike", "--on", "marts.fact_orders"), "is no raw table of a connection"),
        (("null-spike", "--on", "orders"), "has no table raw_postgres_public.orders yet"),
        (("null-spike", "--share", "0"), "above 0 and at most 1, not 0"),
        (("null-spike", "--share", "1.5"), "above 0 and at most 1, not 1.5"),
        (("--quiet-days", "3"), "at least 14, not 3"),
        (("--quiet-days", "60", "--on", "orders"), "leave --on out"),
    ],
)
def test_malformed_use_is_one_sentence(
    project: Path, arguments: tuple[str, ...], sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from typer.testing import CliRunner

    from dataplatform.cli.main import app
    from dataplatform.declarations.errors import UserError

    monkeypatch.setenv("DATAPLATFORM_PROJECT", str(project))
    monkeypatch.delenv("DATAPLATFORM_ENV", raising=False)
    result = CliRunner().invoke(app, ["rehearse", *arguments])
    assert isinstance(result.exception, UserError), result.output
    assert sentence in str(result.exception)
