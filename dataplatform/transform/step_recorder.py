"""What a dbt step records while dbt runs: tables with rows and columns, and verdicts.

Findings are gathered and recorded together, so that many tables cost one look at the warehouse
and one at Dagster's records. When to record is ``dbt_step``'s business; what is told of a table
is ``step_tables``', and of a test ``step_verdicts``'.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from dagster import AssetExecutionContext

from dataplatform.declarations.dbt_graph import DbtNode
from dataplatform.keys import Relation, asset_key
from dataplatform.resources.monitor_waiting import Figures
from dataplatform.resources.warehouse import Warehouse
from dataplatform.transform.dbt_run import NodeDone
from dataplatform.transform.records import Targets, record
from dataplatform.transform.rules import Rules
from dataplatform.transform.step_plan import StepPlan
from dataplatform.transform.step_tables import StepTables
from dataplatform.transform.step_verdicts import StepVerdicts


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
        self._step = context.op_execution_context.get_step_execution_context()
        self._graph = rules.graph
        self._targets = targets
        self._tables = StepTables(context, rules.graph, plan, targets, days, warehouse, look)
        self._verdicts = StepVerdicts(rules, plan, warehouse, look)
        self._built: list[tuple[DbtNode, NodeDone]] = []
        self._made: set[Relation] = set()

    @property
    def waiting(self) -> bool:
        """Whether something is gathered and not recorded."""
        return bool(self._built) or self._verdicts.waiting

    @property
    def broken(self) -> Mapping[str, list[str]]:
        """By the id of a model, a sentence for each rule that it breaks."""
        return self._verdicts.broken

    def before(self) -> None:
        """Note what the days of models that are rebuilt by day look like before the step."""
        self._tables.before()

    def said(self, text: str) -> None:
        """Take a line that a test logged."""
        self._verdicts.logged(text)

    def done(self, done: NodeDone) -> None:
        """Take a node that dbt is done with."""
        node = self._graph.by_id.get(done.id)
        if node is not None:
            if done.status == "success":
                self._built.append((node, done))
                self._made.add(node.relation)
            self._verdicts.ended(node.id)
        elif test := self._graph.test_by_id.get(done.id):
            self._verdicts.tested(test, done)

    def figures(self) -> dict[Relation, Figures]:
        """Return what the tests measured of the tables that the step built and recorded."""
        return {
            relation: Figures(target.storage_id, values)
            for relation, values in self._verdicts.measured.items()
            if relation in self._made and (target := self._targets[asset_key(relation)])
        }

    def flush(self, last: bool = False) -> Iterator[Any]:
        """Record what was gathered; the last time, verdicts on models that were never built too."""
        verdicts = self._verdicts.take(last)
        built, self._built = self._built, []
        if built:
            yield from record(self._step, self._tables.events(built))
            self._targets.materialised([asset_key(node.relation) for node, _ in built])
        if verdicts:
            yield from record(
                self._step, [self._targets.evaluation(one, version) for one, version in verdicts]
            )
