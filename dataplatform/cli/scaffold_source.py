"""A new source: its connection file and a staging model of each of its tables.

The first version reads what a declared connection of the same service reads, under a schema of
its own, so that it runs before anything is changed in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from io import StringIO
from pathlib import Path
from typing import Any

from dataplatform.cli.scaffold import OWNER
from dataplatform.declarations.connection import Connection, Table
from dataplatform.declarations.errors import UserError, nearest
from dataplatform.declarations.project import Project
from dataplatform.keys import Relation

#: What each service needs, for a project that has no connection of it to begin from.
_CONFIG: dict[str, dict[str, Any]] = {
    "postgres": {
        "host": "${{{name}_HOST}}",
        "port": "${{{name}_PORT:-5432}}",
        "user": "${{{name}_USER}}",
        "password": "${{{name}_PASSWORD}}",
        "database": "${{{name}_DATABASE}}",
    },
    "salesforce": {
        "domain": "${{{name}_URL}}",
        "client_id": "${{{name}_CLIENT_ID}}",
        "client_secret": "${{{name}_CLIENT_SECRET}}",
        "username": "${{{name}_USERNAME}}",
        "password": "${{{name}_PASSWORD}}",
    },
    "s3": {
        "bucket": "${{{name}_BUCKET}}",
        "access_key_id": "${{{name}_ACCESS_KEY}}",
        "secret_access_key": "${{{name}_SECRET_KEY}}",
    },
    "gcs": {
        "bucket": "${{{name}_BUCKET}}",
        "secret_key": "${{{name}_SERVICE_ACCOUNT}}",
    },
    "google_sheets": {
        "sheet_id": "${{{name}_SHEET}}",
        "named_range": "things",
        "secret_key": "${{{name}_SERVICE_ACCOUNT}}",
    },
}
_FILES = ("s3", "gcs")
_SHEETS = "google_sheets"
#: A table of each service for which there is nothing to begin from: name, columns and key.
_TABLE: dict[str, tuple[str, dict[str, str], str]] = {
    "postgres": ("public.things", {"id": "bigint", "name": "string"}, "id"),
    "salesforce": ("Account", {"id": "string", "name": "string"}, "id"),
    "s3": ("things", {"id": "bigint", "name": "string"}, "id"),
    "gcs": ("things", {"id": "bigint", "name": "string"}, "id"),
    _SHEETS: ("things", {"_row": "bigint", "name": "string"}, "_row"),
}
#: What ``--service`` may be.
SERVICES = tuple(_CONFIG)


def source_files(
    project: Project, name: str, service: str, tables: Sequence[str] = ()
) -> dict[Path, str]:
    """Return the files of a new source.

    Args:
        project: the project they are for.
        name: the connection's name; its tables land in ``raw_<name>``.
        service: one of ``SERVICES``.
        tables: tables of the declared connection to begin with; its first one without them.

    Raises:
        UserError: an unknown service or table.
    """
    if service not in _CONFIG:
        raise UserError(
            f"{service!r} is not a service: there are {', '.join(_CONFIG)}."
            f"{nearest(service, _CONFIG)}"
        )
    like = next((one for one in project.connections if one.service == service), None)
    chosen = _tables(like, service, tables)
    schema = f"raw_{name}"
    content: dict[str, Any] = {
        "service": service,
        ("prefix" if service == "postgres" else "schema"): schema,
        "description": f"What {name} holds; say here what that is.\n",
        "owner": like.owner if like else OWNER,
        "sync_frequency": 60,
        "freshness": 26,
    }
    if like and like.after:
        content["after"] = list(like.after)
    content["config"] = _config(like, service, name, [table.name for table in chosen])
    content["tables"] = {
        table.name: {
            "description": table.description.strip() or f"Rows of {table.name}.",
            **({"primary_key": list(table.primary_key)} if table.primary_key else {}),
            "columns": dict(table.columns),
        }
        for table in chosen
    }
    begun = f", begun as a copy of {like.file.name}" if like else ""
    head = f"# A new source{begun}: put its own settings and tables here.\n"
    files = {Path(f"config/connections/{name}.yml"): head + dump_yaml(content)}
    landed = Connection(
        name=name, file=Path(), service=service,  # type: ignore[arg-type]
        schema=None if service == "postgres" else schema,
        prefix=schema if service == "postgres" else None,
        config={}, tables=list(chosen), sync_frequency=60, schedule_type="auto",
        daily_sync_time=None, paused=False, owner="", description="", freshness=None, after=[],
    )  # fmt: skip
    return files | _staging(name, landed, service)


def _tables(like: Connection | None, service: str, names: Sequence[str]) -> list[Table]:
    if service == _SHEETS and len(names) > 1:
        raise UserError("A connection to a sheet reads one table: name one --table.")
    if like is None:
        usual, columns, key = _TABLE[service]
        return [Table(name, dict(columns), [key]) for name in names or [usual]]
    known = {table.name: table for table in like.tables}
    for name in names:
        if name not in known:
            raise UserError(
                f"{name!r} is not a table of {like.file}, which the new source begins from."
                f"{nearest(name, known)}"
            )
    return [known[name] for name in names] if names else [like.tables[0]]


def _config(
    like: Connection | None, service: str, name: str, tables: Sequence[str]
) -> dict[str, Any]:
    if like is None:
        texts = {key: text.format(name=name.upper()) for key, text in _CONFIG[service].items()}
        config: dict[str, Any] = texts
    else:
        config = {key: value for key, value in like.config.items() if key != "files"}
    if service == _SHEETS:
        config["table"] = tables[0]
    if service in _FILES:
        files = like.config["files"] if like else [
            {"table_name": table, "file_pattern": rf"{table}/.*\.jsonl", "file_type": "jsonl",
             "primary_keys": ["id"]}
            for table in tables
        ]  # fmt: skip
        config["files"] = [dict(one) for one in files if one["table_name"] in tables]
    return config


def _staging(name: str, connection: Connection, service: str) -> dict[Path, str]:
    folder = Path("dbt_project/models/staging") / name
    relations = connection.relations
    schemas = sorted({relation.schema for relation in relations})
    sources = [
        {
            "name": schema,
            "schema": schema,
            "description": f"What {name} holds, as Fivetran brings it.",
            "tables": [
                {
                    "name": relation.table,
                    "description": table.description.strip() or f"Rows of {table.name}.",
                    "config": {"meta": {"dagster": {"asset_key": list(relation)}}},
                }
                for relation, table in relations.items()
                if relation.schema == schema
            ],
        }
        for schema in schemas
    ]
    files = {folder / "_sources.yml": dump_yaml({"version": 2, "sources": sources})}
    for relation, table in relations.items():
        model = f"stg_{name}_{relation.table}"
        files[folder / f"{model}.sql"] = _sql(relation, table, service)
        files[folder / f"{model}.yml"] = model_yml(
            model,
            f"Rows of {table.name} of {name}, cleaned.",
            {
                column: {
                    "data_type": "",
                    "description": f"{column} of the source.",
                    "tests": ["unique", "not_null"] if table.primary_key == [column] else [],
                }
                for column in _kept(table)
            },
        )
    return files


def _kept(table: Table) -> list[str]:
    return [column for column in table.columns if not column.startswith("_")]


def _sql(relation: Relation, table: Table, service: str) -> str:
    columns = ",\n".join(f"        {column}" for column in _kept(table))
    marked = service not in (*_FILES, _SHEETS)
    soft = "    where not coalesce(_fivetran_deleted, false)\n" if marked else ""
    live = {"soft_delete": soft, "history": "    where _fivetran_active\n", "live": ""}[
        table.sync_mode
    ]
    return (
        "with source as (\n"
        f"    select * from {{{{ source('{relation.schema}', '{relation.table}') }}}}\n"
        "),\n\n"
        "renamed as (\n"
        f"    select\n{columns}\n"
        "    from source\n"
        f"{live}"
        ")\n\n"
        "select * from renamed\n"
    )


def model_yml(name: str, description: str, columns: dict[str, dict[str, Any]]) -> str:
    """Return the yml beside a model.

    Args:
        name: the model.
        description: Markdown.
        columns: column -> its data_type (may be empty), description and tests.
    """
    listed = []
    for column, said in columns.items():
        one: dict[str, Any] = {"name": column}
        if said.get("data_type"):
            one["data_type"] = said["data_type"]
        one["description"] = said.get("description") or f"Say what {column} is."
        if said.get("tests"):
            one["data_tests"] = list(said["tests"])
        listed.append(one)
    model: dict[str, Any] = {
        "name": name,
        "description": description,
        "config": {"meta": {"owner": OWNER, "dagster": {"owners": [OWNER]}}},
    }
    if listed:
        model["columns"] = listed
    return dump_yaml({"version": 2, "models": [model]})


def dump_yaml(content: dict[str, Any]) -> str:
    from ruamel.yaml import YAML

    yaml = YAML()
    yaml.width = 96
    yaml.indent(mapping=2, sequence=4, offset=2)
    out = StringIO()
    yaml.dump(content, out)
    return out.getvalue()
