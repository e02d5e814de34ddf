"""Terraform's modules: read, of the providers' own words, and of one mind with the platform.

The program itself and its providers cannot be had from a package index, so what `terraform
validate` would say of names is said here, from the providers' documentation.
"""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from dataplatform import keys
from dataplatform_tests.deploy.tools import REPOSITORY, said

FOLDER = REPOSITORY / "deploy" / "terraform"
MODULES = ("aws", "fivetran", "gcp", "snowflake")
ENVIRONMENTS = {
    name: yaml.safe_load((REPOSITORY / f"config/environments/{name}.yml").read_text())
    for name in ("production", "staging")
}
OWN_SCHEMAS = {
    *(keys.STAGING, keys.INTERMEDIATE, keys.SNAPSHOTS, keys.CANDIDATE, keys.PUBLISHED),
    *(keys.QUARANTINE, keys.PLATFORM),
}
#: What Terraform itself knows of every resource.
META = {"for_each", "count", "provider", "depends_on", "lifecycle", "dynamic", "provisioner"}
#: The arguments and blocks of each resource that are used, beside its required ones (first).
RESOURCES: dict[str, tuple[set[str], set[str]]] = {
    "aws_iam_group": ({"name"}, set()),
    "aws_iam_group_policy": ({"group", "policy"}, {"name"}),
    "aws_kms_key": (
        set(),
        {"description", "enable_key_rotation", "deletion_window_in_days", "policy"},
    ),
    "aws_s3_bucket": ({"bucket"}, {"tags"}),
    "aws_s3_bucket_lifecycle_configuration": ({"bucket", "rule"}, set()),
    "aws_s3_bucket_policy": ({"bucket", "policy"}, set()),
    "aws_s3_bucket_public_access_block": (
        {"bucket"},
        {"block_public_acls", "block_public_policy", "ignore_public_acls"}
        | {"restrict_public_buckets"},
    ),
    "aws_s3_bucket_server_side_encryption_configuration": ({"bucket", "rule"}, set()),
    "aws_s3_bucket_versioning": ({"bucket", "versioning_configuration"}, set()),
    "fivetran_connection": (
        {"group_id", "service", "destination_schema"},
        {"config", "run_setup_tests", "trust_certificates", "trust_fingerprints"},
    ),
    "fivetran_connector_schedule": (
        {"connector_id"},
        {"sync_frequency", "schedule_type", "paused", "pause_after_trial", "daily_sync_time"},
    ),
    "fivetran_destination": (
        {"group_id", "service", "region", "time_zone_offset", "config"},
        {"run_setup_tests", "trust_certificates", "trust_fingerprints"},
    ),
    "fivetran_group": ({"name"}, set()),
    "google_bigquery_dataset": (
        {"dataset_id"},
        {"location", "max_time_travel_hours", "delete_contents_on_destroy", "description"}
        | {"default_encryption_configuration", "labels"},
    ),
    "google_bigquery_dataset_iam_member": ({"dataset_id", "role", "member"}, {"project"}),
    "google_kms_crypto_key": ({"name", "key_ring"}, {"rotation_period", "purpose"}),
    "google_kms_crypto_key_iam_member": ({"crypto_key_id", "role", "member"}, set()),
    "google_kms_key_ring": ({"name", "location"}, {"project"}),
    "google_project_iam_custom_role": ({"role_id", "title", "permissions"}, {"description"}),
    "google_project_iam_member": ({"project", "role", "member"}, {"condition"}),
    "google_project_service": ({"service"}, {"project", "disable_on_destroy"}),
    "google_service_account": ({"account_id"}, {"display_name", "description"}),
    "google_storage_bucket": (
        {"name", "location"},
        {"uniform_bucket_level_access", "public_access_prevention", "versioning", "encryption"}
        | {"logging", "lifecycle_rule", "storage_class", "labels"},
    ),
    "google_storage_bucket_iam_member": ({"bucket", "role", "member"}, {"condition"}),
    "snowflake_account_role": ({"name"}, {"comment"}),
    "snowflake_database": ({"name"}, {"comment", "data_retention_time_in_days"}),
    "snowflake_grant_account_role": ({"role_name"}, {"user_name", "parent_role_name"}),
    "snowflake_grant_privileges_to_account_role": (
        {"account_role_name"},
        {"privileges", "all_privileges", "on_account_object", "on_schema", "with_grant_option"},
    ),
    "snowflake_resource_monitor": (
        {"name"},
        {"credit_quota", "frequency", "start_timestamp", "end_timestamp", "notify_triggers"}
        | {"suspend_trigger", "suspend_immediate_trigger", "notify_users"},
    ),
    "snowflake_schema": ({"database", "name"}, {"with_managed_access", "comment"}),
    "snowflake_service_user": (
        {"name"},
        {"comment", "default_role", "default_warehouse", "rsa_public_key", "rsa_public_key_2"},
    ),
    "snowflake_warehouse": (
        {"name"},
        {"comment", "warehouse_size", "auto_suspend", "auto_resume", "initially_suspended"}
        | {"statement_timeout_in_seconds", "statement_queued_timeout_in_seconds"}
        | {"resource_monitor", "max_concurrency_level"},
    ),
}
SOURCES = {
    "aws": ("hashicorp/aws", "~> 6.0"),
    "fivetran": ("fivetran/fivetran", "~> 1.9"),
    "gcp": ("hashicorp/google", "~> 7.0"),
    "snowflake": ("snowflakedb/snowflake", "~> 2.10"),
}

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def read(validators: Path) -> Any:
    """A function from a module's name to its blocks, by their kind."""

    @cache
    def blocks(module: str) -> dict[str, list[Any]]:
        found: dict[str, list[Any]] = json.loads(
            said(validators / "python", FOLDER / "read.py", FOLDER / module)
        )
        return found

    return blocks


