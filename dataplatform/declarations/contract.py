"""Contracts: what a table promises, in the Open Data Contract Standard v3.

A file ``config/contracts/<schema>/<table>.yml`` is about that table; one under ``marts`` is
checked on the candidate, before it is published. This module reads and refuses; whether a document
is one of the standard is told by ``odcs``, what a rule may say by ``contract_rule``, and what a
rule computes is the business of ``checks``.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dataplatform.declarations.contract_columns import Column, read_columns
from dataplatform.declarations.contract_owner import owner_of
from dataplatform.declarations.contract_rule import Rule, read_rule
from dataplatform.declarations.contract_sla import Promise, read_promises
from dataplatform.declarations.errors import nearest
from dataplatform.declarations.naming import is_identifier
from dataplatform.declarations.odcs import read_document
from dataplatform.declarations.yaml_file import YamlFile
from dataplatform.keys import CANDIDATE, PUBLISHED, Relation

__all__ = ["Column", "Contract", "Promise", "Rule", "contracts_in", "load_contract"]


@dataclass(frozen=True)
class Contract:
    """One declared contract.

    Attributes:
        file: the file, relative to the project.
        document: the whole file as read.
        index: the table's place under ``schema`` of the document.
        relation: the table that is checked; the candidate, for a mart.
        published: the table that consumers read; ``relation`` itself outside the marts.
        owner: an e-mail address or ``team:<name>``; empty only for a file outside config/contracts.
        rules: quality rules of the table and of its columns, in the file's order.
        promises: its service levels, in the file's order.
    """

    file: Path
    document: YamlFile
    index: int
    relation: Relation
    published: Relation
    owner: str
    description: str
    rules: list[Rule]
    columns: list[Column]
    promises: list[Promise]

    @property
    def version(self) -> str:
        """The contract's own version."""
        return str(self.document.data["version"])

    @property
    def table(self) -> dict[str, Any]:
        """The table as the document says it."""
        table: dict[str, Any] = self.document.data["schema"][self.index]
        return table

    @property
    def freshness_hours(self) -> float | None:
        """The age that the table may reach; None promises nothing."""
        promise = self.promise("latency", "freshness", "frequency")
        return promise.hours if promise else None

    @property
    def freshness_column(self) -> str | None:
        """The column that tells a row's time, where the promised age names one."""
        promise = self.promise("latency", "freshness", "frequency")
        return promise.column if promise else None

    @property
    def update_hours(self) -> float | None:
        """How often the table is renewed; None promises nothing."""
        promise = self.promise("frequency")
        return promise.hours if promise else None

    def promise(self, *names: str) -> Promise | None:
        """Return the first service level of the first of these names that the contract gives."""
        for name in names:
            for promise in self.promises:
                if promise.property == name and promise.hours is not None:
                    return promise
        return None


def load_contract(path: Path, root: Path, made: Collection[Relation] | None = None) -> Contract:
    """Read one contract file of a project.

    Args:
        path: the file, ``config/contracts/<schema>/<table>.yml``.
        root: the project's root.
        made: what the project makes; with it, the contract's table must be among it.

    Raises:
        DeclarationError: something in it is wrong; the text names the line.
    """
    file = read_document(path, root)
    published = _relation(file, path, root, made)
    tables = file.data.get("schema") or []
    index = next((i for i, one in enumerate(tables) if published.table in _names(one)), None)
    if index is None:
        if len(tables) == 1:
            raise file.error(
                ("schema", 0, "name"),
                f"schema.0.name must be the file's own table {published.table!r}, "
                f"not {tables[0]['name']!r}.",
            )
        hint = nearest(published.table, [one["name"] for one in tables])
        raise file.error(("schema",), f"schema has no table {published.table!r}.{hint}")
    relation = Relation(CANDIDATE, published.table) if published.schema == PUBLISHED else published
    contract = _contract(file, index, relation, published)
    if not contract.owner:
        raise file.error(
            ("team",),
            "the contract names no owner: give 'team' a name, or a member with role owner.",
        )
    return contract


def contracts_in(file: YamlFile) -> list[Contract]:
    """Return the contract of each table of a document, wherever the file lies.

    Args:
        file: the document, held against the standard already.

    Raises:
        DeclarationError: something in it is wrong; the text names the line.
    """
    servers = file.data.get("servers") or [{}]
    schema = str(servers[0].get("schema") or servers[0].get("dataset") or "main")
    found = []
    for index, table in enumerate(file.data.get("schema") or []):
        *before, name = str(table.get("physicalName") or table["name"]).split(".")
        relation = Relation(before[-1] if before else schema, name)
        found.append(_contract(file, index, relation, relation))
    return found


def _contract(file: YamlFile, index: int, relation: Relation, published: Relation) -> Contract:
    tables = file.data["schema"]
    table = tables[index]
    columns = read_columns(file, index)
    names = {one: column.name for column in columns for one in (column.logical_name, column.name)}
    return Contract(
        file=file.path,
        document=file,
        index=index,
        relation=relation,
        published=published,
        owner=owner_of(file),
        description=_description(file.data, table),
        rules=_rules(file, index, columns, list(names), relation),
        columns=columns,
        promises=read_promises(file, [_names(one) for one in tables], _names(table), names),
    )


def _names(table: dict[str, Any]) -> list[str]:
    """Return what a table of a document is called: by the contract and by the warehouse."""
    physical = str(table.get("physicalName") or table["name"])
    return [str(table["name"]), physical, physical.split(".")[-1]]


def _relation(
    file: YamlFile, path: Path, root: Path, made: Collection[Relation] | None
) -> Relation:
    parts = path.relative_to(root / "config" / "contracts").parts
    if len(parts) != 2:
        raise file.error((), "a contract lies at config/contracts/<schema>/<table>.yml.")
    relation = Relation(parts[0], path.stem)
    for part in relation:
        if not is_identifier(part):
            raise file.error((), f"{part!r} is not a safe name for a schema or a table.")
    if relation.schema == CANDIDATE:
        raise file.error((), "a mart's contract lies in config/contracts/marts.")
    if made is not None and relation not in made:
        hint = nearest(str(relation), [str(one) for one in made])
        raise file.error((), f"nothing makes the table {relation}.{hint}")
    return relation


def _rules(
    file: YamlFile, index: int, columns: list[Column], names: list[str], relation: Relation
) -> list[Rule]:
    table = file.data["schema"][index]
    rules = [
        read_rule(file, ("schema", index, "quality", place), raw, None, names, relation)
        for place, raw in enumerate(table.get("quality") or [])
    ]
    for column in columns:
        loc = ("schema", index, "properties", column.index)
        said = table["properties"][column.index].get("quality") or []
        rules += [
            read_rule(file, (*loc, "quality", place), raw, column.name, names, relation)
            for place, raw in enumerate(said)
        ]
    return rules


def _description(data: dict[str, Any], table: dict[str, Any]) -> str:
    whole = data.get("description") or {}
    return str(whole.get("purpose") or table.get("description") or "")
