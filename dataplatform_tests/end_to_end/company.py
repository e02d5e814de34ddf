"""A whole platform in a folder of its own: every server, the command line, the warehouse.

What the tests of this folder ask of it; what must come out is in ``oracle``.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from dataplatform.declarations.local_services import read_services
from dataplatform.declarations.project import Project
from dataplatform.duckdb_file import open_duckdb
from dataplatform.local import supervisor
from dataplatform_tests import oracle
from dataplatform_tests.runtime.dev_server import Server
from dataplatform_tests.servers import REPOSITORY, copy_project
from dataplatform_tests.source_reading import open_sources

#: The contracts ask for 1,000 customers.
SCALE = 0.12
COMMAND = Path(sys.executable).parent / "dataplatform"


@dataclass(frozen=True)
class Company:
    """A project whose servers run, used as its users use it."""

    project: Project

    @property
    def environment(self) -> dict[str, str]:
        """Variables that make a command work on this project and no other."""
        found = {**os.environ, "DATAPLATFORM_PROJECT": str(self.project.root), "COLUMNS": "160"}
        for name in ("DATAPLATFORM_ENV", "DAGSTER_HOME", "DATAPLATFORM_DEMO_SCALE"):
            found.pop(name, None)
        return found

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start a command and leave it running."""
        return subprocess.Popen(
            [str(COMMAND), *arguments],
            cwd=self.project.root,
            env=self.environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def command(self, *arguments: str, code: int = 0) -> str:
        """Run a command to its end, require its exit code, and return what it printed."""
        process = self.start(*arguments)
        output, _ = process.communicate(timeout=550)
        assert process.returncode == code, output[-4000:]
        return output

    def differences(self) -> list[str]:
        """Return how the published marts differ from what the sources say they must hold."""
        with self.sources() as sources, self.warehouse() as connection:
            return [
                line
                for name in oracle.MARTS
                for line in oracle.differences(name, sources, connection)[:5]
            ]

    @contextmanager
    def warehouse(self) -> Iterator[Any]:
        """Open the warehouse for reading."""
        path = self.project.state / "warehouse.duckdb"
        with open_duckdb(path, purpose="a test", read_only=True) as connection:
            yield connection

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Ask the warehouse."""
        with self.warehouse() as connection:
            return list(connection.execute(sql).fetchall())

    def sources(self) -> AbstractContextManager[oracle.Sources]:
        """Open the source systems, each by its own interface."""
        return open_sources(read_services(self.project.state))

    @contextmanager
    def interface(self) -> Iterator[Server]:
        """Run `dagster dev` on the project, with its graph loaded."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("DATAPLATFORM_PROJECT", str(self.project.root))
            server = Server(self.project.root)
        server.wait_until_warm()
        yield server
        server.stop()

    def edit(self, file: str, old: str, new: str) -> None:
        """Replace text in a file of the project, which must hold it."""
        path = self.project.root / file
        text = path.read_text(encoding="utf-8")
        assert re.search(old, text), f"{file} does not hold {old}"
        path.write_text(re.sub(old, new, text, count=1), encoding="utf-8")


@contextmanager
def company(scale: float = SCALE) -> Iterator[Company]:
    """Make a project in a folder of its own; its first run starts it, the end takes it down."""
    folder = Path(tempfile.mkdtemp(prefix="dataplatform-company-"))
    project = copy_project(folder, scale=scale)
    for file in ("workspace.yaml", "dagster.yaml"):
        shutil.copy(REPOSITORY / file, folder / file)
    try:
        yield Company(project)
    finally:
        supervisor.stop(project)
        if not os.environ.get("DATAPLATFORM_KEEP_TEST_STATE"):
            shutil.rmtree(folder, ignore_errors=True)
