"""A deployed Dagster's settings: complete, of one source, and what Dagster itself accepts."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from dagster import DagsterInstance, DagsterRun, DagsterRunStatus
from dagster._core.instance.ref import InstanceRef
from dagster._core.launcher.base import WorkerStatus
from dagster._core.storage.tags import GRPC_INFO_TAG

from dataplatform.declarations.errors import UserError
from dataplatform.runtime import location_launcher
from dataplatform.runtime.deployed import (
    VARIABLES,
    deployed_settings,
    deployed_workspace,
)
from dataplatform.runtime.home import _variables, deployment_files, open_instance
from dataplatform.runtime.location_launcher import LocationRunLauncher
from dataplatform.runtime.recovery import recover
from dataplatform.runtime.settings import instance_settings

REPOSITORY = Path(__file__).resolve().parents[2]
FILES = deployment_files()
#: An environment that was made from no other.
_DECLARED = SimpleNamespace(made=None)


@pytest.mark.parametrize("place", sorted(FILES))
def test_the_repositorys_files_are_compiled_from_the_settings(place: str) -> None:
    assert (REPOSITORY / place).read_text() == FILES[place], (
        "run: python -m dataplatform.runtime.home"
    )


def test_dagster_accepts_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        given = {"PORT": "5432", "ENDPOINT": "http://127.0.0.1:9"}
        monkeypatch.setenv(name, given.get(name.rpartition("_")[2], "x"))
    (tmp_path / "dagster.yaml").write_text(FILES["deploy/dagster/dagster.yaml"])
    ref = InstanceRef.from_dir(str(tmp_path))
    assert isinstance(ref.run_launcher, LocationRunLauncher)
    assert type(ref.compute_log_manager).__name__ == "S3ComputeLogManager"
    assert type(ref.run_coordinator).__name__ == "QueuedRunCoordinator"
    assert ref.storage_data and "dagster_postgres" in ref.storage_data.module_name


def test_every_variable_is_declared_and_no_secret_stands_in_a_file() -> None:
    assert _variables(deployed_settings()) == set(VARIABLES)
    assert _variables(deployed_workspace()) == {"DAGSTER_CODE_HOST"}
    for text in FILES.values():
        assert not re.search(r"(?i)(password|secret|key): [^\s{]", text.replace("- key:", ""))


def test_a_deployment_differs_from_the_laptop_only_where_it_must() -> None:
    laptop, deployed = instance_settings("/x"), deployed_settings()
    same = {name for name in laptop if laptop[name] == deployed.get(name)}
    assert laptop["run_monitoring"].items() <= deployed["run_monitoring"].items()
    assert same >= {"instance_class", "retention", "freshness", "telemetry"}
    assert deployed["concurrency"]["pools"] == laptop["concurrency"]["pools"]
    assert not [text for text in yaml.safe_dump(deployed).split() if "Sqlite" in text]


class _Client:
    """A code location's server as a launcher sees it."""

    def __init__(self, answer: bool | Exception) -> None:
        self.answer = answer


@pytest.fixture
def ephemeral() -> Any:
    with DagsterInstance.ephemeral() as instance:
        yield instance


def _launcher(instance: DagsterInstance, monkeypatch: pytest.MonkeyPatch, client: _Client) -> Any:
    def is_there(asked: _Client, run_id: str) -> bool:
        if isinstance(asked.answer, Exception):
            raise asked.answer
        return asked.answer

    launcher = LocationRunLauncher()
    launcher.register_instance(instance)
    monkeypatch.setattr(location_launcher, "_is_there", is_there)
    monkeypatch.setattr(launcher, "_get_grpc_client_for_termination", lambda run_id: client)
    return launcher


def _run(instance: DagsterInstance) -> DagsterRun:
    run = DagsterRun(
        job_name="x",
        status=DagsterRunStatus.STARTED,
        tags={GRPC_INFO_TAG: '{"host": "localhost", "port": 4000}'},
    )
    instance.run_storage.add_run(run)
    return run


