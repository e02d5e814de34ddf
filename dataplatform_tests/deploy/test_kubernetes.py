"""Values for Dagster's chart, and the chart beside it: rendered, valid, and what they promise."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from dagster._config import process_config
from dagster._config.field import resolve_to_config_type
from dagster_aws.s3.compute_log_manager import S3ComputeLogManager
from dagster_k8s import K8sRunLauncher

from dataplatform.runtime.deployed import CODE_PORT, VARIABLES, deployed_settings
from dataplatform_tests.deploy.tools import REPOSITORY, run, said

HELM = REPOSITORY / "deploy" / "helm"
VALUES: dict[str, Any] = yaml.safe_load((HELM / "values.yaml").read_text())
SUPPORT: dict[str, Any] = yaml.safe_load((HELM / "support" / "values.yaml").read_text())
DEPLOYED = deployed_settings()
ENVIRONMENTS = ("production", "staging")
(CODE,) = VALUES["dagster-user-deployments"]["deployments"]
LAUNCHER = VALUES["runLauncher"]["config"]["k8sRunLauncher"]

#: What the chart's own models call a value, of each part that is used here: another name would be
#: passed over in silence.
_POD = {
    *("image", "env", "envConfigMaps", "envSecrets", "labels", "nodeSelector", "affinity"),
    *("tolerations", "podSecurityContext", "securityContext", "resources", "annotations"),
    *("livenessProbe", "readinessProbe", "startupProbe", "volumes", "volumeMounts"),
    "schedulerName",
}
CHART = {
    "": {
        *("global", "dagsterWebserver", "dagster-user-deployments", "postgresql", "rabbitmq"),
        *("generatePostgresqlPasswordSecret", "generateCeleryConfigSecret", "redis", "flower"),
        *("ingress", "imagePullSecrets", "computeLogManager", "scheduler", "runLauncher"),
        *("pythonLogs", "dagsterDaemon", "busybox", "migrate", "telemetry", "serviceAccount"),
        *("retention", "concurrency", "additionalInstanceConfig", "rbacEnabled"),
    },
    "dagsterWebserver": _POD
    | {"replicaCount", "service", "workspace", "deploymentLabels", "enableReadOnly", "pathPrefix"}
    | {"dbStatementTimeout", "dbPoolRecycle", "logLevel", "nameOverride"}
    | {"initContainerResources"},
    "dagsterDaemon": _POD
    | {"enabled", "runCoordinator", "heartbeatTolerance", "deploymentLabels", "runMonitoring"}
    | {"runRetries", "sensors", "schedules", "initContainerResources"},
    "dagster-user-deployments": {"enabled", "enableSubchart", "imagePullSecrets", "deployments"},
    "deployment": _POD
    | {"name", "dagsterApiGrpcArgs", "codeServerArgs", "includeConfigInLaunchedRuns", "port"}
    | {"deploymentNamespace", "initContainers", "sidecarContainers", "deploymentStrategy"},
    "concurrency": {"enabled", "pools", "runs"},
    "computeLogs": {
        *("bucket", "localDir", "prefix", "useSsl", "verify", "verifyCertPath", "endpointUrl"),
        *("skipEmptyFiles", "uploadInterval", "uploadExtraArgs", "showUrlOnly", "region"),
    },
    "launcher": {
        *("image", "imagePullPolicy", "jobNamespace", "loadInclusterConfig", "kubeconfigFile"),
        *("envConfigMaps", "envSecrets", "envVars", "volumeMounts", "volumes", "labels"),
        *("failPodOnRunFailure", "resources", "schedulerName", "securityContext", "runK8sConfig"),
    },
    "postgresql": {
        *("image", "enabled", "postgresqlHost", "postgresqlUsername", "postgresqlPassword"),
        *("postgresqlDatabase", "postgresqlParams", "postgresqlScheme", "service"),
    },
}


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])([A-Z])", lambda found: f"_{found[1].lower()}", name)


def _snaked(node: Any) -> Any:
    if isinstance(node, dict):
        return {_snake(name): _snaked(value) for name, value in node.items()}
    return [_snaked(one) for one in node] if isinstance(node, list) else node


def _accepted(config_type: Any, given: dict[str, Any]) -> list[str]:
    found = process_config(resolve_to_config_type(config_type), given)
    return [error.message for error in found.errors or []]


@pytest.mark.parametrize("place", sorted(CHART))
def test_the_chart_knows_every_value(place: str) -> None:
    nodes = {
        "": VALUES,
        "deployment": CODE,
        "launcher": LAUNCHER,
        "computeLogs": VALUES["computeLogManager"]["config"]["s3ComputeLogManager"],
    }
    given = nodes.get(place) or VALUES[place]
    assert set(given) - CHART[place] == set()
    for environment in ENVIRONMENTS:
        own = yaml.safe_load((HELM / f"values-{environment}.yaml").read_text())
        assert set(own) <= set(VALUES)
        if place in own:
            assert set(own[place]) - CHART[place] == set()


def test_dagster_accepts_the_launcher() -> None:
    given = _snaked({k: v for k, v in LAUNCHER.items() if k not in ("envConfigMaps", "envSecrets")})
    # Kubernetes' own parts are read by its client in either spelling; labels are nobody's names.
    given |= {"labels": LAUNCHER["labels"], "run_k8s_config": LAUNCHER["runK8sConfig"]}
    given |= {
        "env_config_maps": [one["name"] for one in LAUNCHER["envConfigMaps"]],
        "env_secrets": [one["name"] for one in LAUNCHER["envSecrets"]],
        "service_account_name": "dagster",
        "instance_config_map": "dagster-instance",
        "postgres_password_secret": VALUES["global"]["postgresqlSecretName"],
        "dagster_home": VALUES["global"]["dagsterHome"],
        "run_k8s_config": {
            _snake(part): (
                {_snake(name): value for name, value in config.items()}
                if part != "podTemplateSpecMetadata"
                else config
            )
            for part, config in LAUNCHER["runK8sConfig"].items()
        },
    }
    assert _accepted(K8sRunLauncher.config_type(), given) == []
    assert _accepted(K8sRunLauncher.config_type(), given | {"fail_pod": True})


def test_dagster_accepts_where_the_logs_go(monkeypatch: pytest.MonkeyPatch) -> None:
    given = _snaked(VALUES["computeLogManager"]["config"]["s3ComputeLogManager"])
    # The chart writes the region as a text, so a variable would be its text.
    region = given.pop("region")
    for environment in ENVIRONMENTS:
        own = yaml.safe_load((HELM / "support" / f"values-{environment}.yaml").read_text())
        assert region == own.get("awsRegion", SUPPORT["awsRegion"])
    assert given | {"region": {"env": "DAGSTER_LOGS_REGION"}} == DEPLOYED["compute_logs"]["config"]
    for name in VARIABLES:
        monkeypatch.setenv(name, "x")
    assert _accepted(S3ComputeLogManager.config_type(), given) == []


def test_both_ways_to_deploy_have_the_same_limits() -> None:
    assert _snaked(VALUES["concurrency"]["runs"]) == DEPLOYED["concurrency"]["runs"]
    assert _snaked(VALUES["concurrency"]["pools"]) == DEPLOYED["concurrency"]["pools"]
    assert _snaked(VALUES["dagsterDaemon"]["runMonitoring"]) == DEPLOYED["run_monitoring"]
    assert _snaked(VALUES["dagsterDaemon"]["schedules"]) == DEPLOYED["schedules"]
    assert _snaked(VALUES["dagsterDaemon"]["sensors"]) == DEPLOYED["sensors"]
    assert VALUES["dagsterDaemon"]["runRetries"] == DEPLOYED["run_retries"]
    kept = {name: value for name, value in VALUES["retention"].items() if name != "enabled"}
    assert _snaked(kept) == DEPLOYED["retention"]
    for name, value in VALUES["additionalInstanceConfig"].items():
        assert DEPLOYED[name] == value, name


def test_the_code_location_is_that_of_the_image() -> None:
    assert CODE["port"] == CODE_PORT == SUPPORT["dagster"]["codePort"]
    command = (REPOSITORY / "Dockerfile").read_text().rpartition("CMD ")[2]
    for argument in CODE["dagsterApiGrpcArgs"]:
        assert f'"{argument}"' in command


def test_the_web_server_listens_where_its_user_may_and_others_look() -> None:
    web = VALUES["dagsterWebserver"]
    port = web["service"]["port"]
    assert port >= 1024
    assert port == SUPPORT["dagster"]["webserverPort"]
    for probe in ("readinessProbe", "livenessProbe"):
        assert web[probe]["httpGet"] == {"path": "/server_info", "port": port}


def test_secrets_are_named_and_never_held() -> None:
    for file in HELM.rglob("*.yaml"):
        text = file.read_text()
        assert not re.search(
            r"(?im)^\s*[\w.-]*(password|secret-?key|(?<!serviceaccount)token): *[\"']?\w+", text
        ), file
    for part in (VALUES["dagsterWebserver"], VALUES["dagsterDaemon"], CODE, LAUNCHER):
        assert [one["name"] for one in part["envSecrets"]] == ["dataplatform-secrets"]
        assert [one["name"] for one in part["envConfigMaps"]] == ["dataplatform-settings"]


def test_every_pod_runs_as_the_user_of_the_image_and_has_its_limits() -> None:
    for part in (VALUES["dagsterWebserver"], VALUES["dagsterDaemon"], CODE):
        assert part["podSecurityContext"]["runAsUser"] == 10001
        assert part["podSecurityContext"]["runAsNonRoot"] is True
        assert part["securityContext"]["allowPrivilegeEscalation"] is False
        assert "memory" in part["resources"]["limits"]
        assert "cpu" in part["resources"]["requests"]
    assert LAUNCHER["runK8sConfig"]["podSpecConfig"]["securityContext"]["runAsUser"] == 10001


@pytest.fixture(scope="module", params=ENVIRONMENTS)
def rendered(
    request: pytest.FixtureRequest, validators: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Path]:
    """The support chart's manifests of one environment, in a file."""
    file = tmp_path_factory.mktemp("rendered") / f"{request.param}.yaml"
    values = HELM / "support" / f"values-{request.param}.yaml"
    file.write_text(said(validators / "python", HELM / "render.py", HELM / "support", values))
    yield file


