"""What stands against a promotion: broken rules, code that was not built, promises, engines.

Every gate gives sentences that say what to do; none where it stands open. Approval, drift and
changes of contracts are judged by what the command hands in.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dagster import AssetCheckSeverity

from dataplatform.declarations.dbt_project import load_graph
from dataplatform.diff.found import ONLY_THERE, Diff, TableDiff
from dataplatform.keys import CANDIDATE, PUBLISHED, Relation, asset_key, relation_of
from dataplatform.resources.check_records import recorded_verdicts
from dataplatform.resources.instance import latest_materialisations
from dataplatform.resources.parity_record import files_fingerprint, last_parity

if TYPE_CHECKING:
    from dagster import DagsterInstance

    from dataplatform.declarations.project import Project


@dataclass(frozen=True)
class Gate:
    """One condition, and what is against it; nothing where it is met."""

    name: str
    against: tuple[str, ...] = ()

    @property
    def open(self) -> bool:
        """Whether the promotion may pass."""
        return not self.against


def promoted(found: Diff) -> list[TableDiff]:
    """Return the marts that a promotion changes; nothing else is read by consumers."""
    return [
        one for one in found.different if one.table.schema == PUBLISHED and one.state != ONLY_THERE
    ]


def above(project: Project, tables: Collection[Relation]) -> set[Relation]:
    """Return the models that published tables are made from, their candidates among them."""
    graph = load_graph(project)
    wanted = {Relation(CANDIDATE, table.table) for table in tables}
    pending = [node.id for node in graph.nodes if node.relation in wanted]
    reached = set(pending)
    while pending:
        node = graph.by_id[pending.pop()]
        new = [one for one in node.parents if one in graph.by_id and one not in reached]
        reached.update(new)
        pending += new
    return {graph.by_id[one].relation for one in reached}


def built_gate(project: Project, instance: DagsterInstance, models: Collection[Relation]) -> Gate:
    """Judge whether the source holds what the files say now."""
    nodes = {node.relation: node for node in load_graph(project).nodes}
    known = latest_materialisations(instance, [asset_key(one) for one in sorted(models)])
    against = []
    todo = f": DATAPLATFORM_ENV={project.environment.name} dataplatform run"
    for relation in sorted(models):
        last = known.get(asset_key(relation))
        if last is None:
            against.append(f"{relation} was never built in {project.environment.name}{todo}.")
        elif last.code_version != nodes[relation].code_version:
            against.append(
                f"{relation} was built in {project.environment.name} from other code{todo}."
            )
    return Gate("built from these files", tuple(against))


def rules_gate(project: Project, instance: DagsterInstance, models: Collection[Relation]) -> Gate:
    """Judge whether the source keeps every error rule on what is promoted and on what is above."""
    keys = {asset_key(one) for one in models}
    against = [
        f"{relation_of(verdict.asset_check_key.asset_key)} breaks the rule "
        f"{verdict.asset_check_key.name} in {project.environment.name}: mend it and run again."
        for _, verdict in (recorded_verdicts(instance, 1, keys) if keys else ())
        if not verdict.passed and verdict.severity == AssetCheckSeverity.ERROR
    ]
    return Gate("rules kept", tuple(sorted(against)))


def parity_gate(source: Project, target: Project) -> Gate:
    """Judge whether both kinds of warehouse make the same tables of these files, if they differ."""
    kinds = [one.environment.warehouse.type for one in (source, target)]
    name = "engines agree"
    if kinds[0] == kinds[1]:
        return Gate(name)
    todo = f"run `dataplatform parity --engines {','.join(kinds)}`."
    last = last_parity(source)
    if last is None or not {*kinds} <= {*last.engines}:
        return Gate(name, (f"{kinds[0]} and {kinds[1]} were never compared: {todo}",))
    if last.files != files_fingerprint(source):
        return Gate(name, (f"The files changed since parity was shown ({last.at}): {todo}",))
    if not last.equal:
        return Gate(name, (f"{' and '.join(last.engines)} differed ({last.at}): {todo}",))
    return Gate(name)


def contracts_gate(project: Project, found: Diff, undeclared: Sequence[str] = ()) -> Gate:
    """Judge whether readers get what they were promised.

    Args:
        project: whose contracts are meant.
        found: what is promoted: every column that a contract promises must be there.
        undeclared: breaking changes since the last promotion that no version tells of.
    """
    return Gate("contracts", (*_broken_promises(project, found), *undeclared))


def _broken_promises(project: Project, found: Diff) -> Iterator[str]:
    contracts = {one.published: one for one in project.contracts}
    for one in promoted(found):
        contract = contracts.get(one.table)
        if contract is None:
            yield f"{one.table} has no contract: nothing is promised of it that could be checked."
            continue
        gone = {text.split(" ", 1)[0] for text in one.columns if " is gone " in text}
        for column in contract.columns:
            if column.name.lower() in gone:
                yield f"{one.table} has no column {column.name}, which its contract promises."


def approval_gate(found: Diff, approved: str) -> Gate:
    """Judge whether a person approved of exactly this difference."""
    if approved == found.digest:
        return Gate("difference approved")
    said = f"look at `dataplatform diff`, then say --approve {found.digest}."
    if approved:
        said = f"{approved} is not this difference, which is {found.digest}: look again."
    return Gate("difference approved", (said,))


def drift_gate(sentences: Sequence[str]) -> Gate:
    """Judge whether connections and access of the target are as declared."""
    return Gate("no unmanaged drift", tuple(sentences))