def test_a_run_is_lost_when_its_server_no_longer_knows_it(
    ephemeral: DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = _Client(True)
    launcher, run = _launcher(ephemeral, monkeypatch, client), _run(ephemeral)
    assert launcher.check_run_worker_health(run).status == WorkerStatus.RUNNING
    client.answer = False
    found = launcher.check_run_worker_health(run)
    assert found.status == WorkerStatus.FAILED
    assert "started anew and has lost the run" in found.msg


def test_a_silent_server_is_given_time_and_then_its_runs_are_lost(
    ephemeral: DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1000.0]
    monkeypatch.setattr(location_launcher.time, "monotonic", lambda: now[0])
    client = _Client(ConnectionError("refused"))
    launcher, run = _launcher(ephemeral, monkeypatch, client), _run(ephemeral)
    patience = location_launcher.UNREACHABLE_SECONDS
    states = []
    for step in (0, patience - 1, 2):
        now[0] += step
        states.append(launcher.check_run_worker_health(run).status)
    assert states == [WorkerStatus.RUNNING, WorkerStatus.RUNNING, WorkerStatus.FAILED]


def test_a_server_that_answers_again_is_given_the_whole_time_anew(
    ephemeral: DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1000.0]
    monkeypatch.setattr(location_launcher.time, "monotonic", lambda: now[0])
    client = _Client(ConnectionError("refused"))
    launcher, run = _launcher(ephemeral, monkeypatch, client), _run(ephemeral)
    launcher.check_run_worker_health(run)
    now[0] += location_launcher.UNREACHABLE_SECONDS - 1
    client.answer = True
    assert launcher.check_run_worker_health(run).status == WorkerStatus.RUNNING
    now[0] += 10
    client.answer = ConnectionError("refused")
    assert launcher.check_run_worker_health(run).status == WorkerStatus.RUNNING


def test_a_run_of_another_launcher_is_left_alone(ephemeral: DagsterInstance) -> None:
    launcher = LocationRunLauncher()
    launcher.register_instance(ephemeral)
    run = DagsterRun(job_name="x", status=DagsterRunStatus.STARTED)
    ephemeral.run_storage.add_run(run)
    assert launcher.check_run_worker_health(run).status == WorkerStatus.RUNNING


def test_a_command_in_a_deployment_uses_its_records(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "dagster.yaml").write_text("telemetry: {enabled: false}")
    project: Any = SimpleNamespace(environment=_DECLARED, state=tmp_path / "state")
    monkeypatch.setenv("DATAPLATFORM_RECORDS", "deployed")
    monkeypatch.setenv("DAGSTER_HOME", str(home))
    with open_instance(project) as instance:
        assert instance.root_directory == str(home)
        # Whose process a run is cannot be told from another container.
        run = DagsterRun(job_name="x", status=DagsterRunStatus.STARTED)
        instance.run_storage.add_run(run)
        assert recover(instance) == []
        assert not instance.get_run_by_id(run.run_id).is_finished
    assert not (tmp_path / "state").exists()


@pytest.mark.parametrize(
    ("where", "home", "sentence"),
    [
        ("deploid", "x", "it is 'project' or 'deployed'. Did you mean 'deployed'?"),
        ("deployed", "", "DAGSTER_HOME names no folder with a dagster.yaml."),
        ("deployed", "nowhere", "DAGSTER_HOME names no folder with a dagster.yaml."),
        ("deployed", "bare", "DAGSTER_POSTGRES_USER must be set: "),
        ("deployed", "away", "dagster.yaml names do not answer: "),
    ],
)
def test_a_deployment_that_is_not_set_up_is_told_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str, home: str, sentence: str
) -> None:
    if home in ("bare", "away"):
        (tmp_path / home).mkdir()
        (tmp_path / home / "dagster.yaml").write_text(FILES["deploy/dagster/dagster.yaml"])
    for name in VARIABLES:
        given = {"PORT": "1", "HOST": "127.0.0.1", "ENDPOINT": "http://127.0.0.1:9"}
        monkeypatch.setenv(name, given.get(name.rpartition("_")[2], "x"))
        if home == "bare" and name.endswith("USER"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("DATAPLATFORM_RECORDS", where)
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / home) if home else "")
    project: Any = SimpleNamespace(environment=_DECLARED)
    with pytest.raises(UserError) as found, open_instance(project):
        pass
    assert sentence in str(found.value)
    assert "\n" not in str(found.value)
