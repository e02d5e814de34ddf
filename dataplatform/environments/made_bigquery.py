"""The tables of a made environment in BigQuery: a project that stands empty for such a one.

A dataset's name is what models and contracts know it by, so a second set of datasets needs a second
project. ``made_in`` of the base's warehouse lists those that may be used, one environment in each;
one that holds any dataset is taken, and is never touched unless its mark says whose it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from dataplatform.declarations.errors import UserError
from dataplatform.environments.shown_elsewhere import (
    comment_of,
    found_in,
    schemas,
    serve_again,
    statements,
)
from dataplatform.keys import Relation
from dataplatform.resources.warehouse.bigquery import BigQueryAdapter

if TYPE_CHECKING:
    from dataplatform.declarations.project import Project

#: The dataset whose description says which environment a project was taken for.
MARK = "dataplatform_made_for"
#: Statements that are under way at once: each is a job of its own, which takes about a second.
_AT_ONCE = 8


class BigQueryMaker:
    """Makes the datasets of one environment in a project that stands empty."""

    usual = "clone"

    def __init__(self, base: Project, name: str) -> None:
        self._environment = base.environment
        self._declared: Any = base.environment.warehouse
        self._name = name
        self._taken = ""

    def make(self, how: str) -> int:
        """Take a project and make the datasets."""
        settings = self._settings()
        adapter = BigQueryAdapter(lambda: settings)
        found = found_in(self._environment.name, adapter, _kinds)
        self._taken = project = self._free()
        made = self._adapter(project)
        swap = made.swap
        with made.session(f"make the environment {self._name}") as session:
            _take(session, project, self._name)
            self._all(session, [f"CREATE SCHEMA {swap.column(one)}" for one in schemas(found, how)])
            told = f"OPTIONS(description = {comment_of(swap)})"
            names = (
                lambda one: f"{swap.column(project)}.{swap.name(one)}",
                lambda one: f"{swap.column(settings['project'])}.{swap.name(one)}",
            )
            for listed in statements(found, how, swap, *names, told):
                self._all(session, listed)
        if how == "defer":
            serve_again(made, found)
        return len(found.shown)

    def settings(self, how: str) -> dict[str, Any]:
        """Return the project that was taken."""
        return {"project": self._taken, "made_in": []}

    def drop(self) -> None:
        """Delete every dataset of the project that was taken, and its mark at last."""
        for project in self._declared.made_in:
            with self._adapter(project).session(f"drop {self._name}") as session:
                if _taken_for(session) != self._name:
                    continue
                names = [one for one in session.datasets() if one != MARK]
                for one in [*names, MARK]:
                    session.client.delete_dataset(one, delete_contents=True, not_found_ok=True)

    def _free(self) -> str:
        projects = self._declared.made_in
        if not projects:
            raise UserError(
                f"An environment of BigQuery needs a project of its own: list empty ones as "
                f"warehouse.made_in in config/environments/{self._environment.name}.yml."
            )
        # What an attempt left that was killed is nobody's.
        self.drop()
        for project in projects:
            with self._adapter(project).session(f"make {self._name}") as session:
                if not session.datasets():
                    return str(project)
        raise UserError(
            f"Each of {', '.join(projects)} holds datasets: drop an environment that is not needed "
            "any more, or list another empty project as warehouse.made_in."
        )

    def _adapter(self, project: str) -> Any:
        settings = {**self._settings(), "project": project}
        return BigQueryAdapter(lambda: settings)

    def _settings(self) -> Mapping[str, Any]:
        return self._environment.resolve_all(self._declared.model_dump())

    def _all(self, session: Any, listed: Iterable[str]) -> None:
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            list(pool.map(session.execute, listed))


def _take(session: Any, project: str, name: str) -> None:
    from google.cloud import bigquery

    mark = bigquery.Dataset(f"{project}.{MARK}")
    mark.description, mark.location = name, session.client.location
    session.client.create_dataset(mark)


def _taken_for(session: Any) -> str:
    from google.api_core.exceptions import NotFound

    try:
        return str(session.client.get_dataset(MARK).description or "")
    except NotFound:
        return ""


def _kinds(session: Any) -> dict[Relation, str]:
    """Return every relation of a project by the API, which costs nothing."""
    return {
        Relation(dataset, one.table_id): "VIEW" if one.table_type == "VIEW" else "BASE TABLE"
        for dataset in session.datasets()
        for one in session.client.list_tables(dataset)
    }
