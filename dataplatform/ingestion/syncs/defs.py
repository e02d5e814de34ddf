"""Raw tables as assets, and one step per connection that syncs them all.

The step asks the account for a sync through dagster-fivetran's workspace, waits for its end, and
reports what the warehouse then holds. Declarations are compiled in ``resources/fivetran``.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from dagster import (
    AssetCheckResult,
    AssetCheckSeverity,
    AssetCheckSpec,
    AssetExecutionContext,
    AssetKey,
    AssetMaterialization,
    AssetsDefinition,
    AssetSpec,
    DataVersion,
    Failure,
    MaterializeResult,
    MetadataValue,
)

from dataplatform.declarations.connection import Connection, Table
from dataplatform.declarations.project import Project
from dataplatform.ingestion.syncs.columns import compare
from dataplatform.keys import Relation, asset_key, relation_of
from dataplatform.resources.fivetran.declared import workspace_data
from dataplatform.resources.fivetran.translator import DeclaredTranslator
from dataplatform.resources.fivetran.workspace import DeclaredWorkspace
from dataplatform.resources.gates import latest_blocking_verdicts, wait_for_planned_checks
from dataplatform.resources.instance import (
    GATE,
    RULE,
    SEVERITY,
)
from dataplatform.resources.steps import table_step
from dataplatform.resources.table_metadata import observed_metadata
from dataplatform.resources.warehouse import TableFacts, Warehouse
from dataplatform.resources.warehouse.resource import WarehouseResource

CHECK_NAME = "declared_columns"

#: Syncs go first: this process waits for them, and meanwhile imports what other steps need.
_PRIORITY = "5"


def build_syncs(project: Project) -> list[AssetsDefinition]:
    """Return one step per declared connection.

    Args:
        project: its connections are compiled; nothing is contacted.
    """
    return [_sync(project, connection) for connection in project.connections]


def connection_specs(project: Project, connection: Connection) -> list[AssetSpec]:
    """Return the assets of a connection's tables."""
    translator = DeclaredTranslator(connection, _inputs(project, connection))
    data = workspace_data(project, connection)
    return [
        translator.get_asset_spec(props) for props in data.to_fivetran_connector_table_props_data()
    ]


def _inputs(project: Project, connection: Connection) -> Callable[[str], list[AssetKey]]:
    """What tables are loaded from: objects of a table's own name, or all of the extracts'."""
    keys = [
        key
        for extract in project.extracts
        if extract.name in connection.after
        for key in extract.relations
    ]

    def of(table: str) -> list[AssetKey]:
        own = [key for key in keys if key.table.endswith(f"_{table}")]
        return [asset_key(key) for key in own or keys]

    return of


def check_spec(connection: Connection, relation: Relation, table: Table) -> AssetCheckSpec:
    """Return the gate that a raw table has the columns that its connection declares."""
    return AssetCheckSpec(
        CHECK_NAME,
        asset=asset_key(relation),
        description="Every column that the connection's file declares arrived with its type.",
        metadata={
            GATE: True,
            SEVERITY: "ERROR",
            RULE: f"{connection.file}:{table.line}",
        },
    )


def _sync(project: Project, connection: Connection) -> AssetsDefinition:
    tables = connection.relations
    specs = connection_specs(project, connection)

    def sync(
        context: AssetExecutionContext,
        fivetran: DeclaredWorkspace,
        warehouse: WarehouseResource,
    ) -> Iterator[MaterializeResult[Any]]:
        refuse_broken_inputs(context, connection, specs)
        live = fivetran.live_id(connection.name)
        stock: dict[Relation, Mapping[str, Any]] = {}
        for event in fivetran.sync_and_poll(context=context):
            # Tables that nobody declared are no assets; the check of columns is per table.
            if isinstance(event, MaterializeResult | AssetMaterialization) and event.asset_key:
                stock[relation_of(event.asset_key)] = event.metadata or {}
        facts = warehouse.warehouse.facts(tables)
        history = fivetran.last_sync(connection.name)
        link = {
            "dagster/url": MetadataValue.url(fivetran.url(live)),
            "dataplatform/sync_logs": MetadataValue.url(fivetran.logs_url(live)),
        }
        for relation, table in tables.items():
            if relation in facts:
                moved = rows_moved(history, relation)
                context.log.info(_line(relation, facts[relation], moved))
                if moved.get("quarantined"):
                    context.log.warning(_set_aside(relation, moved["quarantined"]))
                yield MaterializeResult(
                    asset_key=asset_key(relation),
                    data_version=DataVersion(facts[relation].fingerprint),
                    metadata={
                        **_kept(stock.get(relation, {})),
                        **observed_metadata(relation, facts[relation], tuple(table.primary_key)),
                        **{f"dataplatform/rows_{kind}": rows for kind, rows in moved.items()},
                        **sync_times(history),
                        **link,
                    },
                    check_results=[columns_check(relation, table, facts, warehouse.warehouse)],
                )
        missing = [str(table.name) for relation, table in tables.items() if relation not in facts]
        if missing:
            raise Failure(
                f"The sync of {connection.name!r} ended, but nothing arrived for "
                f"{', '.join(missing)}: gone from the source, or not synced by the connection. "
                f"Mend the source, or take it out of {connection.file.name}.",
                metadata=link,
                allow_retries=False,
            )

    return table_step(
        sync,
        name=f"sync_{connection.name}",
        specs=specs,
        checks=[check_spec(connection, relation, table) for relation, table in tables.items()],
        description=connection.description or None,
        tags={"dagster/compute_kind": "fivetran", "dagster/priority": _PRIORITY},
    )


