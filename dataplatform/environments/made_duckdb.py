"""The tables of a made environment in a DuckDB file of its own."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

from dataplatform.declarations.errors import UserError
from dataplatform.duckdb_file import warehouse_lock
from dataplatform.environments import made_file
from dataplatform.environments.deferring import show_all, shown_in
from dataplatform.resources.warehouse import open_warehouse
from dataplatform.resources.warehouse.duckdb import DuckDBAdapter

if TYPE_CHECKING:
    from dataplatform.declarations.project import Project


class DuckDBMaker:
    """A file of its own, whose views show the base's tables, or which is a copy of the base's."""

    usual = "defer"

    def __init__(self, base: Project, name: str) -> None:
        self._base = base
        warehouse = open_warehouse(base.environment, base)
        assert isinstance(warehouse, DuckDBAdapter)
        self._adapter = warehouse
        self._declared = base.environment.warehouse
        # Views name their database, which DuckDB calls by its file.
        self._path = f"{made_file.state_of(name)}/{self._adapter.path.name}"
        self._name = name

    def make(self, how: str) -> int:
        """Make the file."""
        source = self._adapter.path
        if not source.is_file():
            raise UserError(f"{self._base.environment.name} has no tables yet: `make run` first.")
        target = self._base.root / self._path
        purpose = f"make the environment {self._name}"
        if how == "clone":
            with self._adapter.session(purpose) as session:
                tables = len(shown_in(session))
                session.execute("CHECKPOINT")
            with warehouse_lock(source, purpose):
                shutil.copyfile(source, target)
            return tables
        return show_all(self._adapter, DuckDBAdapter(lambda: target, lambda: source), purpose)

    def settings(self, how: str) -> dict[str, Any]:
        """Return the file, and the base's where its tables are shown."""
        declared: Any = self._declared
        return {"path": self._path, **({"base": declared.path} if how == "defer" else {})}

    def drop(self) -> None:
        """Remove the file, once nobody uses it."""
        path = self._base.root / self._path
        if not path.exists():
            return
        with warehouse_lock(path, f"drop the environment {self._name}", timeout=20.0):
            for file in (path, path.with_name(f"{path.name}.wal")):
                file.unlink(missing_ok=True)
