"""What dbt's tests found within a step, as verdicts for Dagster.

A contract's rules are logged, one line for a table, by its one test; a test of the project's own
is a rule by itself. When verdicts are told is ``step_recorder``'s business.
"""

from __future__ import annotations

from typing import Any

from dagster import AssetCheckResult, AssetCheckSeverity

from dataplatform.checks.measured_line import parse_measured
from dataplatform.checks.spec import safe_name
from dataplatform.checks.verdicts import Verdict, parse_log_line
from dataplatform.declarations.dbt_graph import DbtTest
from dataplatform.keys import Relation, asset_key
from dataplatform.resources.check_results import check_result, summary_of
from dataplatform.resources.instance import GATE, SEVERITY
from dataplatform.resources.warehouse import Warehouse
from dataplatform.transform.apart import judge_apart
from dataplatform.transform.dbt_run import NodeDone
from dataplatform.transform.outcome import is_bad
from dataplatform.transform.rules import Rules
from dataplatform.transform.step_plan import StepPlan

#: What a rule said, and the version of the rule.
Said = tuple[AssetCheckResult, str | None]


class StepVerdicts:
    """Gathers what the tests of a step say.

    Args:
        rules: the checks that dbt evaluates.
        plan: what the step does.
        warehouse: where the tables are.
        look: a connection to the DuckDB file beside dbt's own, or None on another warehouse.

    Attributes:
        broken: by the id of a model, a sentence for each rule that it breaks.
        measured: by table, the figures that its test took for the monitors.
    """

    def __init__(self, rules: Rules, plan: StepPlan, warehouse: Warehouse, look: Any) -> None:
        self._graph = rules.graph
        self._rules = rules
        self._plan = plan
        self._warehouse = warehouse
        self._look = look
        self._checks = {
            (check.relation, check.name): check
            for checks in rules.contract_checks.values()
            for check in checks
        }
        self._said: list[Said] = []
        # Unit tests end before their model is built, and are yet verdicts on what is built.
        self._early: dict[str, list[Said]] = {}
        self._judged: set[str] = set()
        self._ended: set[str] = set()
        self.broken: dict[str, list[str]] = {}
        self.measured: dict[Relation, dict[tuple[str | None, str], Any]] = {}

    @property
    def waiting(self) -> bool:
        """Whether something was said and not yet taken."""
        return bool(self._said)

    def logged(self, text: str) -> None:
        """Take a line that a test logged; only verdicts and figures matter."""
        self.measured.update(parse_measured(text))
        for verdict in parse_log_line(text):
            if (verdict.relation, verdict.name) not in self._checks:
                continue
            node = self._graph.by_relation.get(verdict.relation)
            if node is None:
                continue
            test = self._rules.contract_test[verdict.relation]
            self._judged.add(test.id)
            self._ruled(test, verdict)

    def ended(self, node_id: str) -> None:
        """Take note that dbt is done with a model: what was said early is said of this build."""
        self._said += self._early.pop(node_id, [])
        self._ended.add(node_id)

    def tested(self, test: DbtTest, done: NodeDone) -> None:
        """Take a test that dbt is done with."""
        if done.status == "skipped":
            return
        relation = self._graph.by_id[test.node].relation
        if test.contract and relation in self._rules.contract_checks:
            if done.status in ("error", "runtime error") and test.id not in self._judged:
                self._could_not_judge(test, done)
            return
        result = (self._result(test, done), test.code_version)
        if test.node in self._plan.run and test.node not in self._ended:
            self._early.setdefault(test.node, []).append(result)
        else:
            self._said.append(result)
        if is_bad(done):
            self._breaks(test.node, safe_name(test.name), done.message)

    def take(self, last: bool = False) -> list[Said]:
        """Return what was said since it was taken last; at the end, of models never built too."""
        if last:
            self._said += [one for many in self._early.values() for one in many]
            self._early = {}
        taken, self._said = self._said, []
        return taken

    def _ruled(self, test: DbtTest, verdict: Verdict) -> None:
        check = self._checks[verdict.relation, verdict.name]
        self._said.append((check_result(verdict, check), test.code_version))
        if verdict.blocks:
            self._breaks(test.node, verdict.name, summary_of(verdict))

    def _breaks(self, node_id: str, rule: str, why: str) -> None:
        text = f"the rule {rule} is broken: {why.rstrip('.')}."
        self.broken.setdefault(node_id, []).append(text)

    def _could_not_judge(self, test: DbtTest, done: NodeDone) -> None:
        relation = self._graph.by_id[test.node].relation
        checks = self._rules.contract_checks[relation]
        verdicts = judge_apart(self._warehouse, self._look, relation, checks, done.message)
        for verdict in verdicts:
            self._ruled(test, verdict)
        if not any(verdict.blocks for verdict in verdicts):
            # dbt left out what is downstream all the same.
            self._breaks(test.node, test.name, done.message)

    def _result(self, test: DbtTest, done: NodeDone) -> AssetCheckResult:
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