def _resources(blocks: dict[str, list[Any]]) -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (kind, name, body)
        for block in blocks["resource"]
        for kind, named in block.items()
        for name, body in named.items()
    ]


def _default(blocks: dict[str, list[Any]], variable: str) -> Any:
    (found,) = [one[variable] for one in blocks["variable"] if variable in one]
    return found["default"]


@pytest.mark.parametrize("module", MODULES)
def test_every_argument_is_the_providers_own_and_none_is_missing(read: Any, module: str) -> None:
    found = _resources(read(module))
    assert len(found) >= 4
    for kind, name, body in found:
        required, optional = RESOURCES[kind]
        # A block that is made for each of several counts as itself.
        given = set(body) | {block for one in body.get("dynamic", []) for block in one}
        assert given - META - required - optional == set(), f"{kind}.{name}"
        assert required <= given, f"{kind}.{name}"


@pytest.mark.parametrize("module", MODULES)
def test_every_reference_leads_somewhere(read: Any, module: str) -> None:
    blocks = read(module)
    declared = {name for one in blocks["variable"] for name in one}
    local = {name for one in blocks.get("locals", []) for name in one}
    made = {f"{kind}.{name}" for kind, name, _ in _resources(blocks)}
    text = "\n".join(file.read_text() for file in sorted((FOLDER / module).glob("*.tf")))
    code = re.sub(r"(?m)^\s*#.*$", "", text)
    assert set(re.findall(r"\bvar\.(\w+)", code)) == declared, "each is used, each is declared"
    assert set(re.findall(r"\blocal\.(\w+)", code)) == local
    kinds = "|".join(RESOURCES)
    referred = set(re.findall(rf"(?<!data\.)\b((?:{kinds})\.\w+)", code))
    assert referred <= made


@pytest.mark.parametrize("module", MODULES)
def test_the_provider_is_todays_and_its_version_is_bounded(read: Any, module: str) -> None:
    (terraform,) = read(module)["terraform"]
    (providers,) = terraform["required_providers"]
    (provider,) = [one for name, one in providers.items()]
    assert (provider["source"], provider["version"]) == SOURCES[module]


@pytest.mark.parametrize("module", MODULES)
def test_every_variable_and_output_says_what_it_is_for(read: Any, module: str) -> None:
    for kind in ("variable", "output"):
        for one in read(module)[kind]:
            for name, body in one.items():
                assert len(body["description"]) > 10, name
    # What stands open in a file would be a secret no more.
    for one in read(module)["variable"]:
        for name, body in one.items():
            if re.search(r"private|password|secret", name):
                assert body["sensitive"] is True
                assert "default" not in body


def test_snowflake_has_what_the_environments_name(read: Any) -> None:
    blocks = read("snowflake")
    warehouses, roles = _default(blocks, "warehouses"), _default(blocks, "roles")
    databases = _default(blocks, "databases")
    for name, environment in ENVIRONMENTS.items():
        given, fivetran = environment["warehouse"], environment["fivetran"]["destination"]
        assert given["database"] in databases, name
        assert given["warehouse"] in warehouses, name
        assert given["role"] in roles, name
        assert fivetran["config"]["role"] in roles, name
        assert fivetran["config"]["database"] == given["database"], name
    assert {one.lower() for one in _default(blocks, "schemas")} == OWN_SCHEMAS


def test_snowflakes_warehouses_are_those_that_access_grants(read: Any) -> None:
    access = yaml.safe_load((REPOSITORY / "config/access.yml").read_text())
    blocks = read("snowflake")
    named = {one for role in access["roles"].values() for one in role.get("warehouses", [])}
    assert named == set(_default(blocks, "warehouses"))
    for role, one in _default(blocks, "roles").items():
        assert one["warehouse"] in access["roles"][role.lower()]["warehouses"]


