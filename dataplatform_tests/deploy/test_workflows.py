"""Workflows and Jenkinsfile: valid, pinned, without rights they need not, and of one mind."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from dataplatform_tests.deploy.tools import REPOSITORY, run, said

FOLDER = REPOSITORY / ".github" / "workflows"
FILES = sorted(FOLDER.glob("*.yml"))
WORKFLOWS: dict[str, dict[Any, Any]] = {f.stem: yaml.safe_load(f.read_text()) for f in FILES}
JOBS = {name: job for flow in WORKFLOWS.values() for name, job in flow["jobs"].items()}
JENKINS = (REPOSITORY / "Jenkinsfile").read_text()
#: What must stand on the way of a change, from its first look to production.
WAY = (
    *("lint", "unit", "whole", "end-to-end", "parity", "contract-diff", "data-diff", "comment"),
    *("image", "scan", "staging", "production"),
)


@pytest.mark.slow
def test_the_schema_of_workflows_allows_them(validators: Path) -> None:
    schema = ("--builtin-schema", "vendor.github-workflows")
    said(validators / "check-jsonschema", *schema, *FILES)


@pytest.mark.slow
def test_no_audit_of_workflows_finds_anything(validators: Path) -> None:
    said(validators / "zizmor", "--offline", "--no-progress", FOLDER)


@pytest.mark.slow
def test_the_audit_finds_an_action_that_is_not_pinned(validators: Path, tmp_path: Path) -> None:
    folder = tmp_path / ".github" / "workflows"
    folder.mkdir(parents=True)
    text = (FOLDER / "test.yml").read_text()
    (folder / "test.yml").write_text(re.sub(r"checkout@\w{40}[^\n]*", "checkout@main", text))
    code, found = run(validators / "zizmor", "--offline", "--no-progress", folder)
    assert code != 0
    assert "unpinned-uses" in found


def test_every_stage_of_the_way_is_in_both() -> None:
    assert set(WAY) <= set(JOBS)
    assert tuple(re.findall(r"stage\('([^']+)'\)", JENKINS)) == WAY


def test_both_run_the_same_commands() -> None:
    ours = {
        step["run"]
        for job in JOBS.values()
        for step in job.get("steps", [])
        if step.get("run", "").startswith(("make lint", "make quick", ".ci/run", "deploy/"))
    }
    assert len(ours) >= 8
    for command in ours:
        program = command.split()[0] if command.startswith(("deploy/", ".ci")) else command
        assert program in JENKINS, command


def test_actions_are_pinned_by_their_commit_and_say_which_version_it_is() -> None:
    for file in FILES:
        uses = re.findall(r"(?m)^\s*-?\s*uses: (\S+)(.*)$", file.read_text())
        assert uses
        for action, rest in uses:
            if action.startswith("./"):
                assert (REPOSITORY / action).is_file()
                continue
            assert re.fullmatch(r"[\w.-]+/[\w.-]+@[0-9a-f]{40}", action), action
            assert re.fullmatch(r" # v\d+\.\d+\.\d+", rest), action


def test_no_job_writes_unless_it_must() -> None:
    for name, flow in WORKFLOWS.items():
        assert flow["permissions"] == {"contents": "read"}, name
    writing = {
        (name, right)
        for name, job in JOBS.items()
        for right, how in job.get("permissions", {}).items()
        if how == "write"
    }
    assert writing == {("image", "packages"), ("comment", "pull-requests")}


def test_what_a_change_names_never_becomes_part_of_a_command() -> None:
    for name, job in JOBS.items():
        for step in job.get("steps", []):
            assert "${{" not in step.get("run", ""), name


def test_production_comes_after_staging_and_asks_a_person() -> None:
    assert "staging" in JOBS["production"]["needs"]
    assert {"image", "scan"} <= set(JOBS["staging"]["needs"])
    assert JOBS["production"]["environment"] == "production"
    assert re.search(r"stage\('production'\) \{.*?input \{", JENKINS, re.S)


def test_secrets_are_read_by_deployments_alone() -> None:
    for flow in FILES:
        for name, job in yaml.safe_load(flow.read_text())["jobs"].items():
            secrets = set(re.findall(r"secrets\.(\w+)", yaml.safe_dump(job)))
            assert secrets <= ({"KUBECONFIG"} if name in ("staging", "production") else set())


def test_jenkins_blocks_are_closed_and_its_scripts_exist() -> None:
    assert JENKINS.count("{") == JENKINS.count("}")
    assert JENKINS.count("'") % 2 == 0
    for script in set(re.findall(r"\bdeploy/[\w/-]+", JENKINS)) | {".ci/run"}:
        assert os.access(REPOSITORY / script, os.X_OK), script


@pytest.mark.parametrize(
    "script",
    [
        "deploy/rollout",
        "deploy/helm/support/files/backup.sh",
        *(f"deploy/ci/{f.name}" for f in (REPOSITORY / "deploy/ci").iterdir()),
    ],
)
def test_scripts_are_read_by_bash_and_stop_at_the_first_failure(script: str) -> None:
    said(Path("/bin/bash"), "-n", script)
    assert re.search(r"(?m)^set -euo pipefail$", (REPOSITORY / script).read_text())


def test_a_rollout_to_nowhere_is_refused_before_anything_is_changed() -> None:
    code, text = run(Path("/bin/bash"), "deploy/rollout", "prodution", "image", "tag")
    assert code == 2
    assert "There is no helm/values-prodution.yaml." in text
