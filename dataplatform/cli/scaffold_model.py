"""A new model, a new contract, a new pipeline: files that are right before they are changed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dataplatform.cli.scaffold import OWNER
from dataplatform.cli.scaffold_source import dump_yaml, model_yml
from dataplatform.declarations.errors import UserError, nearest
from dataplatform.declarations.project import Project
from dataplatform.declarations.yaml_file import read_yaml
from dataplatform.keys import CANDIDATE, CURATED, PUBLISHED, Relation

LAYERS = ("staging", "intermediate", "marts")
_LOGICAL = (
    (r".*\[\]|list.*|array.*", "array"),
    (r"(tiny|small|big|huge)?int(eger)?\d?|long", "integer"),
    (r"(decimal|numeric|number|double|float|real).*", "number"),
    (r"timestamp.*|datetime.*", "timestamp"),
    (r"date", "date"),
    (r"time.*", "time"),
    (r"bool(ean)?", "boolean"),
    (r"(json|struct|map|object|variant).*", "object"),
)


@dataclass(frozen=True)
class _Column:
    name: str
    type: str = ""
    description: str = ""
    tests: tuple[str, ...] = ()

    @property
    def keyed(self) -> bool:
        return {"unique", "not_null"} <= set(self.tests)


def model_files(
    project: Project, name: str, layer: str, parent: str | None, domain: str
) -> dict[Path, str]:
    """Return the files of a new model: every column of its parent.

    Args:
        project: the project they are for.
        name: the model.
        layer: staging, intermediate or marts.
        parent: the model it reads; the first staging model without it.
        domain: the folder within the layer.

    Raises:
        UserError: an unknown layer or parent, or a model of that name.
    """
    if layer not in LAYERS:
        raise UserError(
            f"{layer!r} is not a layer: there are {', '.join(LAYERS)}.{nearest(layer, LAYERS)}"
        )
    models = _models(project)
    if name in models:
        raise UserError(f"The model {name!r} exists already: {models[name]}.")
    if parent is None:
        parent = next((one for one, path in models.items() if "staging" in path.parts), None)
        if parent is None:
            raise UserError("There is no staging model to read: name one with --from.")
    if parent not in models:
        raise UserError(f"{parent!r} is not a model.{nearest(parent, models)}")
    columns = _documented(project, parent)
    selected = (
        "select\n" + ",\n".join(f"    {column.name}" for column in columns)
        if columns
        else "select *"
    )
    folder = Path("dbt_project/models") / layer / domain if domain else (
        Path("dbt_project/models") / layer
    )  # fmt: skip
    said = {
        column.name: {
            "data_type": column.type,
            "description": column.description,
            "tests": column.tests,
        }
        for column in columns
    }
    read = f"    select * from {{{{ ref('{parent}') }}}}"
    sql = f"with source as (\n{read}\n)\n\n{selected}\nfrom source\n"
    return {
        folder / f"{name}.sql": sql,
        folder / f"{name}.yml": model_yml(name, f"Begun from {parent}; say here what it is.", said),
    }


def contract_files(project: Project, relation: Relation) -> dict[Path, str]:
    """Return the file of a new contract, with the columns that the table is known to have.

    Raises:
        UserError: nothing makes the table, or nobody knows its columns.
    """
    if relation.schema == CANDIDATE:
        relation = relation.published
    if relation not in project.relations:
        names = [str(one) for one in project.relations]
        raise UserError(f"Nothing makes the table {relation}.{nearest(str(relation), names)}")
    if relation.schema == CURATED:
        raise UserError(f"The promise of {relation} is that of {PUBLISHED}.{relation.table}.")
    columns, owner = _known_columns(project, relation)
    if not columns:
        raise UserError(
            f"Nobody knows the columns of {relation}: document them in its yml, or run it first."
        )
    team, _, address = owner.partition(":") if owner.startswith("team:") else ("", "", owner)
    responsible: dict[str, Any] = {"name": address} if team else {
        "name": "data", "members": [{"username": address, "role": "owner"}]
    }  # fmt: skip
    content = {
        "kind": "DataContract",
        "apiVersion": "v3.1.0",
        "id": str(relation),
        "name": relation.table.replace("_", " ").capitalize(),
        "version": "1.0.0",
        "status": "draft",
        "description": {"purpose": "Say here what the table is for."},
        "team": responsible,
        "slaProperties": [{"property": "latency", "value": 26, "unit": "h"}],
        "schema": [
            {
                "name": relation.table,
                "physicalName": str(relation),
                "logicalType": "object",
                "physicalType": "table",
                "quality": [
                    {
                        "name": "has_rows",
                        "dimension": "completeness",
                        "metric": "rowCount",
                        "mustBeGreaterThan": 0,
                        "severity": "error",
                    }
                ],
                "properties": [_property(column) for column in columns],
            }
        ],
    }
    return {Path(f"config/contracts/{relation.schema}/{relation.table}.yml"): dump_yaml(content)}


def pipeline_files(
    project: Project, name: str, selection: str | None, cron: str, timezone: str
) -> dict[Path, str]:
    """Return the file of a new pipeline.

    Args:
        project: the project it is for.
        name: the pipeline.
        selection: assets in Dagster's syntax; everything up to the first mart without it.
        cron: five fields.
        timezone: the zone that the clock is read in.

    Raises:
        UserError: no selection is given and the project has no mart.
    """
    if selection is None:
        marts = sorted(one for one in project.relations if one.schema == CURATED)
        if not marts:
            raise UserError("The project has no mart: say with --select what the pipeline runs.")
        selection = f'+key:"{marts[0].schema}/{marts[0].table}"'
    content = {
        "description": "Say here what the pipeline brings up to date, and for whom.",
        "owner": OWNER,
        "selection": selection,
        "schedule": {"cron": cron, "timezone": timezone},
        "retries": {"max": 1, "delay_minutes": 5},
        "notify": [],
    }
    return {Path(f"config/pipelines/{name}.yml"): dump_yaml(content)}


def _models(project: Project) -> dict[str, Path]:
    paths = sorted((project.dbt / "models").rglob("*.sql"))
    return {path.stem: path.relative_to(project.root) for path in paths}


def _documented(project: Project, model: str) -> list[_Column]:
    for path in sorted((project.dbt / "models").rglob("*.yml")):
        for one in read_yaml(path, project.root).data.get("models") or []:
            if one.get("name") == model:
                return [
                    _Column(
                        name=column["name"],
                        type=column.get("data_type") or "",
                        description=str(column.get("description") or "").strip(),
                        tests=tuple(
                            test for test in column.get("data_tests") or [] if isinstance(test, str)
                        ),
                    )
                    for column in one.get("columns") or []
                ]
    return []


def _known_columns(project: Project, relation: Relation) -> tuple[list[_Column], str]:
    for connection in project.connections:
        table = connection.table(relation)
        if table is not None:
            only = table.primary_key if len(table.primary_key) == 1 else []
            return [
                _Column(name, family, "", ("unique", "not_null") if name in only else ())
                for name, family in table.columns.items()
            ], connection.owner
    columns = _documented(project, relation.table)
    if columns and all(column.type for column in columns):
        return columns, OWNER
    from dataplatform.resources.warehouse.opening import open_warehouse

    built = Relation(CANDIDATE, relation.table) if relation.schema == PUBLISHED else relation
    warehouse = open_warehouse(project.environment, project)
    found = warehouse.columns(built) or {}
    said = {column.name: column for column in columns}
    return [
        _Column(name, kind, *((said[name].description, said[name].tests) if name in said else ()))
        for name, kind in found.items()
    ], OWNER


def _property(column: _Column) -> dict[str, Any]:
    plain = column.type.strip().lower()
    logical = next((name for pattern, name in _LOGICAL if re.fullmatch(pattern, plain)), "string")
    found: dict[str, Any] = {
        "name": column.name,
        "logicalType": logical,
        "description": column.description or f"Say what {column.name} is.",
    }
    if column.keyed:
        found |= {"primaryKey": True, "primaryKeyPosition": 1, "required": True, "unique": True}
    elif "not_null" in column.tests:
        found["required"] = True
    return found
