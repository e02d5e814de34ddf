"""Running a query as a role, on the warehouse of an environment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dataplatform.access.asking import rewritten, tables_of
from dataplatform.access.engines import PATIENCE
from dataplatform.access.opening import open_engine
from dataplatform.access.rights import rights_of
from dataplatform.declarations.errors import UserError
from dataplatform.resources.warehouse import open_warehouse

if TYPE_CHECKING:
    from dataplatform.declarations.project import Project


@dataclass(frozen=True)
class Answer:
    """What a role is shown.

    Attributes:
        columns: the names of the columns.
        rows: at most as many as were asked for.
        more: whether there are more rows.
    """

    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]
    more: bool


def ask_as(project: Project, role: str, query: str, limit: int = 100) -> Answer:
    """Return what a role is answered.

    Args:
        project: its access file and its warehouse.
        role: who asks.
        query: one SELECT; a table without a schema is a published one.
        limit: how many rows at most.

    Raises:
        UserError: the role may not ask this, or the query is wrong.
    """
    rights = rights_of(project)
    rights.closure(role)
    warehouse = open_warehouse(project.environment, project)
    if not open_engine(project).answers_as_roles:
        raise UserError(
            "Only DuckDB and DuckLake are asked as a role from here: in another warehouse, log in "
            f"as somebody who holds {role!r}."
        )
    tables = tables_of(query)
    with warehouse.session(f"query as {role}", PATIENCE) as session:
        found = {one: warehouse.columns(one, session) for one in tables}
        columns = {one: known for one, known in found.items() if known is not None}
        asked = rewritten(query, rights, role, columns)
        try:
            names = session.execute(f"DESCRIBE {asked}")
            rows = session.execute(f"SELECT * FROM ({asked}) LIMIT {int(limit) + 1}")
        except Exception as error:  # the driver's own kinds; the text says what is wrong
            raise UserError(f"The query failed: {str(error).splitlines()[0]}") from None
    return Answer(tuple(str(name[0]) for name in names), rows[:limit], len(rows) > limit)
