"""The report put together: what is declared, joined with what is recorded.

Pure: records come in as plain data. Where they are read is ``gather``'s business.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from dataplatform.checks.contract_rules import checks_of
from dataplatform.checks.runbook import runbook_of
from dataplatform.keys import CANDIDATE, PUBLISHED, Relation, layer_of
from dataplatform.quality.report.impact import Lineage, with_impact
from dataplatform.quality.report.incident_words import Incident
from dataplatform.quality.report.incidents import incidents_of, order
from dataplatform.quality.report.model import Freshness, Pipeline, Report, TableReport
from dataplatform.quality.report.rule_words import STATUSES, Rule
from dataplatform.quality.report.verdicts import rule_of

if TYPE_CHECKING:
    from dataplatform.checks.spec import Check
    from dataplatform.declarations.contract import Contract
    from dataplatform.declarations.project import Project
    from dataplatform.resources.check_history import Evaluation, TableChange, TableState
    from dataplatform.resources.run_history import PastRun

History = Mapping[tuple[Relation, str], Sequence["Evaluation"]]
#: What Dagster calls a run that no pipeline started.
_NO_PIPELINE = "__ASSET_JOB"


def build(
    project: Project,
    history: History,
    states: Mapping[Relation, TableState],
    now: float,
    *,
    lineage: Lineage | None = None,
    changes: Mapping[Relation, Sequence[TableChange]] | None = None,
    runs: Iterable[PastRun] = (),
    profiles: Collection[Relation] = (),
    watched: Mapping[Relation, Collection[str]] | None = None,
    data_docs: str = "",
) -> Report:
    """Join what is declared with what is recorded.

    Args:
        project: whose contracts and connections promise.
        history: verdicts of every check, the newest first.
        states: when tables were last made.
        now: seconds since 1970, for ages.
        lineage: what is made from what; nothing is known of it without.
        changes: when tables were made, the oldest first.
        runs: the last runs, the newest first.
        profiles: tables that have a profile page.
        watched: the names of each table's monitors.
        data_docs: the address of the Data Docs; empty where none were built.
    """
    lineage = lineage or Lineage({}, ())
    changes = changes or {}
    contracts = {contract.relation: contract for contract in project.contracts}
    promises, owners, words = _promises(project)
    relations = {*contracts, *states, *(relation for relation, _ in history)}
    relations |= {contract.published for contract in project.contracts}
    past: dict[Relation, dict[str, Sequence[Evaluation]]] = defaultdict(dict)
    for (relation, name), evaluations in history.items():
        past[relation][name] = evaluations
    tables, incidents = [], []
    for relation in sorted(relations):
        contract = contracts.get(relation)
        state = states.get(relation)
        declared = {check.name: check for check in checks_of(contract)} if contract else {}
        time = state.confirmed if state else None
        twin = _twin(relation)
        rules = _rules(declared, past[relation], state)
        table = TableReport(
            relation=relation,
            layer=layer_of(relation),
            owner=owners.get(relation, ""),
            description=words.get(relation, ""),
            contract=str(contract.file) if contract else "",
            state=state,
            freshness=Freshness(
                promises.get(relation),
                None if time is None else max(0.0, (now - time) / 3600),
                tuple(change.at for change in changes.get(relation, ())),
            ),
            rules=rules,
            twin=twin if twin in relations else None,
            upstream=tuple(lineage.parents.get(relation, ())),
            downstream=tuple(lineage.children.get(relation, ())),
            runbook=_runbook(contract),
            profile=relation in profiles,
            watched=tuple((watched or {}).get(relation, ())),
        )
        tables.append(table)
        incidents += incidents_of(table, past[relation])
    told = order(with_impact(incidents, lineage, changes, {t.relation: t for t in tables}))
    of_table: dict[Relation, list[Incident]] = defaultdict(list)
    for incident in told:
        of_table[incident.relation].append(incident)
    return Report(
        environment=project.environment.name,
        made_at=now,
        tables=tuple(
            replace(table, incidents=tuple(of_table[table.relation]))
            if table.relation in of_table
            else table
            for table in tables
        ),
        incidents=told,
        pipelines=_pipelines(runs),
        data_docs=data_docs,
    )


def _pipelines(runs: Iterable[PastRun]) -> tuple[Pipeline, ...]:
    found: dict[str, list[PastRun]] = defaultdict(list)
    for run in runs:
        found["by hand" if run.job == _NO_PIPELINE else run.job].append(run)
    return tuple(Pipeline(name, tuple(found[name])) for name in sorted(found))


def _runbook(contract: Contract | None) -> str:
    if contract is None:
        return ""
    return runbook_of(contract.document.data, contract.table) or ""


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
    declared: Mapping[str, Check],
    past: Mapping[str, Sequence[Evaluation]],
    state: TableState | None,
) -> tuple[Rule, ...]:
    newest = max((runs[0].timestamp for runs in past.values()), default=0.0)
    made = (state.materialised if state else None) or 0.0
    rules = [rule_of(name, declared.get(name), past.get(name, ())) for name in declared]
    for name, runs in past.items():
        # A rule that is no longer judged, though the table was made and judged since, is gone.
        gone = runs[0].timestamp < made <= newest
        if name not in declared and not gone:
            rules.append(rule_of(name, None, runs))
    worst = {status: place for place, status in enumerate(STATUSES)}
    return tuple(sorted(rules, key=lambda rule: (worst[rule.status], rule.name)))
