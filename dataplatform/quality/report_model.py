"""What the check report says: tables, their rules, how they stood and how they stand.

Joins what is declared with what is recorded, as plain data. How it looks is the template's
business; where records come from is that of ``resources.check_history``.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dataplatform.checks.contract_rules import checks_of
from dataplatform.checks.spec import Check
from dataplatform.keys import CANDIDATE, PUBLISHED, Relation, layer_of

if TYPE_CHECKING:
    from dataplatform.declarations.project import Project
    from dataplatform.resources.check_history import Evaluation, TableState

PASSED, WARNED, FAILED, BROKEN, WAITING = "passed", "warned", "failed", "error", "waiting"
#: The worst first.
STATUSES = (BROKEN, FAILED, WARNED, WAITING, PASSED)
LAYERS = (
    "lake_raw", "raw", "staging", "intermediate", "snapshots", "candidate", "marts", "curated"
)  # fmt: skip
_BUILT = {"staging", "intermediate", "candidate", "snapshots"}


@dataclass(frozen=True)
class Point:
    """One verdict of the past, as a dot of a rule's history."""

    timestamp: float
    status: str
    observed: Any
    run_id: str


@dataclass(frozen=True)
class Rule:
    """One rule of one table, with its last verdict."""

    name: str
    status: str
    severity: str
    expected: str
    observed: Any
    description: str
    source: str
    failing_count: int | None = None
    row_count: int | None = None
    samples: tuple[str, ...] = ()
    sql: str = ""
    error: str = ""
    history: tuple[Point, ...] = ()


@dataclass(frozen=True)
class Freshness:
    """A table's age against its promise, in hours."""

    promised: float | None
    age: float | None

    @property
    def status(self) -> str:
        """Whether the promise is kept; without a promise or a table there is nothing to keep."""
        if self.promised is None:
            return "none"
        if self.age is None:
            return WAITING
        return PASSED if self.age <= self.promised else "late"


@dataclass(frozen=True)
class TableReport:
    """One table of the report."""

    relation: Relation
    layer: str
    owner: str
    description: str
    contract: str
    state: TableState | None
    freshness: Freshness
    rules: tuple[Rule, ...]
    twin: Relation | None = None

    @property
    def status(self) -> str:
        """The worst status of its rules; a table without rules is ``none``."""
        found = {rule.status for rule in self.rules}
        return next((status for status in STATUSES if status in found), "none")

    @property
    def counts(self) -> Counter[str]:
        """How many rules have each status."""
        return Counter(rule.status for rule in self.rules)


@dataclass(frozen=True)
class Report:
    """The whole report, of one moment."""

    environment: str
    made_at: float
    tables: tuple[TableReport, ...] = field(default=())

    @property
    def counts(self) -> Counter[str]:
        """How many rules have each status."""
        return sum((table.counts for table in self.tables), Counter())

    @property
    def late(self) -> tuple[TableReport, ...]:
        """Tables older than they promise to be."""
        return tuple(table for table in self.tables if table.freshness.status == "late")

    @property
    def failed(self) -> bool:
        """Whether an error rule is broken or could not be evaluated."""
        return any(
            rule.status in {FAILED, BROKEN} and rule.severity == "ERROR"
            for table in self.tables
            for rule in table.rules
        )

    @property
    def layers(self) -> list[tuple[str, list[TableReport]]]:
        """Tables by layer, in the order in which rows travel."""
        order = [*LAYERS, *sorted({t.layer for t in self.tables} - set(LAYERS))]
        # Tables that promise something come first; the others are company.
        told = sorted(self.tables, key=lambda table: not table.rules)
        grouped = [(name, [t for t in told if t.layer == name]) for name in order]
        return [(name, tables) for name, tables in grouped if tables]


def build(
    project: Project,
    history: Mapping[tuple[Relation, str], Sequence[Evaluation]],
    states: Mapping[Relation, TableState],
    now: float,
) -> Report:
    """Join what is declared with what is recorded.

    Args:
        project: whose contracts and connections promise.
        history: verdicts of every check, the newest first.
        states: when tables were last made.
        now: seconds since 1970, for ages.
    """
    contracts = {contract.relation: contract for contract in project.contracts}
    promises, owners, words = _promises(project)
    relations = {*contracts, *states, *(relation for relation, _ in history)}
    relations |= {contract.published for contract in project.contracts}
    found = []
    for relation in relations:
        contract = contracts.get(relation)
        state = states.get(relation)
        declared = {check.name: check for check in checks_of(contract)} if contract else {}
        rules = _rules(relation, declared, history, state)
        twin = _twin(relation)
        hours = promises.get(relation)
        time = state.confirmed if state else None
        age = None if time is None else max(0.0, (now - time) / 3600)
        found.append(
            TableReport(
                relation=relation,
                layer=layer_of(relation),
                owner=owners.get(relation, ""),
                description=words.get(relation, ""),
                contract=str(contract.file) if contract else "",
                state=state,
                freshness=Freshness(hours, age),
                rules=rules,
                twin=twin if twin in relations else None,
            )
        )
    found.sort(key=lambda table: (table.relation.schema, table.relation.table))
    return Report(project.environment.name, now, tuple(found))


