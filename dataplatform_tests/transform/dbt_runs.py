"""dbt on a warehouse file of its own, for tests of the dbt project.

Here lives how dbt is called; what is asserted about its results is in the tests.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import duckdb

REPOSITORY = Path(__file__).resolve().parents[2]
DBT = Path(sys.executable).with_name("dbt")


class DbtRuns:
    """The repository's dbt project on a DuckDB file in a folder of the test's."""

    # Where the project was parsed first: the others start from that.
    _parsed: ClassVar[Path | None] = None

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.warehouse = folder / "warehouse.duckdb"
        (folder / "target").mkdir()
        if DbtRuns._parsed is not None:
            shutil.copy(DbtRuns._parsed, folder / "target")

    def invoke(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run dbt with these arguments and variables; never raises for a failing run."""
        chosen = ["--vars", json.dumps(variables)] if variables else []
        command = [
            str(DBT),
            "--no-use-colors",
            *arguments,
            *chosen,
            *("--project-dir", str(REPOSITORY / "dbt_project")),
            *("--profiles-dir", str(REPOSITORY / "dbt_project")),
            *("--target-path", str(self.folder / "target")),
            *("--log-path", str(self.folder / "logs")),
        ]
        # Relative, so that the profile is the same in every folder and is not parsed again.
        environment = os.environ | {"DATAPLATFORM_DUCKDB_PATH": self.warehouse.name}
        done = subprocess.run(
            command, env=environment, cwd=self.folder, capture_output=True, text=True, check=False
        )
        parsed = self.folder / "target" / "partial_parse.msgpack"
        if DbtRuns._parsed is None and parsed.exists():
            DbtRuns._parsed = parsed
        return done

    def run(self, *arguments: str, **variables: str) -> str:
        """Run dbt and return what it printed; the test fails where dbt fails."""
        done = self.invoke(*arguments, **variables)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    @contextmanager
    def connect(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Open the warehouse between two runs."""
        connection = duckdb.connect(str(self.warehouse))
        try:
            connection.execute("set timezone = 'UTC'")
            yield connection
        finally:
            connection.close()

    def rows(self, relation: str, leave_out: tuple[str, ...] = ()) -> list[tuple[Any, ...]]:
        """Return all rows of a relation, sorted, without some columns."""
        without = f" exclude ({', '.join(leave_out)})" if leave_out else ""
        with self.connect() as connection:
            query = f"select *{without} from {relation} order by all"
            return connection.execute(query).fetchall()
