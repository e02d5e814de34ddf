"""A project: the folder with ``config/`` and ``dbt_project/`` that the platform runs on.

Everything that is declared is reached from here, read once and checked against the rest. What
each file may say is the business of the modules beside this one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from dataplatform.declarations.access import FILE as ACCESS_FILE
from dataplatform.declarations.access import Access, load_access
from dataplatform.declarations.connection import Connection, load_connection
from dataplatform.declarations.contract import Contract, load_contract
from dataplatform.declarations.cost import FILE as BUDGETS_FILE
from dataplatform.declarations.cost import Budgets, load_budgets
from dataplatform.declarations.environment import Environment, load_environment, project_folder
from dataplatform.declarations.errors import DeclarationError, UserError, nearest
from dataplatform.declarations.extract import Extract, load_extract
from dataplatform.declarations.monitors import FILE as MONITORS_FILE
from dataplatform.declarations.monitors import Monitors, load_monitors
from dataplatform.declarations.pipeline import Pipeline, load_pipeline
from dataplatform.declarations.references import check_references
from dataplatform.declarations.yaml_file import Loc, read_yaml, shown
from dataplatform.declarations.yaml_kept import remembered
from dataplatform.keys import (
    CANDIDATE,
    CURATED,
    INTERMEDIATE,
    PUBLISHED,
    SNAPSHOTS,
    STAGING,
    Relation,
)

Declared = TypeVar("Declared")
#: The job of the whole graph, which is declared by nobody.
EVERYTHING = "everything"
_MODEL_FOLDERS = {"staging": STAGING, "intermediate": INTERMEDIATE, "marts": CANDIDATE}


@dataclass(frozen=True)
class Project:
    """A project folder; what it declares is read at first use.

    Attributes:
        root: the folder, absolute.
        chosen: the environment's name; DATAPLATFORM_ENV chooses where it is None.
    """

    root: Path
    chosen: str | None = None

    @property
    def config(self) -> Path:
        """The folder of declared files."""
        return self.root / "config"

    @property
    def dbt(self) -> Path:
        """The dbt project."""
        return self.root / "dbt_project"

    @property
    def state(self) -> Path:
        """What the platform keeps on this machine for the environment; never committed."""
        return self.root / self.environment.state

    @cached_property
    def environment(self) -> Environment:
        """The chosen environment."""
        return load_environment(self.root, self.chosen)

    @cached_property
    def extracts(self) -> tuple[Extract, ...]:
        """Every declared extract, by name."""
        return self._all("extracts", lambda path: load_extract(path, self.root))

    @cached_property
    def connections(self) -> tuple[Connection, ...]:
        """Every declared connection, by name; no two land on one relation."""
        connections = self._all("connections", lambda path: load_connection(path, self.root))
        extracts = {extract.name for extract in self.extracts}
        landed: dict[Relation, Connection] = {}
        schemas: dict[str, Connection] = {}
        for connection in connections:
            for index, name in enumerate(connection.after):
                if name not in extracts:
                    raise self._error(
                        connection.file,
                        ("after", index),
                        f"{name!r} is not an extract.{nearest(name, extracts)}",
                    )
            other = schemas.setdefault(connection.destination_schema, connection)
            if other is not connection:
                key = "prefix" if connection.prefix else "schema"
                raise self._error(
                    connection.file,
                    (key,),
                    f"{connection.destination_schema!r} is already the {key} of {other.file}.",
                )
            for relation, table in connection.relations.items():
                other = landed.setdefault(relation, connection)
                if other is not connection:
                    raise DeclarationError(
                        connection.file,
                        table.line,
                        f"{table.name!r} would land in {relation}, "
                        f"as a table of {other.file} does.",
                    )
        return connections

    @cached_property
    def contracts(self) -> tuple[Contract, ...]:
        """Every declared contract, by relation; each is about a table that something makes."""
        made = self.relations
        return self._all("contracts", lambda path: load_contract(path, self.root, made), deep=True)

    @cached_property
    def pipelines(self) -> tuple[Pipeline, ...]:
        """Every declared pipeline, by name."""
        known = {f"{relation.schema}/{relation.table}" for relation in self.relations}
        return self._all("pipelines", lambda path: load_pipeline(path, self.root, known))

    @cached_property
    def monitors(self) -> Monitors:
        """Which tables are watched without rules, and how closely."""
        return load_monitors(self.config / MONITORS_FILE, self.root, self.relations)

    @cached_property
    def access(self) -> Access:
        """Who may read what."""
        return load_access(self.config / ACCESS_FILE, self.root, self.relations)

    @cached_property
    def budgets(self) -> Budgets:
        """What computing costs and may cost."""
        owners = {contract.owner for contract in self.contracts}
        owners |= {connection.owner for connection in self.connections}
        return load_budgets(
            self.config / BUDGETS_FILE,
            self.root,
            sorted(str(relation) for relation in self.relations),
            [pipeline.name for pipeline in self.pipelines],
            sorted(owners),
        )

    @cached_property
    def relations(self) -> frozenset[Relation]:
        """Every relation that the project makes, as far as its files tell without running dbt."""
        found: set[Relation] = set()
        for extract in self.extracts:
            found |= set(extract.relations)
        for connection in self.connections:
            found |= set(connection.relations)
        for folder, schema in _MODEL_FOLDERS.items():
            for path in (self.dbt / "models" / folder).rglob("*"):
                if path.suffix in (".sql", ".py"):
                    found.add(Relation(schema, path.stem))
        found |= {Relation(SNAPSHOTS, path.stem) for path in self.dbt.glob("snapshots/**/*.sql")}
        marts = {relation for relation in found if relation.schema == CANDIDATE}
        found |= {Relation(PUBLISHED, relation.table) for relation in marts}
        found |= {Relation(CURATED, relation.table) for relation in marts}
        return frozenset(found)

    def check(self) -> None:
        """Read everything that the project declares.

        Raises:
            UserError: the first thing that is wrong.
        """
        _ = (
            self.environment,
            self.extracts,
            self.connections,
            self.contracts,
            self.pipelines,
            self.monitors,
            self.access,
            self.budgets,
        )
        self._check_sizes()

    def _check_sizes(self) -> None:
        """Refuse a warehouse's size for a pipeline that nobody declares."""
        names = {pipeline.name for pipeline in self.pipelines} | {EVERYTHING}
        for name in getattr(self.environment.warehouse, "warehouses", {}):
            if name not in names:
                raise self._error(
                    self.environment.file,
                    ("warehouse", "warehouses", name),
                    f"{name!r} is not a pipeline.{nearest(name, names)}",
                )

    def _error(self, file: Path, loc: Loc, message: str) -> DeclarationError:
        return read_yaml(self.root / file, self.root).error(loc, message)

    def _all(
        self, kind: str, load: Callable[[Path], Declared], deep: bool = False
    ) -> tuple[Declared, ...]:
        folder = self.config / kind
        wrong = sorted(folder.rglob("*.yaml"))
        if wrong:
            name = shown(wrong[0], self.root)
            raise DeclarationError(name, None, "is never read: name it .yml.")
        paths = sorted(folder.rglob("*.yml") if deep else folder.glob("*.yml"))
        with remembered(self.root / ".dataplatform" / "cache", len(paths)):
            # Contracts and pipelines refer to nothing: their ${table} is the rule's own.
            if kind in ("connections", "extracts"):
                for path in paths:
                    check_references(read_yaml(path, self.root))
            return tuple(load(path) for path in paths)


def open_project(root: Path | None = None, environment: str | None = None) -> Project:
    """Return a project.

    Args:
        root: its folder; without it DATAPLATFORM_PROJECT chooses, else the repository's own.
        environment: its environment; without it DATAPLATFORM_ENV chooses.

    Raises:
        UserError: the folder is no project.
    """
    folder = (root or project_folder() or Path(__file__).parents[2]).expanduser().resolve()
    if not folder.is_dir():
        raise UserError(f"The project folder {folder} does not exist.")
    if not (folder / "config" / "environments").is_dir():
        raise UserError(f"{folder} is not a project: it has no folder config/environments.")
    return Project(folder, environment)
