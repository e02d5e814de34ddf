"""What Kubernetes is asked for: a run's pod, by Dagster's own launcher; a rollout, step by step."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any
from unittest import mock

import dagster
import pytest
import yaml
from dagster import DagsterRun, instance_for_test
from dagster._core.code_pointer import ModuleCodePointer
from dagster._core.launcher import LaunchRunContext
from dagster._core.origin import JobPythonOrigin, RepositoryPythonOrigin
from dagster_k8s import K8sRunLauncher
from kubernetes.client import ApiClient

from dataplatform_tests.deploy.test_kubernetes import CODE, LAUNCHER, SUPPORT, VALUES, _snake
from dataplatform_tests.deploy.tools import REPOSITORY, said

IMAGE = "registry.example.com/dataplatform:abc"
HOME = VALUES["global"]["dagsterHome"]


def _launcher(batch: mock.Mock) -> K8sRunLauncher:
    """Return the launcher that the chart's dagster.yaml would configure, before a false cluster."""
    named = ("envConfigMaps", "envSecrets")
    config: dict[str, Any] = {
        _snake(name): value for name, value in LAUNCHER.items() if name not in named
    }
    config |= {_snake(name): [one["name"] for one in LAUNCHER[name]] for name in named}
    config["run_k8s_config"] = {_snake(k): v for k, v in LAUNCHER["runK8sConfig"].items()}
    with mock.patch("dagster_k8s.launcher.load_kubernetes_config"):
        return K8sRunLauncher(
            service_account_name="dagster",
            instance_config_map="dagster-instance",
            postgres_password_secret=VALUES["global"]["postgresqlSecretName"],
            dagster_home=HOME,
            job_namespace="dataplatform-staging",
            k8s_client_batch_api=batch,
            **config,
        )


@pytest.fixture(scope="module")
def job() -> dict[str, Any]:
    """The job that a run of the code location becomes."""
    # Where a code location gave its own settings to its runs, they would stand here.
    assert CODE["includeConfigInLaunchedRuns"] == {"enabled": False}
    location = RepositoryPythonOrigin(
        executable_path="python",
        code_pointer=ModuleCodePointer("dataplatform.definitions", "defs", "/app"),
        container_image=IMAGE,
        entry_point=["dagster"],
        container_context=None,
    )
    batch = mock.Mock()
    with instance_for_test() as instance:
        run = DagsterRun(
            job_name="customers", job_code_origin=JobPythonOrigin("customers", location)
        )
        instance.add_run(run)
        launcher = _launcher(batch)
        launcher.register_instance(instance)
        launcher.launch_run(LaunchRunContext(dagster_run=run, workspace=None))
    asked = batch.create_namespaced_job.call_args.kwargs
    assert asked["namespace"] == "dataplatform-staging"
    made: dict[str, Any] = ApiClient().sanitize_for_serialization(asked["body"])
    return made


def test_a_run_has_the_image_of_its_code_and_the_memory_of_a_run(job: dict[str, Any]) -> None:
    (container,) = job["spec"]["template"]["spec"]["containers"]
    assert container["image"] == IMAGE
    assert container["resources"] == LAUNCHER["resources"]
    assert container["resources"]["limits"]["memory"] != CODE["resources"]["limits"]["memory"]
    assert container["securityContext"] == LAUNCHER["securityContext"]
    assert job["spec"]["template"]["spec"]["securityContext"]["runAsUser"] == 10001
    assert job["spec"]["backoffLimit"] == 0


