"""Everything that a comparison of engines found, for a reader, a machine and the next promotion."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from dataplatform.declarations.dbt_project import load_graph
from dataplatform.diff.tables import wanted_tables
from dataplatform.keys import CANDIDATE
from dataplatform.parity.compare import TableDifference, compare_builds, compare_verdicts
from dataplatform.parity.exempt import Exempt, exempt_in
from dataplatform.resources.parity_record import ParityRecord

if TYPE_CHECKING:
    from dataplatform.declarations.project import Project
    from dataplatform.keys import Relation
    from dataplatform.parity.build import Built


@dataclass(frozen=True)
class Outcome:
    """What several engines made of the same inputs.

    Attributes:
        builds: one for each engine; the first is what the others are held against.
        tables: for each other engine, every model.
        verdicts: for each other engine, the checks whose verdict differs, with both.
        exempt: expressions of which agreement shows nothing, with the models that use them.
    """

    builds: tuple[Built, ...]
    tables: tuple[tuple[TableDifference, ...], ...]
    verdicts: tuple[Mapping[str, tuple[str, str]], ...]
    exempt: Mapping[Exempt, tuple[Relation, ...]]

    @property
    def equal(self) -> bool:
        """Whether nothing differs."""
        return all(one.equal for found in self.tables for one in found) and not any(self.verdicts)

    @property
    def checks(self) -> set[str]:
        """The names of every check that an engine judged."""
        return {name for build in self.builds for name in build.verdicts}

    def as_json(self) -> dict[str, Any]:
        """Return it as plain dictionaries and lists."""
        others = zip(self.builds[1:], self.tables, self.verdicts, strict=True)
        return {
            "equal": self.equal,
            "against": self.builds[0].engine,
            "seconds": {build.engine: build.seconds for build in self.builds},
            "checks": len(self.checks),
            "engines": {
                other.engine: {
                    "models": [
                        {
                            **asdict(one.found),
                            "model": str(one.relation),
                            "equal": one.equal,
                            "rows": one.rows,
                            "columns": one.columns,
                            "traced": one.traced,
                        }
                        for one in found
                    ],
                    "verdicts": {name: list(pair) for name, pair in verdicts.items()},
                }
                for other, found, verdicts in others
            },
            "exempt": [
                {**asdict(one), "models": [str(model) for model in models]}
                for one, models in self.exempt.items()
            ],
        }


def outcome_of(project: Project, builds: list[Built]) -> Outcome:
    """Compare builds of one project's inputs.

    Args:
        project: whose models they are.
        builds: two or more; the others are held against the first.
    """
    wanted = {one.table: one for one in wanted_tables(project)}
    known = {}
    for node in load_graph(project).nodes:
        mart = node.schema == CANDIDATE
        known[node.relation] = wanted[node.relation.published if mart else node.relation]
    first, *others = builds
    return Outcome(
        tuple(builds),
        tuple(tuple(compare_builds(first, other, known)) for other in others),
        tuple(compare_verdicts(first, other) for other in others),
        _exempt(builds),
    )


def record_of(outcome: Outcome, files: str) -> ParityRecord:
    """Return what is kept of a comparison.

    Args:
        outcome: what it found.
        files: the fingerprint of what was built.
    """
    return ParityRecord(
        engines=tuple(build.engine for build in outcome.builds),
        equal=outcome.equal,
        files=files,
        at=datetime.now(UTC).isoformat(timespec="seconds"),
        models=len(outcome.tables[0]),
        checks=len(outcome.checks),
    )


def _exempt(builds: list[Built]) -> dict[Exempt, tuple[Relation, ...]]:
    found: dict[Exempt, list[Relation]] = {}
    for build in builds:
        for relation in sorted(build.sql):
            for one in exempt_in(build.sql[relation], build.dialect):
                found.setdefault(one, []).append(relation)
    return {one: tuple(relations) for one, relations in found.items()}
