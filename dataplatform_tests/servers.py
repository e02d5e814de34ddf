"""Local servers for tests: one project with all of them running and a small demo loaded.

A conftest that imports the fixture ``servers`` offers it to its tests.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from dataplatform.declarations.project import Project, open_project
from dataplatform.local import launch, process, supervisor
from dataplatform.local.sources import demo

REPOSITORY = Path(__file__).resolve().parents[1]
#: The smallest demo whose contracts hold (they ask for 1,000 customers) is 0.1.
SMALL = 0.02
_PREFIX = "dataplatform-test-"
_OWNER = "owner"


@dataclass(frozen=True)
class Servers:
    """A project whose local servers run, and what services.json says of them."""

    project: Project
    services: dict[str, dict[str, Any]]


def copy_project(folder: Path, *, scale: float = SMALL, only: tuple[str, ...] = ()) -> Project:
    """Copy the repository's project into a folder, with a demo of another size.

    Args:
        folder: becomes the project's root.
        scale: of the demo.
        only: the local servers that its environment keeps; all when empty.
    """
    ignore = shutil.ignore_patterns("target", "logs", "dbt_packages")
    for part in ("config", "dbt_project"):
        shutil.copytree(REPOSITORY / part, folder / part, ignore=ignore, dirs_exist_ok=True)
    file = folder / "config" / "environments" / "local.yml"
    text = re.sub(r"(?m)^  scale: .*$", f"  scale: {scale}", file.read_text(encoding="utf-8"))
    if only:
        for name in supervisor.KINDS:
            if name not in only:
                text = re.sub(rf"(?m)^  {name}: .*\n", "", text)
    file.write_text(text, encoding="utf-8")
    return open_project(folder)


def _sweep() -> None:
    """End what test runs left behind that were killed before they could take it down."""
    import psutil

    for note in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*/{_OWNER}"):
        try:
            if psutil.pid_exists(int(note.read_text(encoding="utf-8"))):
                continue
        except (OSError, ValueError):
            continue
        for name, kind in supervisor.KINDS.items():
            left = launch.forgotten(note.parent / ".dataplatform" / name)
            if left is not None:
                process.end(left, first_signal=kind.stop_signal)
        shutil.rmtree(note.parent, ignore_errors=True)


@contextmanager
def running(
    *, scale: float = SMALL, only: tuple[str, ...] = (), seeded: bool = True
) -> Iterator[Servers]:
    """Run local servers for a copy of the project, and take everything down afterwards."""
    _sweep()
    # Not pytest's folder: PostgreSQL runs as another user there, whom pytest locks out.
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
    (folder / _OWNER).write_text(str(os.getpid()), encoding="utf-8")
    project = copy_project(folder, scale=scale, only=only)
    try:
        services = supervisor.start(project)
        if seeded:
            demo.seed(project)
        yield Servers(project, services)
    finally:
        supervisor.stop(project)
        if not os.environ.get("DATAPLATFORM_KEEP_TEST_STATE"):
            shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    """Every local server, and a demo of 200 customers and 2,000 orders; shared, so only read it."""
    with running() as found:
        yield found