def test_a_run_has_settings_secrets_and_the_records(job: dict[str, Any]) -> None:
    pod = job["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    sources = [next(iter(one.values()))["name"] for one in container["envFrom"]]
    assert sources == ["dataplatform-settings", "dataplatform-secrets"]
    given = {one["name"]: one for one in container["env"]}
    assert given["DAGSTER_HOME"]["value"] == HOME
    password = given["DAGSTER_PG_PASSWORD"]["valueFrom"]["secretKeyRef"]
    assert password["name"] == SUPPORT["records"]["credentials"]
    _assert_keys_of_the_logs(container["env"])
    mounted = {one["mountPath"]: one["name"] for one in container["volumeMounts"]}
    assert set(mounted) == {HOME, "/run/secrets/snowflake"}
    volumes = [one["name"] for one in pod["volumes"]]
    assert sorted(volumes) == sorted(set(volumes)) == sorted(mounted.values())


@pytest.mark.slow
def test_kubernetes_allows_a_run(job: dict[str, Any], validators: Path, tmp_path: Path) -> None:
    file = tmp_path / "job.yaml"
    file.write_text(yaml.safe_dump(job))
    assert "passed" in said(validators / "kubernetes-validate", "--strict", file)


@pytest.mark.parametrize("part", ["dagsterWebserver", "dagsterDaemon", "code"])
def test_every_part_may_write_and_read_the_logs(part: str) -> None:
    _assert_keys_of_the_logs((CODE if part == "code" else VALUES[part])["env"])


def _assert_keys_of_the_logs(variables: list[dict[str, Any]]) -> None:
    keys = {one["name"]: one.get("valueFrom", {}).get("secretKeyRef") for one in variables}
    assert keys["AWS_ACCESS_KEY_ID"] == {"name": "dataplatform-secrets", "key": "LAKE_ACCESS_KEY"}
    assert keys["AWS_SECRET_ACCESS_KEY"]["key"] == "LAKE_SECRET_KEY"


@pytest.mark.parametrize("part", [CODE, LAUNCHER], ids=["code", "run"])
def test_code_and_runs_know_the_records(part: dict[str, Any]) -> None:
    (volume,) = [one for one in part["volumes"] if one["name"] == "dagster-home"]
    (mount,) = [one for one in part["volumeMounts"] if one["name"] == "dagster-home"]
    # The chart's own map of the release `dagster`.
    assert volume["configMap"] == {"name": f"{SUPPORT['dagster']['release']}-instance"}
    assert (mount["mountPath"], mount["readOnly"]) == (HOME, True)


_PROGRAM = """#!/usr/bin/env bash
echo "$(basename "$0") $*" >> "$TOLD"
[ "$(basename "$0")" = helm ] && [ "$1" = status ] && exit "${NO_RELEASE:-0}"
[ "$1" = template ] && echo "kind: Job" && exit "${BROKEN_CHART:-0}"
[ "${*: -2}" = "-f -" ] && cat >> "$TOLD"
exit 0
"""


def _rolled_out(folder: Path, ends: int = 0, **variables: str) -> list[str]:
    for name in ("helm", "kubectl"):
        (folder / name).write_text(_PROGRAM)
        (folder / name).chmod(0o755)
    told = folder / "told"
    ended = subprocess.run(
        [REPOSITORY / "deploy/rollout", "staging", "registry.example.com/dataplatform", "abc"],
        env={
            **os.environ,
            "PATH": f"{folder}:{os.environ['PATH']}",
            "TOLD": str(told),
            **variables,
        },
        capture_output=True,
        timeout=30,
    )
    assert ended.returncode == ends, ended.stderr
    return told.read_text().splitlines()


def test_a_rollout_migrates_the_records_before_it_replaces_anything(tmp_path: Path) -> None:
    told = _rolled_out(tmp_path)
    steps = [" ".join(line.split()[:2]) for line in told if not line.startswith("kubectl --name")]
    assert steps[-3:] == ["helm template", "kind: Job", "helm upgrade"]
    of_job = [line for line in told if "instance-migrate" in line or line.endswith("-f -")]
    assert [
        word in line for word, line in zip(("template", "delete", "apply", "wait"), of_job)
    ] == [True] * 4
    upgrade = next(line for line in told if line.startswith("helm upgrade --install dagster"))
    template = next(line for line in told if line.startswith("helm template"))
    for line in (upgrade, template):
        assert "dagsterWebserver.image.tag=abc" in line
        assert f"--version {dagster.__version__}" in line
    assert "migrate.enabled=true" in template
    assert "migrate.enabled" not in upgrade
    assert told[-1].endswith("-- dataplatform doctor")


def test_a_first_rollout_has_nothing_to_migrate(tmp_path: Path) -> None:
    told = _rolled_out(tmp_path, NO_RELEASE="1")
    assert not [line for line in told if "migrate" in line]
    assert any(line.startswith("helm upgrade --install dagster") for line in told)


def test_a_chart_that_does_not_render_changes_nothing(tmp_path: Path) -> None:
    told = _rolled_out(tmp_path, ends=3, BROKEN_CHART="3")
    assert told[-1].startswith("helm template")
    assert not [line for line in told if "instance-migrate" in line and "kubectl" in line]
