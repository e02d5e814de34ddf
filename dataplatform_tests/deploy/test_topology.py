"""Web server, daemon and code location apart: each may be killed in mid-run; nothing is lost."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import psycopg
import pytest
from dagster import (
    AssetCheckEvaluation,
    AssetCheckKey,
    DagsterInstance,
    DagsterRunStatus,
    RunsFilter,
)

from dataplatform.declarations.environment import RECORDS_VARIABLE
from dataplatform.local import supervisor
from dataplatform.local.postgres import _binary
from dataplatform.resources.instance import latest_materialisations, latest_verdicts
from dataplatform.runtime.home import home_in
from dataplatform.runtime.made_records import bring_records
from dataplatform_tests.deploy.tools import REPOSITORY
from dataplatform_tests.deploy.topology import LOGS, Topology, variables_of
from dataplatform_tests.servers import running

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

#: Dagster asks PostgreSQL for a connection again for about eleven seconds.
OUTAGE_SECONDS = 3

GRAPH = """
import time
from pathlib import Path
import dagster as dg

def wait(name):
    Path(f"{name}.started").touch()
    while not Path(f"{name}.go").exists():
        time.sleep(0.05)

def slow(name, pool):
    @dg.asset(name=name, pool=pool)
    def made():
        print(f"printed by {name}")
        Path(f"{name}.begins").write_text(str(time.time()))
        wait(name)
        Path(f"{name}.ends").write_text(str(time.time()))
        return dg.MaterializeResult(metadata={"rows": 3})
    return made

names = {"one": None, "two": None, "three": None, "four": None, "five": None,
         "first": "warehouse", "second": "warehouse"}
defs = dg.Definitions(
    assets=[slow(name, pool) for name, pool in names.items()],
    jobs=[dg.define_asset_job(f"job_{name}", name) for name in names],
    executor=dg.in_process_executor,
)
"""


@pytest.fixture(scope="module")
def topology(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Topology]:
    folder = tmp_path_factory.mktemp("topology")
    (folder / "small_deployment.py").write_text(GRAPH)
    with running(only=("postgres", "object_store"), seeded=False) as servers:
        variables = variables_of(servers, "dagster")
        records = servers.services["postgres"]
        with psycopg.connect(
            host=records["host"],
            port=records["port"],
            user=records["user"],
            password=records["password"],
            dbname=records["database"],
            autocommit=True,
        ) as connection:
            connection.execute("create database dagster")
            connection.execute("create database restored")
        _store(variables).create_bucket(Bucket=LOGS)
        found = Topology(folder, variables, "small_deployment", servers.project)
        try:
            found.migrate()
            found.start("code", "web", "daemon")
            found.ready()
            yield found
        finally:
            found.end()


def _store(variables: dict[str, str]) -> Any:
    return boto3.client(
        "s3",
        endpoint_url=variables["DAGSTER_LOGS_ENDPOINT"],
        region_name=variables["DAGSTER_LOGS_REGION"],
        aws_access_key_id=variables["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=variables["AWS_SECRET_ACCESS_KEY"],
    )


def _begun(it: Topology, name: str) -> str:
    """Launch a job and return its run's id once its step waits for leave to end."""
    run_id = it.launch(f"job_{name}")
    it.until((it.folder / f"{name}.started").exists, 120)
    return run_id


def _let(it: Topology, name: str) -> None:
    (it.folder / f"{name}.go").touch()


def _forget(it: Topology, name: str) -> None:
    for file in it.folder.glob(f"{name}.*"):
        if file.suffix in (".started", ".go", ".begins", ".ends"):
            file.unlink()


def _ends(it: Topology, instance: DagsterInstance, run_id: str, seconds: float = 40) -> Any:
    def ended() -> Any:
        run = instance.get_run_by_id(run_id)
        return run if run is not None and run.is_finished else None

    return it.until(ended, seconds)


