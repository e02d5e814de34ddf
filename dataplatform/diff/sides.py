"""The two sides of a comparison: what a person names, and what each is called in one session.

How two sides come into one session is said in ``places``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dataplatform.declarations.environment import environment_names
from dataplatform.declarations.errors import UserError, nearest
from dataplatform.declarations.project import open_project
from dataplatform.keys import Relation
from dataplatform.resources.warehouse import Session, open_warehouse, quoted
from dataplatform.resources.warehouse.duckdb import DuckDBAdapter

if TYPE_CHECKING:
    from dataplatform.declarations.project import Project


@dataclass(frozen=True)
class Side:
    """One of the two: its name, its warehouse, and its project where it is one's."""

    name: str
    warehouse: Any
    project: Project | None = None

    @property
    def type(self) -> str:
        """The kind of its warehouse, as environments name it."""
        return str(self.project.environment.warehouse.type) if self.project else "duckdb"

    @property
    def has_base(self) -> bool:
        """Whether its tables are partly another warehouse's, which comes attached with it."""
        warehouse: Any = self.project.environment.warehouse if self.project else None
        return getattr(warehouse, "base", None) is not None

    def setting(self, name: str) -> Any:
        """Return a resolved setting of its warehouse.

        Raises:
            UserError: it refers to what nobody sets.
        """
        assert self.project is not None
        environment = self.project.environment
        value = getattr(environment.warehouse, name)
        return environment.resolve(value) if isinstance(value, str) else value


@dataclass(frozen=True)
class Place:
    """A side within a session.

    Attributes:
        columns: of each relation, name to type; names as the warehouse has them.
        deferred: relations that only show another database's table of the same name.
        name: gives the quoted name of a relation.
        column: gives the quoted name of a column.
    """

    columns: dict[Relation, dict[str, str]]
    deferred: frozenset[Relation]
    name: Callable[[Relation], str]
    column: Callable[[str], str] = quoted


@dataclass(frozen=True)
class Both:
    """An open session with both sides in it."""

    session: Session
    dialect: str
    here: Place
    there: Place


def side_of(project: Project, asked: str) -> Side:
    """Return the side that a person names.

    Args:
        project: whose environments are meant.
        asked: an environment, another project's folder, or a DuckDB file.

    Raises:
        UserError: it is none of these.
    """
    known = environment_names(project.root)
    if asked in known:
        other = open_project(project.root, asked)
        return Side(asked, open_warehouse(other.environment, other), other)
    path = Path(asked).expanduser()
    if path.is_file() and path.suffix in (".duckdb", ".db"):
        return Side(str(asked), DuckDBAdapter(lambda: path.resolve()))
    if path.is_dir():
        other = open_project(path, project.environment.name)
        return Side(str(asked), open_warehouse(other.environment, other), other)
    raise UserError(
        f"{asked!r} is neither an environment ({', '.join(known)}) nor a project's folder nor a "
        f"DuckDB file.{nearest(asked, known)}"
    )


def one_warehouse(here: Side, there: Side) -> UserError:
    """Return what is said where both sides are one."""
    return UserError(f"{here.name} and {there.name} are one warehouse: nothing can differ.")


def by_relation(rows: Iterable[tuple[Any, ...]]) -> dict[Relation, dict[str, str]]:
    """Return the columns of each relation, from rows of schema, table, column and type."""
    found: dict[Relation, dict[str, str]] = {}
    for schema, table, column, kind in rows:
        found.setdefault(Relation(str(schema), str(table)), {})[str(column)] = str(kind)
    return found
