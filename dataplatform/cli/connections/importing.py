"""``connections import`` and ``convert``: files for what exists already, here or in older files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

if TYPE_CHECKING:
    from dataplatform.declarations.project import Project
    from dataplatform.ingestion.account.importing import Found
    from dataplatform.keys import Relation


def import_(
    owner: Annotated[str, typer.Option(help="Owner that the new files name.")] = "team:data",
    only: Annotated[
        list[str] | None, typer.Option(help="Import only this destination schema; may repeat.")
    ] = None,
) -> None:
    """Write a file for each connection of the account that no file declares.

    Planning afterwards finds nothing to do. Secrets are masked by the account: the files refer to
    variables, which need a value only when a secret is to be sent.
    """
    from dataplatform.cli.scaffold_source import dump_yaml
    from dataplatform.declarations.connection import load_connection
    from dataplatform.declarations.errors import UserError, nearest
    from dataplatform.declarations.project import open_project
    from dataplatform.ingestion.account.importing import find_undeclared, imported
    from dataplatform.ingestion.account.plan import Account
    from dataplatform.resources.fivetran.workspace import open_client

    project, console = open_project(), Console()
    account = Account(project, open_client(project))
    found = find_undeclared(project, account.client)
    landings = {one.landing for one in found}
    for name in only or []:
        if name not in landings:
            raise UserError(
                f"The account has no undeclared connection into {name!r}.{nearest(name, landings)}"
            )
    chosen = [one for one in found if not only or one.landing in only]
    types = _types(project, chosen, console)
    taken = {connection.name for connection in project.connections}
    taken |= {path.stem for path in (project.config / "connections").glob("*.yml")}
    for one in chosen:
        new = imported(one, taken, types, owner)
        if not new.content["tables"]:
            console.print(f"[yellow]![/yellow] {one.landing}: no table of it can be declared.")
            _list(console, new.left_out)
            continue
        path = project.config / "connections" / f"{new.name}.yml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(_head(new.untyped) + dump_yaml(new.content), encoding="utf-8")
        try:
            load_connection(path, project.root)
        except UserError as error:
            path.unlink()
            console.print(f"[yellow]![/yellow] {one.landing} cannot be declared: {error}")
            continue
        # A file of that name may have sent secrets before; what this one will send is not known.
        account.secrets.forget(new.name)
        console.print(f"[green]+[/green] {path.relative_to(project.root)}", highlight=False)
        _list(console, new.left_out)
        if new.secrets:
            console.print(f"  secrets to set before they are sent: {', '.join(new.secrets)}")
    if not chosen:
        console.print("Nothing to import: every connection of the account is declared.")


def convert(
    file: Annotated[Path, typer.Argument(help="A connection file of the older form.")],
) -> None:
    """Rewrite a connection file of the older form (connector_type …) in the present one.

    Columns, which the older form does not have, come from the warehouse, else from the account,
    which is asked to look at the source anew; what neither has is left for you to list.
    """
    from dataplatform.cli.scaffold_source import dump_yaml
    from dataplatform.declarations.connection_seed import converted, is_older_form
    from dataplatform.declarations.connection_services import is_database
    from dataplatform.declarations.errors import UserError
    from dataplatform.declarations.naming import fivetran_name
    from dataplatform.declarations.project import open_project
    from dataplatform.declarations.yaml_file import read_yaml
    from dataplatform.keys import Relation

    project, console = open_project(), Console()
    path = file if file.is_absolute() or file.exists() else project.root / file
    written = read_yaml(path.resolve(), project.root)
    if not is_older_form(written):
        raise UserError(f"{written.path} is in the present form already: nothing to convert.")
    bare = converted(written, lambda table: {"columns": {}})
    landing = bare.get("prefix") or bare["schema"]

    def relation(table: str) -> Relation:
        if not is_database(bare["service"]):
            return Relation(landing, fivetran_name(table))
        schema, _, name = table.rpartition(".")
        return Relation(f"{landing}_{fivetran_name(schema)}", fivetran_name(name))

    relations = {table: relation(table) for table in bare["tables"]}
    types = _warehouse_types(project, set(relations.values()), console)
    missing = [table for table, one in relations.items() if not types.get(one)]
    told, untyped = _account_columns(project, landing, missing, console)
    content = converted(
        written, lambda table: told.get(table) or {"columns": dict(types.get(relations[table], {}))}
    )
    path.write_text(_head(untyped) + dump_yaml(content), encoding="utf-8")
    console.print(f"[green]~[/green] {written.path} is in the present form.", highlight=False)
    empty = [table for table, entry in content["tables"].items() if not entry["columns"]]
    if empty:
        console.print(
            f"List the columns of {', '.join(empty)} in it: the older form has none, and neither "
            "the warehouse nor the account has these tables yet.",
            highlight=False,
        )


def _account_columns(
    project: Project, landing: str, tables: list[str], console: Console
) -> tuple[dict[str, dict[str, Any]], list[str]]:
    """Columns and keys of tables, as the account knows them, and which columns have no type."""
    from dataplatform.declarations.errors import UserError
    from dataplatform.ingestion.account.importing import find_landing, imported
    from dataplatform.resources.fivetran.workspace import open_client

    if not tables:
        return {}, []
    try:
        found = find_landing(project, open_client(project), landing, tables)
    except UserError as error:
        console.print(f"[yellow]![/yellow] The account was not asked for columns: {error}")
        return {}, []
    if found is None:
        return {}, []
    new = imported(found, set(), {}, "")
    told = {
        table: {key: entry[key] for key in ("primary_key", "columns") if key in entry}
        for table, entry in new.content["tables"].items()
        if table in tables
    }
    return told, [name for name in new.untyped if name.rpartition(".")[0] in told]


def _types(project: Project, found: list[Found], console: Console) -> dict[Any, dict[str, str]]:
    relations = {relation for one in found for _, relation, _ in one.tables()}
    return _warehouse_types(project, relations, console)


def _warehouse_types(
    project: Project, relations: set[Relation], console: Console
) -> dict[Relation, dict[str, str]]:
    """Type families of the tables' columns, as far as the warehouse has them."""
    from dataplatform.declarations.errors import UserError
    from dataplatform.ingestion.syncs.columns import SYSTEM_COLUMNS
    from dataplatform.resources.warehouse import open_warehouse
    from dataplatform.resources.warehouse.types import family

    if not relations:
        return {}
    try:
        warehouse = open_warehouse(project.environment, project)
        facts = warehouse.facts(sorted(relations))
    except UserError as error:
        console.print(f"[yellow]![/yellow] Types of columns are not known: {error}")
        return {}
    return {
        relation: {
            name: family(warehouse.dialect, native)
            for name, native in one.columns.items()
            if name.lower() not in SYSTEM_COLUMNS
        }
        for relation, one in facts.items()
    }


def _head(untyped: list[str]) -> str:
    if not untyped:
        return ""
    named = ", ".join(untyped[:5]) + (f" and {len(untyped) - 5} more" if len(untyped) > 5 else "")
    return f"# Not in the warehouse yet, so taken for string: {named}.\n"


def _list(console: Console, sentences: list[str]) -> None:
    for sentence in sentences:
        console.print(f"  left out: {sentence}.", highlight=False)