def test_each_part_may_be_killed_in_mid_run(topology: Topology) -> None:
    it = topology
    with it.instance() as instance:
        # The daemon: what runs goes on, what is queued waits for the next daemon.
        run = _begun(it, "one")
        it.kill("daemon")
        queued = it.launch("job_two")
        _let(it, "one")
        assert _ends(it, instance, run).status == DagsterRunStatus.SUCCESS
        assert _status(instance, queued) == DagsterRunStatus.QUEUED
        it.start("daemon")

        # The web server: nobody looks, and the run that waited goes on.
        it.until((it.folder / "two.started").exists, 60)
        it.kill("web")
        _let(it, "two")
        assert _ends(it, instance, queued).status == DagsterRunStatus.SUCCESS
        it.start("web")
        it.ready()
        assert _told(it, queued) == {"status": "SUCCESS"}

        # The code location: its runs die with it, which is found, and they can be run again.
        lost = _begun(it, "three")
        it.kill("code")
        it.start("code")
        dead = _ends(it, instance, lost)
        assert dead.status == DagsterRunStatus.FAILURE
        said = [entry.message for entry in instance.all_logs(lost)]
        assert any("has lost the run" in text for text in said), said
        _forget(it, "three")
        _let(it, "three")
        it.ready()
        again = it.launch("job_three")
        assert _ends(it, instance, again).status == DagsterRunStatus.SUCCESS

        assert _alive(instance) == []
        rows = [
            instance.get_latest_materialization_event(_key(name)) is not None
            for name in ("one", "two", "three")
        ]
        assert rows == [True, True, True]


def test_a_code_location_that_is_replaced_lets_its_runs_end(topology: Topology) -> None:
    it = topology
    with it.instance() as instance:
        run = _begun(it, "four")
        process = it.running["code"]
        process.send_signal(signal.SIGTERM)
        time.sleep(3)
        assert process.poll() is None, "the server waits for its run"
        _let(it, "four")
        ended = _ends(it, instance, run)
        assert process.wait(40) == 0
        it.kill("code")
        it.start("code")
        it.ready()
        assert ended.status == DagsterRunStatus.SUCCESS
        assert _alive(instance) == []


@pytest.mark.prove
def test_a_run_outlives_a_restart_of_postgresql(topology: Topology) -> None:
    it = topology
    run = _begun(it, "five")
    supervisor.stop(it.project, ["postgres"])
    # The step ends while its records do not answer: it has to wait for them.
    _let(it, "five")
    it.until((it.folder / "five.ends").exists, 20)
    time.sleep(OUTAGE_SECONDS)
    supervisor.start(it.project)
    with it.instance() as instance:
        assert _ends(it, instance, run).status == DagsterRunStatus.SUCCESS
        assert instance.get_latest_materialization_event(_key("five")) is not None
        # And the others go on: the web server connects anew, the daemon starts what is asked for.
        assert _told(it, run) == {"status": "SUCCESS"}
        _forget(it, "five")
        _let(it, "five")
        assert _ends(it, instance, it.launch("job_five")).status == DagsterRunStatus.SUCCESS
        assert _alive(instance) == []


def test_runs_of_one_pool_follow_each_other(topology: Topology) -> None:
    it = topology
    with it.instance() as instance:
        first = _begun(it, "first")
        second = it.launch("job_second")
        _let(it, "second")
        _let(it, "first")
        assert _ends(it, instance, first).status == DagsterRunStatus.SUCCESS
        assert _ends(it, instance, second).status == DagsterRunStatus.SUCCESS
        assert _moment(it, "second.begins") >= _moment(it, "first.ends")


def test_records_lie_in_postgresql_and_logs_in_the_object_store(topology: Topology) -> None:
    it = topology
    with it.instance() as instance:
        runs = instance.get_runs(RunsFilter(statuses=[DagsterRunStatus.SUCCESS]))
        assert runs
        kept = _store(it.variables).list_objects_v2(Bucket=LOGS, Prefix="dagster-logs/")
        texts = [
            _store(it.variables).get_object(Bucket=LOGS, Key=one["Key"])["Body"].read().decode()
            for one in kept["Contents"]
            if one["Key"].endswith(".out")
        ]
        assert any("printed by" in text for text in texts)
    assert not list(it.home.rglob("*.db")), "no record is kept beside PostgreSQL"


