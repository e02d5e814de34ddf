"""BigQuery: a dataset of authorised views for each role and layer, and who may read or write it.

A role that makes no tables is let into its views alone; the views are let into the tables. So
nobody is shown a value or a row that a view does not show, whatever is made tomorrow.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from dataplatform.access.items import Holding, Item, holding
from dataplatform.access.rights import schemas_of
from dataplatform.access.showing import masked_told, shown_select
from dataplatform.access.views import PREFIX, roles_with_views, view_of
from dataplatform.checks.dialects import DIALECTS
from dataplatform.keys import PUBLISHED, Relation
from dataplatform.resources.warehouse.publication import VERSIONS

if TYPE_CHECKING:
    from dataplatform.access.rights import Rights
    from dataplatform.resources.warehouse import Session

_DATASET, _VIEW, _AUTHORISED, _ENTRY = 0, 10, 20, 30
_quoted = DIALECTS["bigquery"].identifier

#: One entry of a dataset's access list, as BigQuery's API has it.
Entry = Mapping[str, Any]


class Datasets(Protocol):
    """What is asked of BigQuery's API and told to it."""

    def names(self) -> list[str]:
        """Return the project's datasets."""
        ...

    def entries(self, dataset: str) -> list[Entry]:
        """Return a dataset's access list."""
        ...

    def change(self, dataset: str, add: Iterable[Entry], remove: Iterable[Entry]) -> None:
        """Change a dataset's access list, unless somebody else changed it meanwhile."""
        ...


def compared(
    session: Session, datasets: Datasets, rights: Rights, project: str
) -> tuple[Holding, Holding]:
    """Return what a BigQuery project should hold about access, and what it holds.

    Args:
        session: an open session.
        datasets: the API.
        rights: who may do what.
        project: the Google project.
    """
    names = set(datasets.names())
    made = {one.schema for one in rights.tables}
    tables = {
        relation: columns
        for schema in sorted(made & names)
        for relation, columns in _columns(session, schema).items()
    }
    declared = holding(_declared(rights, tables, names, project))
    watched = sorted(name for name in names if name in made | {VERSIONS} or name.startswith(PREFIX))
    return declared, holding(_found(session, datasets, watched))


def member(who: str) -> Entry:
    """Return how a person or a program stands in an access list."""
    return {"userByEmail": who}


def authorised(project: str, dataset: str) -> Entry:
    """Return the entry that lets all views of a dataset read another one."""
    return {
        "dataset": {
            "dataset": {"projectId": project, "datasetId": dataset},
            "targetTypes": ["VIEWS"],
        }
    }


def _declared(
    rights: Rights,
    tables: Mapping[Relation, Mapping[str, str]],
    names: set[str],
    project: str,
) -> Iterator[Item]:
    for role in roles_with_views(rights):
        read: dict[str, str] = {}
        for relation, columns in tables.items():
            if rights.reads(role, relation):
                view = view_of(role, relation)
                read[relation.schema] = view.schema
                yield _view(rights, role, relation, view, columns)
        said = rights.access.roles[role]
        for schema, views in read.items():
            yield _entry(schema, authorised(project, views), f"{views} reads {schema}", _AUTHORISED)
            if schema == PUBLISHED and VERSIONS in names:
                told = f"{views} reads {VERSIONS}"
                yield _entry(VERSIONS, authorised(project, views), told, _AUTHORISED)
            for who in (*said.users, *said.service_accounts):
                told = f"{who} reads {views}, as {role}"
                yield _entry(views, {"role": "READER", **member(who)}, told, _ENTRY)
    for said in rights.access.roles.values():
        # Who makes tables reads tables; everybody else was let into views above.
        only_read = [one for one in said.reads if "." not in one and one not in said.writes]
        wide = {("READER", layer) for layer in only_read if said.writes}
        for kind, layer in sorted(wide | {("WRITER", layer) for layer in said.writes}):
            schemas = [*schemas_of(rights, layer)]
            for schema in [*schemas, VERSIONS] if layer == PUBLISHED else schemas:
                for who in (*said.users, *said.service_accounts) if schema in names else ():
                    told = f"{who} {'makes tables in' if kind == 'WRITER' else 'reads'} {schema}"
                    yield _entry(schema, {"role": kind, **member(who)}, told, _ENTRY)


def _found(session: Session, datasets: Datasets, watched: list[str]) -> Iterator[Item]:
    for name in watched:
        for entry in datasets.entries(name):
            person = entry.get("userByEmail") or entry.get("groupByEmail")
            # Owners and the project's own groups are Google's; views are let in one by one.
            if entry.get("role") in ("READER", "WRITER") and person:
                yield _entry(name, entry, f"{person} is {entry['role']} of {name}", _ENTRY)
            elif entry.get("role") in ("READER", "WRITER") and _everybody(entry):
                yield _entry(name, entry, f"everybody is {entry['role']} of {name}", _ENTRY)
            elif views := _authorised_views(entry):
                yield _entry(name, entry, f"{views} reads {name}", _AUTHORISED)
        if name.startswith(PREFIX):
            rows = session.execute(
                f"SELECT table_name, view_definition FROM {_quoted(name)}.INFORMATION_SCHEMA.VIEWS"
            )
            for table, text in rows:
                view = f"{_quoted(name)}.{_quoted(str(table))}"
                yield Item(
                    key=("view", f"{name}.{table}"),
                    told=f"the view {name}.{table}",
                    body=str(text).strip(),
                    unmake=(f"DROP VIEW IF EXISTS {view}",),
                    order=_VIEW,
                )


def _authorised_views(entry: Entry) -> str:
    """Return the dataset whose views an entry lets in; empty for an entry of another kind."""
    inner = entry.get("dataset", {}).get("dataset", {})
    return str(inner.get("datasetId", ""))


def _everybody(entry: Entry) -> bool:
    return entry.get("specialGroup") == "allAuthenticatedUsers" or (
        entry.get("iamMember") in ("allUsers", "allAuthenticatedUsers")
    )


def _view(
    rights: Rights, role: str, relation: Relation, view: Relation, columns: Mapping[str, str]
) -> Item:
    select = shown_select(rights, role, relation, columns, "bigquery")
    masked = masked_told(rights, role, relation, columns)
    return Item(
        key=("view", str(view)),
        told=f"{role} reads {relation} as {view}{masked}",
        body=select,
        make=(
            f"CREATE SCHEMA IF NOT EXISTS {_quoted(view.schema)}",
            f"CREATE OR REPLACE VIEW {_quoted(view.schema)}.{_quoted(view.table)} AS {select}",
        ),
        unmake=(f"DROP VIEW IF EXISTS {_quoted(view.schema)}.{_quoted(view.table)}",),
        order=_VIEW,
        table=str(relation),
    )


def _entry(dataset: str, entry: Entry, told: str, order: int) -> Item:
    said = json.dumps(entry, sort_keys=True)
    return Item(
        key=("entry", dataset, said),
        told=told,
        make=({"dataset": dataset, "add": [dict(entry)]},),
        unmake=({"dataset": dataset, "remove": [dict(entry)]},),
        order=order,
    )


def _columns(session: Session, schema: str) -> dict[Relation, dict[str, str]]:
    rows = session.execute(
        "SELECT table_name, column_name, data_type FROM "
        f"{_quoted(schema)}.INFORMATION_SCHEMA.COLUMNS ORDER BY table_name, ordinal_position"
    )
    found: dict[Relation, dict[str, str]] = {}
    for table, column, native in rows:
        found.setdefault(Relation(schema, str(table)), {})[str(column)] = str(native)
    return found
