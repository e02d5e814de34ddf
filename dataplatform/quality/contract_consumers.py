"""Who breaks when a promise of a table changes: models that read the column, and dashboards.

A model reads a column if its SQL names it, or takes every column; it is followed further for as
long as the name goes on. That is a reading of words, so a name that two tables share may tell of
one consumer too many, and never of one too few.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dataplatform.declarations.dbt_project import load_graph
from dataplatform.keys import CANDIDATE, PUBLISHED, Relation

if TYPE_CHECKING:
    from dataplatform.declarations.contract import Contract
    from dataplatform.declarations.dbt_graph import DbtGraph
    from dataplatform.declarations.project import Project

_COMMENTS = re.compile(r"--[^\n]*|/\*.*?\*/|\{#.*?#\}", re.DOTALL)
# A star that is no product: after select, a comma or a table's name.
_EVERYTHING = re.compile(r"(?:\bselect\s+(?:distinct\s+)?|,\s*|\w\.)\*", re.IGNORECASE)


@dataclass(frozen=True)
class Consumer:
    """Something that reads a table.

    Attributes:
        kind: ``model``, or what dbt calls the exposure: dashboard, application, notebook …
        name: the model, or the exposure.
        where: the file, or the owner to call.
    """

    kind: str
    name: str
    where: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name} ({self.where})"


class Consumers:
    """Everything that reads the tables of a project."""

    def __init__(self, project: Project) -> None:
        self._root = project.root
        self._dbt = project.dbt
        self._graph: DbtGraph = load_graph(project)

    def of(self, contract: Contract, column: str | None) -> list[Consumer]:
        """Return who breaks, models first.

        Args:
            contract: the table's contract.
            column: the column that changed; None for the table as a whole.
        """
        graph = self._graph
        names = {contract.relation, contract.published}
        if contract.published.schema == PUBLISHED:
            names.add(Relation(CANDIDATE, contract.published.table))
        start = [node.id for node in graph.nodes if node.relation in names]
        start += [source.id for source in graph.sources if source.relation in names]
        reached, pending = list(start), list(start)
        while pending:
            for child in graph.children.get(pending.pop(), ()):
                if child not in reached and self._reads(child, column):
                    reached.append(child)
                    pending.append(child)
        models = [graph.by_id[one] for one in reached if one not in start]
        found = [Consumer("model", node.name, node.path) for node in models]
        return [*sorted(found, key=lambda one: one.name), *self._exposures(reached)]

    def _exposures(self, reached: list[str]) -> Iterator[Consumer]:
        for exposure in self._graph.exposures:
            if set(exposure.parents) & set(reached):
                yield Consumer(exposure.type, exposure.name, exposure.owner or "no owner")

    def _reads(self, node: str, column: str | None) -> bool:
        if column is None:
            return True
        path = self._graph.by_id[node].path
        for root in (self._dbt, self._root):
            if (root / path).is_file():
                text = _COMMENTS.sub(" ", (root / path).read_text(encoding="utf-8"))
                word = re.search(rf"(?<!\w){re.escape(column)}(?!\w)", text, re.IGNORECASE)
                return bool(word or _EVERYTHING.search(text))
        return True