def test_what_the_records_know_is_brought_to_a_made_environment(
    topology: Topology, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {**topology.variables, RECORDS_VARIABLE: "deployed"}.items():
        monkeypatch.setenv(name, value)
    with topology.instance() as source:
        keys = list(source.all_asset_keys())
        verdict = AssetCheckEvaluation(
            asset_key=keys[0], check_name="kept", passed=False, metadata={"failing_count": 3}
        )
        source.report_runless_asset_event(verdict)
        known = latest_materialisations(source, keys)
    bring_records(topology.project, tmp_path / "made")
    with DagsterInstance.from_config(str(home_in(tmp_path / "made"))) as made:
        told = latest_materialisations(made, keys)
        (kept,) = latest_verdicts(made, [AssetCheckKey(keys[0], "kept")]).values()
    assert told and {key: one.data_version for key, one in told.items()} == {
        key: one.data_version for key, one in known.items()
    }
    assert not kept.passed and kept.metadata["failing_count"].value == 3


def test_a_backup_of_the_records_is_restored_whole(topology: Topology, tmp_path: Path) -> None:
    it = topology
    v = it.variables
    variables = {
        **v,
        "PATH": f"{_binary('pg_dump').parent}{os.pathsep}{os.environ['PATH']}",
        "PGHOST": v["DAGSTER_POSTGRES_HOST"],
        "PGPORT": v["DAGSTER_POSTGRES_PORT"],
        "PGUSER": v["DAGSTER_POSTGRES_USER"],
        "PGPASSWORD": v["DAGSTER_POSTGRES_PASSWORD"],
        "PGDATABASE": v["DAGSTER_POSTGRES_DB"],
        "BACKUP_FOLDER": str(tmp_path),
    }
    old, half = tmp_path / "dagster-20200101T020000Z.dump", tmp_path / "dagster-x.dump.unfinished"
    for stale in (old, half):
        stale.touch()
        os.utime(stale, (1, 1))

    def backup(*arguments: str, database: str, code: int = 0) -> str:
        done = subprocess.run(
            ["bash", str(REPOSITORY / "deploy/helm/support/files/backup.sh"), *arguments],
            env={**variables, "PGDATABASE": database},
            capture_output=True,
            text=True,
        )
        assert done.returncode == code, done.stderr
        return (done.stdout + done.stderr).strip()

    file = backup("once", database="dagster")
    assert [str(one) for one in tmp_path.iterdir()] == [file], "what is old or half is gone"
    assert backup("list", database="dagster") == file
    backup("restore", file, database="restored")
    assert "restore into an empty database" in backup("restore", file, database="dagster", code=2)
    assert "There is no backup" in backup("restore", "x.dump", database="restored", code=2)
    with it.instance() as instance:
        runs = {run.run_id: run.status for run in instance.get_runs()}
        events = len(instance.all_logs(next(iter(runs))))
    it.variables["DAGSTER_POSTGRES_DB"] = "restored"
    try:
        it.migrate()
        with it.instance() as instance:
            assert {run.run_id: run.status for run in instance.get_runs()} == runs
            assert len(instance.all_logs(next(iter(runs)))) == events > 0
    finally:
        it.variables["DAGSTER_POSTGRES_DB"] = "dagster"


def _status(instance: DagsterInstance, run_id: str) -> DagsterRunStatus:
    run = instance.get_run_by_id(run_id)
    assert run is not None
    return run.status


def _told(it: Topology, run_id: str) -> Any:
    """Return what the web server says of a run."""
    query = "query($id:ID!){runOrError(runId:$id){... on Run{status}}}"
    return (it.ask(query, id=run_id) or {}).get("runOrError")


def _key(name: str) -> Any:
    from dagster import AssetKey

    return AssetKey(name)


def _moment(it: Topology, file: str) -> float:
    return float(Path(it.folder, file).read_text())


def _alive(instance: DagsterInstance) -> list[str]:
    return [run.run_id for run in instance.get_runs() if not run.is_finished]
