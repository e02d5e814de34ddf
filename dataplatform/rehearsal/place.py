"""Where a rehearsal happens: a copy of the project with a warehouse file and records of its own.

The copy's state can be kept and brought back in a moment, so that every incident finds the same
tables and the same history. What is in the tables, and what is done to them, is others' business.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from dataplatform.declarations.environment import (
    ENVIRONMENT_VARIABLE,
    PROJECT_VARIABLE,
    export,
)
from dataplatform.declarations.project import Project, open_project
from dataplatform.duckdb_file import open_duckdb
from dataplatform.keys import Relation
from dataplatform.resources.warehouse.duckdb import DuckDBSession
from dataplatform.resources.warehouse.swap import Swap

if TYPE_CHECKING:
    import duckdb

ENVIRONMENT = "rehearsal"
FOLDER = "rehearsal"
_WAREHOUSE = "warehouse.duckdb"
_HOME = "home"
_CODE = Path(__file__).parents[1]
_LEFT_OUT = shutil.ignore_patterns("target", "logs", "dbt_packages", "__pycache__")

# No address in it is ever called: syncs are replayed from the copy, and nothing is exported.
_ENVIRONMENT_FILE = """\
# A rehearsal's own: one DuckDB file, and no outside system at all.
warehouse: {type: duckdb, path: .dataplatform/warehouse.duckdb}
fivetran:
  api_url: http://127.0.0.1:9
  api_key: rehearsal
  api_secret: rehearsal
  group: rehearsal
  destination: {service: duckdb}
lake:
  region: us-east-1
  access_key: rehearsal
  secret_key: rehearsal
  buckets: {raw: raw, staging: staging, curated: curated}
"""


@dataclass(frozen=True)
class Place:
    """A copy of a project, to be broken.

    Attributes:
        folder: holds the copy and what is kept of it.
        project: the copy.
    """

    folder: Path
    project: Project

    @property
    def warehouse(self) -> Path:
        """The copy's warehouse file."""
        return self.project.state / _WAREHOUSE

    @property
    def company(self) -> Path:
        """The file of the rehearsal company's tables on any day."""
        return self.folder / "company.duckdb"

    @property
    def kept(self) -> Path:
        """What ``keep`` put aside."""
        return self.folder / "kept"

    @contextmanager
    def open(self, purpose: str) -> Iterator[duckdb.DuckDBPyConnection]:
        """Open the copy's warehouse file."""
        with open_duckdb(self.warehouse, purpose=purpose) as connection:
            yield connection

    def keep(self) -> None:
        """Put the present state aside; whoever holds records or warehouse open has closed them."""
        draft = self.folder / "kept.part"
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir()
        shutil.copy2(self.warehouse, draft / _WAREHOUSE)
        shutil.copytree(self.project.state / _HOME, draft / _HOME)
        shutil.rmtree(self.kept, ignore_errors=True)
        draft.rename(self.kept)

    def restore(self) -> None:
        """Bring back what was kept."""
        self.warehouse.with_name(f"{_WAREHOUSE}.wal").unlink(missing_ok=True)
        shutil.copyfile(self.kept / _WAREHOUSE, self.warehouse)
        shutil.rmtree(self.project.state / _HOME, ignore_errors=True)
        shutil.copytree(self.kept / _HOME, self.project.state / _HOME)


def relations(connection: duckdb.DuckDBPyConnection) -> set[Relation]:
    """Return every relation of a copy's open warehouse file."""
    return Swap().relations(DuckDBSession(connection))


def fingerprint(project: Project) -> str:
    """Return a text that changes when the declared files, the models or the platform's code do."""
    digest = hashlib.sha256()
    for package in ("dbt-core", "duckdb", "dagster"):
        digest.update(version(package).encode())
    for root in (project.config, project.dbt, _CODE):
        for path in sorted(root.rglob("*")):
            if path.suffix in (".py", ".yml", ".sql", ".j2") and "target" not in path.parts:
                digest.update(str(path.relative_to(root)).encode())
                digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def make_place(project: Project, folder: Path) -> Place:
    """Copy a project's declared files and models into a folder, with an environment of its own.

    Args:
        project: the real one; only read.
        folder: made anew.
    """
    shutil.rmtree(folder, ignore_errors=True)
    root = folder / "project"
    for part in (project.config, project.dbt):
        shutil.copytree(part, root / part.name, ignore=_LEFT_OUT)
    shutil.rmtree(root / "config" / "environments")
    (root / "config" / "environments").mkdir()
    (root / "config" / "environments" / f"{ENVIRONMENT}.yml").write_text(_ENVIRONMENT_FILE)
    place = open_place(folder)
    place.project.state.mkdir(parents=True, exist_ok=True)
    return place


def open_place(folder: Path) -> Place:
    """Return a place that was made, and let this process work on it and on nothing else."""
    root = folder / "project"
    export({ENVIRONMENT_VARIABLE: ENVIRONMENT, PROJECT_VARIABLE: str(root)})
    return Place(folder, open_project(root))