def test_every_warehouse_stops_by_itself_and_has_a_limit(read: Any) -> None:
    blocks = read("snowflake")
    for name, one in _default(blocks, "warehouses").items():
        assert 0 < one["suspend_after_seconds"] <= 300, name
        assert one["monthly_credits"] > 0, name
    made = {kind: body for kind, _, body in _resources(blocks)}
    assert made["snowflake_warehouse"]["auto_suspend"] == "${each.value.suspend_after_seconds}"
    assert "snowflake_resource_monitor" in made["snowflake_warehouse"]["resource_monitor"]
    assert made["snowflake_resource_monitor"]["suspend_trigger"] == 100


@pytest.mark.parametrize(
    ("name", "begins"), [("production", "company-lake"), ("staging", "company-lake-test")]
)
def test_buckets_are_those_of_the_environments(read: Any, name: str, begins: str) -> None:
    text = (FOLDER / "aws" / "main.tf").read_text()
    assert '"${var.name}-${layer}"' in text
    (layers,) = re.findall(r"for layer in (\[[^]]*\])", text)
    made = {layer: f"{begins}-{layer}" for layer in json.loads(layers)}
    assert made == ENVIRONMENTS[name]["lake"]["buckets"]
    support = yaml.safe_load((REPOSITORY / f"deploy/helm/support/values-{name}.yaml").read_text())
    assert support["logs"]["bucket"] == f"{begins}-dagster-logs"
    described = json.dumps(read("aws")["variable"])
    assert begins in described
    kept = _default(read("aws"), "keep_days")
    assert set(kept) == {*made, "logs"}
    assert kept["curated"] in (None, "null")


def test_google_has_the_same_schemas_and_layers(read: Any) -> None:
    assert set(_default(read("gcp"), "datasets")) == OWN_SCHEMAS
    lake = {name: body for kind, name, body in _resources(read("gcp")) if "storage" in kind}
    assert lake["lake"]["for_each"] == '${toset(["raw", "staging", "curated"])}'


def test_fivetran_reads_the_platforms_own_connections(read: Any) -> None:
    folder = (FOLDER / "fivetran" / _default(read("fivetran"), "folder")).resolve()
    assert folder == REPOSITORY / "config" / "connections"
    assert list(folder.glob("*.yml"))
    # `connections apply` owns them unless somebody decides otherwise.
    assert _default(read("fivetran"), "connections") == []
    for file in folder.glob("*.yml"):
        said_there = yaml.safe_load(file.read_text())
        assert {"service", "sync_frequency", "schedule_type"} <= set(said_there)
        assert ("schema" in said_there) != ("prefix" in said_there)


@pytest.mark.parametrize("module", MODULES)
def test_files_are_laid_out_as_terraform_does(module: str) -> None:
    for file in sorted((FOLDER / module).glob("*.tf")):
        assert _badly_laid_out(file.read_text()) == [], file


def test_a_file_that_is_laid_out_otherwise_is_found() -> None:
    assert _badly_laid_out("a {\n  x = 1\n  longer = 2\n}\n") == [2]
    assert _badly_laid_out("a {\n   x = 1\n}\n") == [2]
    assert _badly_laid_out("a {\n  x = 1 \n}\n") == [2]
    assert _badly_laid_out("a {\n  x      = 1\n  longer = 2\n}\n") == []


def _badly_laid_out(text: str) -> list[int]:
    """Return the lines that `terraform fmt` would change: indents, `=` in neighbouring lines."""
    bad: set[int] = set()
    depth, group = 0, []
    lines = text.split("\n")
    for number, line in enumerate(lines, 1):
        bare = re.sub(r'"(?:[^"\\]|\\.)*"', '""', line).split("#")[0]
        body = bare.strip()
        if line != line.rstrip() or "\t" in line:
            bad.add(number)
        closing = len(re.match(r"^[\])}]*", body)[0]) if body else 0
        opened = sum(map(body.count, "([{")) - sum(map(body.count, ")]}"))
        if line.strip():
            wanted = 2 * (depth - (1 if closing else 0))
            if len(line) - len(line.lstrip()) != wanted:
                bad.add(number)
        found = re.match(r"^(\s*)([\w\".]+)(\s*)=\s", bare)
        # One that opens a block of lines is aligned with nothing.
        if found and opened == 0 and not closing:
            group.append((number, line.index("=")))
        else:
            bad |= _unaligned(group, lines)
            group = []
        # Brackets that open together on a line indent once.
        depth += (opened > 0) - (opened < 0)
    return sorted(bad | _unaligned(group, lines))


def _unaligned(group: list[tuple[int, int]], lines: list[str]) -> set[int]:
    if not group:
        return set()
    wanted = max(len(lines[number - 1].split("=")[0].rstrip()) + 1 for number, _ in group)
    return {number for number, at in group if at != wanted}