def _manifests(file: Path) -> list[dict[str, Any]]:
    return [one for one in yaml.safe_load_all(file.read_text()) if one]


def _of(file: Path, kind: str, name: str) -> dict[str, Any]:
    (found,) = [
        one for one in _manifests(file) if (one["kind"], one["metadata"]["name"]) == (kind, name)
    ]
    return found


@pytest.mark.slow
def test_kubernetes_allows_what_is_rendered(validators: Path, rendered: Path) -> None:
    told = said(validators / "kubernetes-validate", "--strict", rendered)
    assert told.count("passed for resource") == len(_manifests(rendered)) >= 15


@pytest.mark.slow
def test_kubernetes_refuses_a_field_that_is_none(
    validators: Path, rendered: Path, tmp_path: Path
) -> None:
    bad = tmp_path / "bad.yaml"
    bad.write_text(rendered.read_text().replace("concurrencyPolicy:", "concurrenceyPolicy:"))
    code, text = run(validators / "kubernetes-validate", "--strict", bad)
    assert code != 0
    assert "concurrenceyPolicy" in text


@pytest.mark.slow
def test_a_chart_without_an_environment_is_refused_in_a_sentence(validators: Path) -> None:
    code, text = run(validators / "python", HELM / "render.py", HELM / "support")
    assert code == 1
    assert "environment must be set: use values-<environment>.yaml" in text
    assert "Traceback" not in text


