"""``dataplatform contract init``: draft the contract of a table from the rows that it holds.

What the profile found is a suggestion: every rule holds today, and a person decides which of them
are promises. ``dataplatform new contract`` writes one for a table that has no rows yet.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from dataplatform.declarations.project import Project
    from dataplatform.keys import Relation


def init(
    table: str = typer.Argument(help="The table, as schema.table, such as marts.dim_customers."),
    shown: bool = typer.Option(False, "--print", help="Print the contract; write nothing."),
) -> None:
    """Draft a contract from a profile of the table's rows."""
    from dataplatform.checks.contract_rules import checks_of
    from dataplatform.cli import scaffold
    from dataplatform.cli.contract.finding import of_file
    from dataplatform.declarations.errors import UserError
    from dataplatform.declarations.project import open_project
    from dataplatform.keys import Relation

    project = open_project()
    parts = table.replace("/", ".").split(".")
    if len(parts) != 2:
        raise UserError(f"{table!r} must be written as schema.table, such as marts.dim_customers.")
    files = draft(project, Relation(*parts))
    if shown:
        typer.echo("".join(files.values()), nl=False)
        return
    for path in scaffold.write(project, files):
        typer.echo(f"wrote {path}")
        (contract,) = of_file(str(project.root / path))
        typer.echo(f"{len(checks_of(contract))} checks, all drawn from the rows of today.")
    typer.echo("Keep what is a promise, then run `dataplatform contract compile`.")


def draft(project: Project, relation: Relation) -> dict[Any, str]:
    """Return the file of a table's drafted contract, with its text.

    Args:
        project: the project.
        relation: a table that the project makes, built already.

    Raises:
        UserError: nothing makes the table, or it was not built yet.
    """
    from dataplatform.cli.scaffold_model import contract_files
    from dataplatform.cli.scaffold_source import dump_yaml
    from dataplatform.declarations.errors import UserError
    from dataplatform.keys import CANDIDATE, PUBLISHED, Relation
    from dataplatform.quality.profile import profile_table
    from dataplatform.quality.profile.rules import contract_schema
    from dataplatform.resources.warehouse import open_warehouse

    ((path, text),) = contract_files(project, relation).items()
    content = _plain(text)
    known = content["schema"][0]
    warehouse = open_warehouse(project.environment, project)
    for place in (Relation(PUBLISHED, path.stem), Relation(CANDIDATE, path.stem)):
        if relation.schema in (PUBLISHED, CANDIDATE) and warehouse.columns(place):
            relation = place
            break
    columns = warehouse.columns(relation)
    if not columns:
        raise UserError(
            f"{relation} was not built yet: run it, or use `dataplatform new contract`."
        )
    own = {name: kind for name, kind in columns.items() if not name.startswith("_")}
    with warehouse.session(f"draft of the contract of {relation}") as session:
        profile = profile_table(session, relation, own, warehouse.dialect)
    drafted = contract_schema(profile)
    said = {one["name"].lower(): one.get("description") for one in known["properties"]}
    for column in drafted["properties"]:
        column["description"] = said.get(column["name"].lower()) or f"Say what {column['name']} is."
    content["schema"] = [{**drafted, "name": known["name"], "physicalName": known["physicalName"]}]
    return {path: dump_yaml(content)}


def _plain(text: str) -> dict[str, Any]:
    from ruamel.yaml import YAML

    content: dict[str, Any] = YAML(typ="safe").load(text)
    return content