def refuse_broken_inputs(
    context: AssetExecutionContext, connection: Connection, specs: list[AssetSpec]
) -> None:
    """Stop where an error rule of what the connection reads is broken.

    Raises:
        Failure: one sentence for each broken input.
    """
    inputs = {dep.asset_key for spec in specs for dep in spec.deps}
    if not inputs:
        return
    wait_for_planned_checks(context, inputs)
    broken = latest_blocking_verdicts(context, inputs)
    if broken:
        raise Failure(
            " ".join(
                f"{connection.name} was not synced: {key.to_user_string()} breaks the rule "
                f"{', '.join(verdict.check.name for verdict in verdicts)}."
                for key, verdicts in broken.items()
            ),
            allow_retries=False,
        )


def columns_check(
    relation: Relation,
    table: Table,
    facts: Mapping[Relation, TableFacts],
    warehouse: Warehouse,
) -> AssetCheckResult:
    """Return the verdict whether the declared columns of a table arrived."""
    drift = compare(table.columns, facts[relation].columns, warehouse.dialect)
    return AssetCheckResult(
        check_name=CHECK_NAME,
        asset_key=asset_key(relation),
        passed=not drift.broken,
        severity=AssetCheckSeverity.ERROR,
        description=f"{relation}: {drift.sentence()}.",
        metadata={
            "expected": MetadataValue.json(dict(table.columns)),
            "observed": MetadataValue.json(dict(facts[relation].columns)),
            "failing_count": len(drift.missing) + len(drift.retyped),
            "not_declared": MetadataValue.json(list(drift.extra)),
        },
    )


def rows_moved(history: Mapping[str, Any], relation: Relation) -> dict[str, int]:
    """Return the rows a sync inserted, updated and deleted in a table, where that is known.

    Rows that it could not load are counted as ``quarantined``.
    """
    kinds = ("inserted", "updated", "deleted", "quarantined")
    for entry in history.get("tables", []):
        if (entry.get("schema"), entry.get("table")) == tuple(relation):
            return {kind: int(entry.get(kind, 0)) for kind in kinds}
    return {}


def sync_times(history: Mapping[str, Any]) -> dict[str, Any]:
    """Return when the sync began and ended, where that is known."""
    names = {
        "started_at": "dataplatform/sync_started",
        "finished_at": "dataplatform/sync_finished",
    }
    return {name: history[key] for key, name in names.items() if history.get(key)}


def _kept(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """What dagster-fivetran reports and its own tools read; the rest is reported better here."""
    return {key: value for key, value in metadata.items() if key.startswith("dagster-fivetran/")}


def _set_aside(relation: Relation, rows: int) -> str:
    return (
        f"{relation}: {rows:,} rows could not be loaded; they are in "
        f"{relation.schema}._fivetran_quarantine, each with its reason."
    )


def _line(relation: Relation, facts: TableFacts, moved: Mapping[str, int]) -> str:
    if not moved:
        return f"{relation}: {facts.row_count:,} rows"
    if not any(moved.values()):
        return f"{relation}: unchanged, {facts.row_count:,} rows"
    changes = ", ".join(f"{rows:,} {kind}" for kind, rows in moved.items() if rows)
    return f"{relation}: {facts.row_count:,} rows ({changes})"
