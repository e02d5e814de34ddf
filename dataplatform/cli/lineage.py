"""``dataplatform lineage``: what a table is made from and what is made from it.

Reads the graph that Dagster runs, so it cannot disagree with it. Printed as a tree, JSON, DOT or
Mermaid.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Annotated

import typer

from dataplatform.declarations.errors import UserError, nearest


class Form(StrEnum):
    """How lineage is printed."""

    tree = "tree"
    json = "json"
    dot = "dot"
    mermaid = "mermaid"


Parents = Mapping[str, list[str]]


def command(
    table: Annotated[
        str | None, typer.Argument(help="A table, as marts.dim_customers; all without it.")
    ] = None,
    upstream: Annotated[
        bool, typer.Option("--upstream", help="Only what it is made from.")
    ] = False,
    downstream: Annotated[
        bool, typer.Option("--downstream", help="Only what is made from it.")
    ] = False,
    form: Annotated[Form, typer.Option("--format", "-f", help="How to print it.")] = Form.tree,
) -> None:
    """Show the lineage of a table, or of everything."""
    from dataplatform.definitions import defs

    graph = defs.get_repository_def().asset_graph
    parents = {
        ".".join(key.path): sorted(".".join(parent.path) for parent in graph.get(key).parent_keys)
        for key in graph.get_all_asset_keys()
    }
    both = upstream == downstream
    if table is None:
        if form is Form.tree:
            raise UserError("Name a table for a tree, or choose --format json, dot or mermaid.")
        chosen = set(parents)
    else:
        table = _find(table, parents)
        chosen = {table}
        if upstream or both:
            chosen |= reach(table, parents)
        if downstream or both:
            chosen |= reach(table, children_of(parents))
    if form is Form.tree:
        assert table is not None
        if upstream or both:
            _print_tree("made from", table, parents)
        if downstream or both:
            _print_tree("goes into", table, children_of(parents))
        return
    typer.echo(render(form, sorted(chosen), parents))


def children_of(parents: Parents) -> dict[str, list[str]]:
    """Return the graph with its edges turned round."""
    found: dict[str, list[str]] = {name: [] for name in parents}
    for child, above in sorted(parents.items()):
        for parent in above:
            found.setdefault(parent, []).append(child)
    return found


def reach(start: str, edges: Parents) -> set[str]:
    """Return everything that can be reached from a table along edges, without itself."""
    found: set[str] = set()
    pending = [*edges.get(start, [])]
    while pending:
        name = pending.pop()
        if name not in found:
            found.add(name)
            pending.extend(edges.get(name, []))
    return found


def render(form: Form, chosen: Iterable[str], parents: Parents) -> str:
    """Return tables and the edges among them as JSON, DOT or Mermaid."""
    names = list(chosen)
    edges = [(parent, name) for name in names for parent in parents[name] if parent in names]
    if form is Form.json:
        return json.dumps(
            {"tables": names, "edges": [{"from": one, "to": other} for one, other in edges]},
            indent=2,
        )
    if form is Form.dot:
        lines = [f'  "{name}";' for name in names]
        lines += [f'  "{one}" -> "{other}";' for one, other in edges]
        return "\n".join(["digraph lineage {", "  rankdir=LR;", "  node [shape=box];", *lines, "}"])
    number = {name: f"t{index}" for index, name in enumerate(names)}
    lines = [f'  {number[name]}["{name}"]' for name in names]
    lines += [f"  {number[one]} --> {number[other]}" for one, other in edges]
    return "\n".join(["flowchart LR", *lines])


def _find(text: str, parents: Parents) -> str:
    name = text.replace("/", ".")
    if name in parents:
        return name
    ending = [known for known in parents if known.split(".")[-1] == name]
    if len(ending) == 1:
        return ending[0]
    if ending:
        raise UserError(f"{text!r} could be {' or '.join(sorted(ending))}: name one of them.")
    raise UserError(f"There is no table {text!r}.{nearest(name, parents)}")


def _print_tree(label: str, table: str, edges: Parents) -> None:
    from rich.console import Console
    from rich.tree import Tree

    seen: set[str] = set()

    def grow(tree: Tree, name: str) -> None:
        for other in edges.get(name, []):
            # A table that was shown already is named again, without what lies behind it.
            branch = tree.add(other if other not in seen else f"[dim]{other} …[/]")
            if other not in seen:
                seen.add(other)
                grow(branch, other)

    tree = Tree(f"[bold]{table}[/] {label}" + ("" if edges.get(table) else " nothing"))
    grow(tree, table)
    Console(highlight=False).print(tree)
