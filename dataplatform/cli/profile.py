"""``dataplatform profile``: what a table holds, column by column, and which rules that suggests.

How a table is read and what follows from it is the quality room's business; here it is asked for,
printed and laid down as a page.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from dataplatform.declarations.project import Project
    from dataplatform.keys import Relation
    from dataplatform.quality.profile import TableProfile


def command(
    table: Annotated[str, typer.Argument(help="The table, as schema.table; a mart's name alone.")],
    html: Annotated[
        Path | None, typer.Option(help="Write the page here, not into the report's folder.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the profile as JSON.")] = False,
    rules: Annotated[
        bool, typer.Option("--rules", help="Print only the suggested contract, as YAML to paste.")
    ] = False,
    record: Annotated[
        bool, typer.Option("--record", help="Attach it to the asset in Dagster, too.")
    ] = False,
) -> None:
    """Profile a table: types, nulls, distinct values, distributions, patterns, suggested rules."""
    from dataplatform.declarations.project import open_project
    from dataplatform.quality.profile.page import write_profile

    project = open_project()
    found, owner = _profile(project, table)
    if record:
        _record(project, found)
    path = write_profile(project, found, owner, html)
    if as_json:
        typer.echo(json.dumps(found.document(), ensure_ascii=False))
    elif rules:
        typer.echo(_yaml(found), nl=False)
    else:
        _show(found)
        typer.echo(f"Page: {path}")


def _profile(project: Project, table: str) -> tuple[TableProfile, str]:
    """Read a table's profile; returns it with the table's owner.

    Raises:
        UserError: there is no such table; the sentence names the nearest.
    """
    from dataplatform.checks.masking import masked
    from dataplatform.declarations.errors import UserError, nearest
    from dataplatform.keys import CANDIDATE
    from dataplatform.quality.profile import profile_table
    from dataplatform.resources.warehouse import open_warehouse

    warehouse = open_warehouse(project.environment, project)
    known = {str(relation): relation for relation in project.relations}
    schema, _, name = table.replace("/", ".").rpartition(".")
    relation = _named(known, schema, name)
    columns = warehouse.columns(relation) if relation else None
    if relation is None or columns is None:
        why = "does not exist yet" if relation else "is not a table of this project"
        hint = "" if relation else nearest(table, known)
        raise UserError(f"{table!r} {why}.{hint}")
    contract = next(
        (one for one in project.contracts if relation in {one.relation, one.published}), None
    )
    if contract is None and relation.schema == CANDIDATE:
        contract = next(
            (one for one in project.contracts if one.published == relation.published), None
        )
    hidden = (
        [column.name for column in contract.columns if masked(column.classification)]
        if (contract)
        else []
    )
    with warehouse.session(f"profile of {relation}") as session:
        found = profile_table(session, relation, columns, warehouse.dialect, hidden)
    return found, contract.owner if contract else ""


def _named(known: dict[str, Relation], schema: str, name: str) -> Relation | None:
    from dataplatform.keys import PUBLISHED

    if schema:
        return known.get(f"{schema}.{name}")
    same = [relation for relation in known.values() if relation.table == name]
    marts = [relation for relation in same if relation.schema == PUBLISHED]
    return marts[0] if marts else same[0] if len(same) == 1 else None


def _yaml(found: TableProfile) -> str:
    from dataplatform.quality.profile.paste import suggested_yaml

    return suggested_yaml(found)


def _record(project: Project, found: TableProfile) -> None:
    from dataplatform.quality.profile.paste import compact
    from dataplatform.resources.profile_metadata import record_profile
    from dataplatform.runtime.home import open_instance

    with open_instance(project) as instance:
        record_profile(instance, found.relation, found.rows, compact(found))


def _show(found: TableProfile) -> None:
    from rich.console import Console
    from rich.table import Table

    from dataplatform.quality.profile import suggested_rules
    from dataplatform.quality.profile.paste import compact

    console = Console()
    part = f", distributions of {found.sampled:,}" if found.sampled < found.rows else ""
    shown = Table(
        title=f"{found.relation} · {found.rows:,} rows{part}", title_justify="left", box=None
    )
    for row in compact(found):
        if not shown.columns:
            for name in row:
                right = name in {"empty", "distinct"}
                shown.add_column(name, justify="right" if right else "left", overflow="fold")
        shown.add_row(*row.values())
    console.print(shown)
    suggested = suggested_rules(found)
    console.print()
    for one in suggested:
        where = f"{one.column}: " if one.column else ""
        console.print(f"{where}[bold]{one.rule['name']}[/], because {one.because}", highlight=False)
    if suggested:
        console.print(f"As a contract: dataplatform profile {found.relation} --rules")
