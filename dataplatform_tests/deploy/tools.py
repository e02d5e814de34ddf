"""Validators of a deployment's files, in Python environments of their own."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from dataplatform.local.snowflake import make_environment

REPOSITORY = Path(__file__).resolve().parents[2]


def _environment(name: str) -> Path:
    return make_environment(name, REPOSITORY / f"requirements-{name}.lock").parent


@pytest.fixture(scope="session")
def validators() -> Path:
    """The folder of the validators' programs, made from its lock where it is missing."""
    return _environment("deploy")


@pytest.fixture(scope="session")
def scanner() -> Path:
    """The folder of the scanner's programs, likewise."""
    return _environment("scan")


def run(program: Path, *arguments: str | Path, stdin: str | None = None) -> tuple[int, str]:
    """Run a validator in the repository, offline, and return its exit code and what it said."""
    done = subprocess.run(
        [str(program), *map(str, arguments)],
        cwd=REPOSITORY,
        input=stdin,
        env={**os.environ, "PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def said(program: Path, *arguments: str | Path, stdin: str | None = None) -> str:
    """Run a validator that must find nothing wrong, and return what it said."""
    code, text = run(program, *arguments, stdin=stdin)
    assert code == 0, text[-4000:]
    return text
