"""Old runs go; what gates and versions read stays."""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterator
from typing import Any

import dagster as dg
import pytest
from typer.testing import CliRunner

from dataplatform.cli import prune
from dataplatform.resources.instance import latest_materialisations, latest_verdicts
from dataplatform.runtime.retention import forget, old_runs

KEY = dg.AssetKey(["raw", "a"])
CHECK = dg.AssetCheckKey(KEY, "good")
SOON = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=1)
LONG_AGO = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)


@dg.asset(key=KEY, check_specs=[dg.AssetCheckSpec("good", asset=KEY)])
def made() -> Iterator[Any]:
    yield dg.MaterializeResult(data_version=dg.DataVersion("1"))
    yield dg.AssetCheckResult(passed=False)


@dg.asset(key=["raw", "b"])
def bad() -> None:
    raise dg.Failure("no")


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as found:
        yield found


def _run(instance: dg.DagsterInstance, *assets: Any) -> str:
    return dg.materialize(list(assets), instance=instance, raise_on_error=False).run_id


def test_only_runs_that_nothing_needs_are_old(instance: dg.DagsterInstance) -> None:
    first, failed, last = _run(instance, made), _run(instance, bad), _run(instance, made)
    assert old_runs(instance, SOON) == [first, failed]
    assert old_runs(instance, LONG_AGO) == []
    forget(instance, [first, failed])
    assert [run.run_id for run in instance.get_runs()] == [last]
    assert old_runs(instance, SOON) == []


def test_the_last_word_on_a_table_is_the_same_afterwards(instance: dg.DagsterInstance) -> None:
    for _ in range(3):
        _run(instance, made)
    before = latest_materialisations(instance, [KEY]), latest_verdicts(instance, [CHECK])
    assert before[1][CHECK].passed is False
    forget(instance, old_runs(instance, SOON))
    assert (latest_materialisations(instance, [KEY]), latest_verdicts(instance, [CHECK])) == before


def test_a_run_that_has_not_ended_is_never_old(instance: dg.DagsterInstance) -> None:
    for status in (dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING):
        instance.run_storage.add_run(dg.DagsterRun(job_name="x", status=status))
    assert old_runs(instance, SOON) == []


def test_many_runs_are_found_page_by_page(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dataplatform.runtime.retention._PAGE", 2)
    runs = [dg.DagsterRun(job_name="x", status=dg.DagsterRunStatus.FAILURE) for _ in range(5)]
    for run in runs:
        instance.run_storage.add_run(run)
    assert old_runs(instance, SOON) == [run.run_id for run in runs]


def test_the_command_counts_and_deletes_only_when_told(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    import typer

    old = dg.DagsterRun(job_name="x", status=dg.DagsterRunStatus.SUCCESS)
    instance.run_storage.add_run(old)
    monkeypatch.setattr("dataplatform.declarations.project.open_project", lambda: None)
    monkeypatch.setattr("dataplatform.runtime.home.open_instance", lambda project: _Lent(instance))
    monkeypatch.setattr("dataplatform.runtime.retention.old_runs", lambda *_: [old.run_id])
    app = typer.Typer()
    app.command()(prune.command)
    told = CliRunner().invoke(app, ["--older-than", "30"])
    assert "1 runs from before" in told.output
    assert "--apply does it" in told.output
    assert len(instance.get_runs()) == 1
    told = CliRunner().invoke(app, ["--apply", "--json"])
    assert json.loads(told.output)["deleted"] is True
    assert instance.get_runs() == []
    assert CliRunner().invoke(app, ["--older-than", "1"]).exit_code == 2


class _Lent:
    """An instance that outlives the command that uses it."""

    def __init__(self, instance: dg.DagsterInstance) -> None:
        self.instance = instance

    def __enter__(self) -> dg.DagsterInstance:
        return self.instance

    def __exit__(self, *_: object) -> None:
        return None
