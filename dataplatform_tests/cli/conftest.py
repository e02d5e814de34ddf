"""A copy of the repository's project for the tests of the commands."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the copy, which DATAPLATFORM_PROJECT names."""
    root = tmp_path / "project"
    for folder in ("config", "dbt_project"):
        shutil.copytree(
            REPOSITORY / folder, root / folder, ignore=shutil.ignore_patterns("target", "logs")
        )
    monkeypatch.setenv("DATAPLATFORM_PROJECT", str(root))
    monkeypatch.delenv("DATAPLATFORM_ENV", raising=False)
    return root
