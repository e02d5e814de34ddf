"""What a dbt step tells of the tables it built: rows, columns, versions and, by day, which days.

A table that is rebuilt by day is told once for each day whose rows changed. When tables are told
is ``step_recorder``'s business; what dbt's tests found in them is ``step_verdicts``'.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from dagster import (
    AssetExecutionContext,
    AssetMaterialization,
    MetadataValue,
    TableColumn,
    TableSchema,
)

from dataplatform.declarations.dbt_graph import DbtGraph, DbtNode
from dataplatform.keys import Relation, asset_key
from dataplatform.resources.build_history import COMPUTED, SECONDS
from dataplatform.resources.table_metadata import ROW_COUNT
from dataplatform.resources.warehouse import Warehouse
from dataplatform.resources.warehouse.duckdb import DuckDBSession
from dataplatform.resources.warehouse.interface import TableFacts
from dataplatform.transform.dbt_run import NodeDone
from dataplatform.transform.records import Targets, version_tags
from dataplatform.transform.step_plan import StepPlan
from dataplatform.transform.table_probe import probe
from dataplatform.transform.translator import partitions_of


class StepTables:
    """Turns models that dbt built into Dagster's materialisations.

    Args:
        context: the step's context.
        graph: the models.
        plan: what the step does.
        targets: the last materialisations.
        days: the days asked for by name, or none.
        warehouse: where the tables are.
        look: a connection to the DuckDB file beside dbt's own, or None on another warehouse.
    """

    def __init__(
        self,
        context: AssetExecutionContext,
        graph: DbtGraph,
        plan: StepPlan,
        targets: Targets,
        days: Sequence[str],
        warehouse: Warehouse,
        look: Any,
    ) -> None:
        self._context = context
        self._graph = graph
        self._plan = plan
        self._targets = targets
        self._days = list(days)
        self._warehouse = warehouse
        self._look = look
        self._prints: dict[str, dict[str, str]] = {}

    def before(self) -> None:
        """Note what the days of models that are rebuilt by day look like before the step."""
        if self._days:
            return
        for node in self._graph.nodes:
            if node.partition and node.id in self._plan.run:
                self._prints[node.id] = self._day_prints(node)

    def events(self, built: Sequence[tuple[DbtNode, NodeDone]]) -> list[AssetMaterialization]:
        """Return what is told of models that dbt built, after one look at all their tables."""
        found = self._facts([node.relation for node, _ in built])
        return [
            event
            for node, done in built
            for event in self._of_table(node, done, found.get(node.relation))
        ]

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

    def _of_table(
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