def _twin(relation: Relation) -> Relation | None:
    """Return the published table of a candidate, and the candidate of a published table."""
    if relation.schema == CANDIDATE:
        return relation.published
    return Relation(CANDIDATE, relation.table) if relation.schema == PUBLISHED else None


def _promises(
    project: Project,
) -> tuple[dict[Relation, float], dict[Relation, str], dict[Relation, str]]:
    """Promised ages in hours, owners and descriptions by table; a contract's word comes first."""
    hours: dict[Relation, float] = {}
    owners: dict[Relation, str] = {}
    words: dict[Relation, str] = {}
    for connection in project.connections:
        for relation, table in connection.relations.items():
            if connection.freshness:
                hours[relation] = float(connection.freshness)
            owners[relation] = connection.owner
            words[relation] = table.description or ""
    for contract in project.contracts:
        if contract.freshness_hours:
            # The promise is about what people read.
            hours[contract.published] = contract.freshness_hours
        for relation in {contract.relation, contract.published}:
            owners[relation] = contract.owner
            words[relation] = contract.description or words.get(relation, "")
    return hours, owners, words


def _rules(
    relation: Relation,
    declared: Mapping[str, Check],
    history: Mapping[tuple[Relation, str], Sequence[Evaluation]],
    state: TableState | None,
) -> tuple[Rule, ...]:
    past = {name: runs for (table, name), runs in history.items() if table == relation}
    newest = max((runs[0].timestamp for runs in past.values()), default=0.0)
    made = (state.materialised if state else None) or 0.0
    rules = [_rule(name, declared.get(name), past.get(name, ())) for name in declared]
    for name, runs in past.items():
        # A rule that is no longer judged, though the table was made and judged since, is gone.
        gone = runs[0].timestamp < made <= newest
        if name not in declared and not gone:
            rules.append(_rule(name, None, runs))
    order = {status: place for place, status in enumerate(STATUSES)}
    return tuple(sorted(rules, key=lambda rule: (order[rule.status], rule.name)))


def _rule(name: str, check: Check | None, runs: Sequence[Evaluation]) -> Rule:
    points = tuple(
        Point(run.timestamp, _status(run), _observed(run.metadata), run.run_id)
        for run in reversed(runs)
    )
    if not runs:
        assert check is not None
        return Rule(
            name, WAITING, check.severity, check.expected, None, check.description, check.source
        )
    last, metadata = runs[0], runs[0].metadata
    declared = metadata.get("expected")
    return Rule(
        name=name,
        status=points[-1].status,
        severity=check.severity if check else last.severity,
        expected=str(declared or (check.expected if check else "") or "the test gives no rows"),
        observed=points[-1].observed,
        description=(check.description if check else "") or last.description,
        source=check.source if check else str(metadata.get("dataplatform/rule") or ""),
        failing_count=_number(metadata, "failing_count", "dagster_dbt/failed_row_count"),
        row_count=_number(metadata, "row_count"),
        samples=tuple(str(key) for key in metadata.get("sample_keys") or ()),
        sql=_code(str(metadata.get("sql") or "")),
        error=str(metadata.get("error") or ""),
        history=points,
    )


def _status(run: Evaluation) -> str:
    if run.passed:
        return PASSED
    if run.metadata.get("error"):
        return BROKEN
    return FAILED if run.severity == "ERROR" else WARNED


def _observed(metadata: Mapping[str, Any]) -> Any:
    for name in ("observed", "failures", "dagster_dbt/failed_row_count"):
        if metadata.get(name) is not None:
            return metadata[name]
    return None


def _number(metadata: Mapping[str, Any], *names: str) -> int | None:
    return next((int(metadata[n]) for n in names if isinstance(metadata.get(n), int | float)), None)


def _code(text: str) -> str:
    """Take a statement out of its Markdown fence."""
    return re.sub(r"^```\w*\n|\n```$", "", text)
