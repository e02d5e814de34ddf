"""The copy's own graph, and runs of it that sync nothing and export nothing.

Raw tables arrive as they do when Fivetran syncs them by its own clock: they are in the warehouse,
and Dagster is told. A run then judges them, builds what is below, and publishes.
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterable
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from typing import TYPE_CHECKING, Any

from dagster import (
    AssetCheckEvaluation,
    AssetCheckKey,
    AssetKey,
    AssetMaterialization,
    AssetSelection,
    DagsterInstance,
    Definitions,
    define_asset_job,
)

from dataplatform.ingestion.syncs.defs import columns_check
from dataplatform.keys import (
    CURATED,
    LAKE_RAW,
    PUBLISHED,
    Relation,
    asset_key,
    layer_of,
    relation_of,
)
from dataplatform.resources.executor import EXECUTOR
from dataplatform.resources.instance import MONITOR, OWN_CLOCK
from dataplatform.resources.table_metadata import observed_metadata
from dataplatform.resources.warehouse.opening import open_warehouse
from dataplatform.runtime.execute import MODULE, RunResult, execute
from dataplatform.runtime.home import open_instance

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dagster._core.definitions.repository_definition import RepositoryDefinition
    from dagster._core.definitions.unresolved_asset_job_definition import (
        UnresolvedAssetJobDefinition,
    )

    from dataplatform.declarations.connection import Table
    from dataplatform.declarations.project import Project

JOB = "rehearsal"


def declared_tables(project: Project) -> dict[Relation, Table]:
    """Return every raw table that a project's connections declare."""
    return {
        relation: table
        for connection in project.connections
        for relation, table in connection.relations.items()
    }


def _job_name(relation: Relation) -> str:
    return f"{JOB}_{relation.schema}_{relation.table}"


@dataclass(frozen=True)
class Stage:
    """A copied project whose graph is loaded.

    Attributes:
        project: the copy.
        tables: the raw tables that incidents befall.
    """

    project: Project
    tables: Mapping[Relation, Table]

    @cached_property
    def definitions(self) -> Definitions:
        """The copy's graph, as the platform itself compiles it."""
        known = sys.modules.get(MODULE)
        module = known or import_module(MODULE)
        # Importing it has compiled the project that the process was pointed at, which is the copy.
        found: Definitions = module.build_definitions(self.project) if known else module.defs
        return found

    @cached_property
    def graph(self) -> RepositoryDefinition:
        """The copy's graph, with a job for all tables and one for each raw table's own part."""
        plain = self.definitions.get_repository_def()
        judged = self._judged(plain)
        jobs = [self._job(JOB, self._made(plain), judged)]
        for relation in self.tables:
            key = asset_key(relation)
            below = [asset_key(one) for one in self._below(plain, relation)]
            own = [check for check in judged if check.asset_key in (key, *below)]
            jobs.append(self._job(_job_name(relation), below, own))
        return Definitions.merge(self.definitions, Definitions(jobs=jobs)).get_repository_def()

    @cached_property
    def marts(self) -> list[Relation]:
        """The published tables."""
        keys = self.graph.asset_graph.materializable_asset_keys
        return sorted(relation_of(key) for key in keys if key.path[0] == PUBLISHED)

    def below(self, relation: Relation) -> list[Relation]:
        """Return what is made from a table, published marts included, nearest first."""
        return self._below(self.graph, relation)

    @contextmanager
    def records(self) -> Iterator[DagsterInstance]:
        """Open the copy's Dagster records."""
        with open_instance(self.project) as instance:
            yield instance

    def arrive(self, instance: DagsterInstance, relations: Iterable[Relation]) -> list[str]:
        """Tell Dagster that tables were synced, and judge their columns as the sensor does.

        Returns:
            Names of the tables that nothing arrived for.
        """
        warehouse = open_warehouse(self.project.environment, self.project)
        wanted, declared = list(relations), declared_tables(self.project)
        facts = warehouse.facts(wanted)
        for relation in wanted:
            if relation not in facts:
                continue
            table = declared[relation]
            instance.report_runless_asset_event(
                AssetMaterialization(
                    asset_key(relation),
                    metadata=observed_metadata(relation, facts[relation], tuple(table.primary_key)),
                    tags={"dagster/data_version": facts[relation].fingerprint},
                )
            )
            verdict = columns_check(relation, table, facts, warehouse)
            assert verdict.asset_key is not None and verdict.check_name is not None
            instance.report_runless_asset_event(
                AssetCheckEvaluation(
                    asset_key=verdict.asset_key,
                    check_name=verdict.check_name,
                    passed=verdict.passed,
                    metadata=verdict.metadata,
                    severity=verdict.severity,
                    description=verdict.description,
                )
            )
        return [str(relation) for relation in wanted if relation not in facts]

    def run(self, instance: DagsterInstance, relation: Relation | None = None) -> RunResult:
        """Judge, build and publish, in this process.

        Args:
            instance: the copy's records.
            relation: only this raw table and what is made from it; everything without it.
        """
        job = JOB if relation is None else _job_name(relation)
        return execute(self.project, job=job, repository=self.graph, instance=instance)

    def checks(self) -> dict[AssetCheckKey, Any]:
        """Return the specification of every check of the graph."""
        graph = self.graph.asset_graph
        return {key: graph.get_check_spec(key) for key in graph.asset_check_keys}

    @staticmethod
    def _job(
        name: str, assets: Collection[AssetKey], checks: Collection[AssetCheckKey]
    ) -> UnresolvedAssetJobDefinition:
        return define_asset_job(
            name,
            selection=AssetSelection.assets(*assets) | AssetSelection.checks(*checks),
            executor_def=EXECUTOR,
        )

    @classmethod
    def _below(cls, graph: RepositoryDefinition, relation: Relation) -> list[Relation]:
        assets = graph.asset_graph
        wanted = AssetSelection.assets(asset_key(relation)).downstream().resolve(assets)
        made = set(cls._made(graph))
        ordered = [key for level in assets.toposorted_asset_keys_by_level for key in sorted(level)]
        return [relation_of(key) for key in ordered if key in wanted and key in made]

    @staticmethod
    def _made(graph: RepositoryDefinition) -> list[AssetKey]:
        # What is fetched from elsewhere, and what is written elsewhere.
        kept_out = ("raw", LAKE_RAW, CURATED)
        return sorted(
            key
            for key in graph.asset_graph.materializable_asset_keys
            if layer_of(relation_of(key)) not in kept_out
        )

    @staticmethod
    def _judged(graph: RepositoryDefinition) -> Collection[AssetCheckKey]:
        """Checks with a step of their own, but those that ask an account.

        What a sync judges is judged when its table arrives.
        """
        found = []
        for key, definition in graph.asset_checks_defs_by_key.items():
            metadata = definition.get_spec_for_check_key(key).metadata
            asks = metadata.get(OWN_CLOCK) and not metadata.get(MONITOR)
            if not definition.keys and not asks:
                found.append(key)
        return found
