"""What a dbt step records while dbt runs: tables with rows and columns, and verdicts.

Findings are gathered and recorded together, so that many tables cost one look at the warehouse
and one at Dagster's records. When to record is ``dbt_step``'s business.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any

from dagster import (
    AssetCheckResult,
    AssetCheckSeverity,
    AssetExecutionContext,
    AssetMaterialization,
    MetadataValue,
    TableColumn,
    TableSchema,
)

from dataplatform.checks.measured_line import parse_measured
from dataplatform.checks.spec import safe_name
from dataplatform.checks.verdicts import parse_log_line
from dataplatform.declarations.dbt_graph import DbtNode, DbtTest
from dataplatform.keys import Relation, asset_key
from dataplatform.resources.build_history import COMPUTED, SECONDS
from dataplatform.resources.check_results import check_result, summary_of
from dataplatform.resources.instance import GATE, SEVERITY
from dataplatform.resources.monitor_waiting import Figures
from dataplatform.resources.table_metadata import ROW_COUNT
from dataplatform.resources.warehouse import Warehouse
from dataplatform.resources.warehouse.duckdb import DuckDBSession
from dataplatform.resources.warehouse.interface import TableFacts
from dataplatform.transform.apart import judge_apart
from dataplatform.transform.dbt_run import NodeDone
from dataplatform.transform.outcome import is_bad
from dataplatform.transform.records import Targets, record, version_tags
from dataplatform.transform.rules import Rules
from dataplatform.transform.step_plan import StepPlan
from dataplatform.transform.table_probe import probe
from dataplatform.transform.translator import partitions_of


class StepRecorder:
    """Gathers what dbt reports and turns it into Dagster's events.

    Args:
        context: the step's context.
        rules: the checks that dbt evaluates.
        plan: what the step does.
        targets: the last materialisations, kept up to date.
        days: the days asked for by name, or none.
        warehouse: where the tables are.
        look: a connection to the DuckDB file beside dbt's own, or None on another warehouse.
    """

    def __init__(
        self,
        context: AssetExecutionContext,
        rules: Rules,
        plan: StepPlan,
        targets: Targets,
        days: Sequence[str],
        warehouse: Warehouse,
        look: Any,
    ) -> None:
        self._context = context
        self._step = context.op_execution_context.get_step_execution_context()
        self._graph = rules.graph
        self._rules = rules
        self._plan = plan
        self._targets = targets
        self._days = list(days)
        self._built: list[tuple[DbtNode, NodeDone]] = []
        self._results: list[tuple[AssetCheckResult, str | None]] = []
        # Unit tests end before their model is built, and are yet verdicts on what is built.
        self._early: dict[str, list[tuple[AssetCheckResult, str | None]]] = {}
        self._prints: dict[str, dict[str, str]] = {}
        self._checks = {
            (check.relation, check.name): check
            for checks in rules.contract_checks.values()
            for check in checks
        }
        self._judged: set[str] = set()
        self._ended: set[str] = set()
        self._warehouse = warehouse
        self._look = look
        self.broken: dict[str, list[str]] = {}
        self._measured: dict[Relation, dict[tuple[str | None, str], Any]] = {}
        self._made: set[Relation] = set()

    @property
    def waiting(self) -> bool:
        """Whether something is gathered and not recorded."""
        return bool(self._built or self._results)

    def before(self) -> None:
        """Note what the days of models that are rebuilt by day look like before the step."""
        if self._days:
            return
        for node in self._graph.nodes:
            if node.partition and node.id in self._plan.run:
                self._prints[node.id] = self._day_prints(node)

    def said(self, text: str) -> None:
        """Take a line that a test logged; only verdicts and figures matter."""
        self._measured.update(parse_measured(text))
        for verdict in parse_log_line(text):
            node = self._graph.by_relation.get(verdict.relation)
            check = self._checks.get((verdict.relation, verdict.name))
            if node is None or check is None:
                continue
            test = self._rules.contract_test[verdict.relation]
            self._judged.add(test.id)
            self._results.append((check_result(verdict, check), test.code_version))
            if verdict.blocks:
                self._breaks(node.id, verdict.name, summary_of(verdict))

    def done(self, done: NodeDone) -> None:
        """Take a node that dbt is done with."""
        node = self._graph.by_id.get(done.id)
        if node is not None:
            if done.status == "success":
                self._built.append((node, done))
                self._made.add(node.relation)
            self._results += self._early.pop(node.id, [])
            self._ended.add(node.id)
            return
        test = self._graph.test_by_id.get(done.id)
        if test is None or done.status == "skipped":
            return
        relation = self._graph.by_id[test.node].relation
        if test.contract and relation in self._rules.contract_checks:
            if done.status in ("error", "runtime error") and test.id not in self._judged:
                self._could_not_judge(test, done)
            return
        result = (self._test_result(test, done), test.code_version)
        if test.node in self._plan.run and test.node not in self._ended:
            self._early.setdefault(test.node, []).append(result)
        else:
            self._results.append(result)
        if is_bad(done):
            self._breaks(test.node, safe_name(test.name), done.message)

    def _breaks(self, node_id: str, rule: str, why: str) -> None:
        text = f"the rule {rule} is broken: {why.rstrip('.')}."
        self.broken.setdefault(node_id, []).append(text)

    def _could_not_judge(self, test: DbtTest, done: NodeDone) -> None:
        relation = self._graph.by_id[test.node].relation
        checks = self._rules.contract_checks[relation]
        verdicts = judge_apart(self._warehouse, self._look, relation, checks, done.message)
        for verdict in verdicts:
            check = self._checks[relation, verdict.name]
            self._results.append((check_result(verdict, check), test.code_version))
            if verdict.blocks:
                self._breaks(test.node, verdict.name, summary_of(verdict))
        if not any(verdict.blocks for verdict in verdicts):
            # dbt left out what is downstream all the same.
            self._breaks(test.node, test.name, done.message)

    def _test_result(self, test: DbtTest, done: NodeDone) -> AssetCheckResult:
        severity = "WARN" if done.status == "warn" else test.severity
        severity = "ERROR" if done.status in ("error", "runtime error") else severity
        passed = done.status == "pass"
        metadata: dict[str, Any] = {
            SEVERITY: severity,
            GATE: severity == "ERROR",
            "seconds": round(done.seconds, 3),
            "expected": "no failing rows",
        }
        if done.failures is not None:
            metadata["failing_count"] = done.failures
        return AssetCheckResult(
            passed=passed,
            asset_key=asset_key(self._graph.by_id[test.node].relation),
            check_name=safe_name(test.name),
            severity=AssetCheckSeverity(severity),
            description=None if passed else done.message,
            metadata=metadata,
        )

    def figures(self) -> dict[Relation, Figures]:
        """Return what the tests measured of the tables that the step built and recorded."""
        return {
            relation: Figures(target.storage_id, values)
            for relation, values in self._measured.items()
            if relation in self._made and (target := self._targets[asset_key(relation)])
        }

    def flush(self, last: bool = False) -> Iterator[Any]:
        """Record what was gathered; the last time, verdicts on models that were never built too."""
        if last:
            self._results += [one for results in self._early.values() for one in results]
            self._early = {}
        built, self._built = self._built, []
        results, self._results = self._results, []
        if built:
            found = self._facts([one.relation for one, _ in built])
            events = [
                event
                for node, done in built
                for event in self._materialisations(node, done, found.get(node.relation))
            ]
            yield from record(self._step, events)
            self._targets.materialised([asset_key(node.relation) for node, _ in built])
        if results:
            yield from record(
                self._step, [self._targets.evaluation(one, version) for one, version in results]
            )

    def _facts(self, tables: Sequence[Relation]) -> dict[Relation, TableFacts]:
        if self._look is not None:
            return probe(self._look, tables)
        try:
            return self._warehouse.facts(tables, fingerprint=False)
        except Exception as error:
            # What was built is recorded all the same.
            self._context.log.warning(
                f"The columns and rows of {len(tables)} models could not be read: {error}"
            )
            return {}

    def _materialisations(
        self, node: DbtNode, done: NodeDone, found: TableFacts | None
    ) -> list[AssetMaterialization]:
        key, tags = asset_key(node.relation), self._tags(node)
        metadata: dict[str, Any] = {
            "dagster/table_name": str(node.relation),
            SECONDS: round(done.seconds, 3),
            COMPUTED: round(done.computed, 3),
            "why": self._plan.run.get(node.id, ""),
        }
        if found is not None:
            metadata["dagster/column_schema"] = _schema(node, found)
            metadata[ROW_COUNT] = MetadataValue.int(found.row_count)
        if node.partition is None:
            return [AssetMaterialization(key, metadata=metadata, tags=tags)]
        days = self._days or self._changed_days(node)
        measured = {name: metadata[name] for name in (SECONDS, COMPUTED)}
        return [
            AssetMaterialization(
                key,
                # The columns once, not for each of a year's days.
                metadata=metadata if day == days[-1] else measured,
                tags=tags,
                partition=day,
            )
            for day in days
        ]

    def _changed_days(self, node: DbtNode) -> list[str]:
        """Days whose rows changed, and those that Dagster never saw."""
        partitions = partitions_of(node)
        assert partitions is not None and node.partition is not None
        valid = set(partitions.get_partition_keys())
        before = self._prints.get(node.id, {})
        after = self._day_prints(node)
        seen = self._context.instance.get_materialized_partitions(asset_key(node.relation))
        changed = {day for day in before.keys() | after.keys() if before.get(day) != after.get(day)}
        missing = after.keys() - seen
        # At least one, so that the version of what was built is on record.
        return sorted((changed | missing) & valid) or [
            max(after.keys() & valid, default=max(valid))
        ]

    def _day_prints(self, node: DbtNode) -> dict[str, str]:
        assert node.partition is not None
        asked = node.relation, node.partition["column"]
        if self._look is not None:
            return self._warehouse.day_prints(DuckDBSession(self._look), *asked)
        try:
            with self._warehouse.session(f"days of {node.relation}") as session:
                return self._warehouse.day_prints(session, *asked)
        except Exception as error:
            self._context.log.warning(f"The days of {node.relation} could not be read: {error}")
            return {}

    def _tags(self, node: DbtNode) -> dict[str, str]:
        version = self._plan.versions.get(node.id)
        key = asset_key(node.relation)
        last = self._targets[key] if self._days else None
        if version is None:
            version = _once(node.code_version, self._context.run_id)
        elif self._days and (last is None or last.data_version != version):
            # Some days are as of now and the rest of before: not the version of the whole.
            version = _once(version, self._context.run_id)
        inputs: dict[Any, tuple[str | None, int | None]] = {}
        for parent in node.parents:
            parent_key = asset_key(self._graph.relation(parent))
            known = self._targets[parent_key]
            planned = self._plan.versions.get(parent) if parent in self._plan.run else None
            inputs[parent_key] = (
                planned or (known.data_version if known else None),
                known.storage_id if known else None,
            )
        return version_tags(version, node.code_version, inputs)


def _once(version: str, run_id: str) -> str:
    return hashlib.sha256(f"{version} {run_id}".encode()).hexdigest()[:32]


def _schema(node: DbtNode, found: TableFacts) -> TableSchema:
    described = {name.lower(): column["description"] for name, column in node.columns.items()}
    return TableSchema(
        columns=[
            TableColumn(name, kind, described.get(name.lower()) or None)
            for name, kind in found.columns.items()
        ]
    )
