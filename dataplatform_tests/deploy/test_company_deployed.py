"""The whole platform, deployed in parts, loses nothing when each part is killed in mid-run."""

from __future__ import annotations

import time

import boto3
import psycopg
import pytest
from dagster import DagsterEventType, DagsterInstance, DagsterRunStatus

from dataplatform.declarations.local_services import read_services
from dataplatform_tests.deploy.topology import LOGS, Topology, variables_of
from dataplatform_tests.end_to_end.company import Company, company
from dataplatform_tests.servers import Servers

pytestmark = [pytest.mark.prove, pytest.mark.timeout(1800)]
MATERIALISED = DagsterEventType.ASSET_MATERIALIZATION


def _deployed(it: Company) -> Topology:
    services = read_services(it.project.state)
    variables = variables_of(Servers(it.project, services), "dagster")
    records = services["postgres"]
    with psycopg.connect(
        host=records["host"],
        port=records["port"],
        user=records["user"],
        password=records["password"],
        dbname=records["database"],
        autocommit=True,
    ) as connection:
        connection.execute("create database dagster")
    boto3.client(
        "s3",
        endpoint_url=variables["DAGSTER_LOGS_ENDPOINT"],
        region_name="us-east-1",
        aws_access_key_id=variables["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=variables["AWS_SECRET_ACCESS_KEY"],
    ).create_bucket(Bucket=LOGS)
    variables |= {
        "DATAPLATFORM_PROJECT": str(it.project.root),
        "DATAPLATFORM_ENV": "local",
        "DATAPLATFORM_RECORDS": "deployed",
    }
    found = Topology(it.project.root, variables, "dataplatform.definitions", it.project)
    found.migrate()
    return found


def _after(it: Topology, instance: DagsterInstance, run_id: str, tables: int) -> None:
    """Wait until a run has made some tables."""

    def made() -> bool:
        return len(instance.all_logs(run_id, of_type=MATERIALISED)) >= tables

    it.until(made, 300)


def _end(it: Topology, instance: DagsterInstance, run_id: str) -> DagsterRunStatus:
    def ended() -> DagsterRunStatus | None:
        run = instance.get_run_by_id(run_id)
        return run.status if run is not None and run.is_finished else None

    status: DagsterRunStatus = it.until(ended, 600)
    return status


def test_each_part_may_be_killed_under_the_whole_platform() -> None:
    with company() as it:
        it.command("servers", "start")
        it.command("demo", "seed")
        it.command("connections", "apply")
        deployed = _deployed(it)
        try:
            deployed.start("code", "web", "daemon")
            deployed.ready()
            with deployed.instance() as instance:
                run = deployed.launch("__ASSET_JOB")
                _after(deployed, instance, run, 3)
                deployed.kill("daemon")
                deployed.kill("web")
                time.sleep(1)
                deployed.start("daemon", "web")
                assert _end(deployed, instance, run) == DagsterRunStatus.SUCCESS, deployed.logs()
                assert it.differences() == []

                it.command("demo", "advance", "--days", "1")
                deployed.ready()
                lost = deployed.launch("__ASSET_JOB")
                _after(deployed, instance, lost, 3)
                deployed.kill("code")
                deployed.start("code")
                assert _end(deployed, instance, lost) == DagsterRunStatus.FAILURE
                again = deployed.launch("__ASSET_JOB")
                assert _end(deployed, instance, again) == DagsterRunStatus.SUCCESS
                assert it.differences() == []
                # Conditions start runs of their own; each comes to an end, none is left as alive.
                for one in [run.run_id for run in instance.get_runs() if not run.is_finished]:
                    _end(deployed, instance, one)
        finally:
            deployed.end()