@pytest.mark.slow
def test_what_is_rendered_keeps_its_promises(rendered: Path) -> None:
    settings = _of(rendered, "ConfigMap", "dataplatform-settings")["data"]
    environment = settings["DATAPLATFORM_ENV"]
    assert (REPOSITORY / "config/environments" / f"{environment}.yml").is_file()
    # What the chart of Dagster hands over itself are the records' address and password.
    own = {name for name in VARIABLES if not name.startswith("DAGSTER_POSTGRES_")}
    assert own <= set(settings)
    job = _of(rendered, "CronJob", "backup")["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    (container,) = job["containers"]
    assert container["command"] == ["bash", "/script/backup.sh", "once"]
    script = _of(rendered, "ConfigMap", "backup")["data"]["backup.sh"]
    assert script == (HELM / "support/files/backup.sh").read_text()
    given = {one["name"]: one.get("value") for one in container["env"]}
    own_values = yaml.safe_load((HELM / f"values-{environment}.yaml").read_text())
    assert given["PGHOST"] == own_values["postgresql"]["postgresqlHost"]
    assert given["PGUSER"] == VALUES["postgresql"]["postgresqlUsername"]
    assert given["PGDATABASE"] == VALUES["postgresql"]["postgresqlDatabase"]


@pytest.mark.slow
def test_nothing_is_reached_but_what_a_rule_names(rendered: Path) -> None:
    default = _of(rendered, "NetworkPolicy", "nothing-by-default")["spec"]
    assert default == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    (into_web,) = _of(rendered, "NetworkPolicy", "into-webserver")["spec"]["ingress"]
    assert into_web["from"] == [{"podSelector": {"matchLabels": {"app": "login"}}}]
    (into_code,) = _of(rendered, "NetworkPolicy", "into-code")["spec"]["ingress"]
    assert into_code["ports"] == [{"port": CODE_PORT, "protocol": "TCP"}]
    out = _of(rendered, "NetworkPolicy", "out")["spec"]["egress"]
    (world,) = [
        to["ipBlock"] for rule in out for to in rule["to"] if "except" in to.get("ipBlock", {})
    ]
    assert world["except"] == ["169.254.169.254/32"]


@pytest.mark.slow
def test_pods_of_the_support_chart_write_nowhere_and_are_nobody(rendered: Path) -> None:
    specs = [
        _of(rendered, "Deployment", "login")["spec"]["template"]["spec"],
        _of(rendered, "CronJob", "backup")["spec"]["jobTemplate"]["spec"]["template"]["spec"],
    ]
    for spec in specs:
        assert spec["automountServiceAccountToken"] is False
        assert spec["securityContext"]["runAsNonRoot"] is True
        for container in spec["containers"]:
            assert container["securityContext"]["readOnlyRootFilesystem"] is True
            assert container["resources"]["limits"]


@pytest.mark.prove
def test_no_scan_finds_anything_unsafe(validators: Path, scanner: Path) -> None:
    said(Path("/bin/bash"), "deploy/ci/scan-files")
