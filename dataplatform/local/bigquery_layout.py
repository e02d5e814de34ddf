"""How a table is laid out, kept by the local stand-in for BigQuery: what the emulator forgets.

Run beside ``bigquery_server``, in the same environment. Nothing is laid out so: what a table was
asked to be is told back, as the service does, and a clone has what its table has.
"""

from __future__ import annotations

from typing import Any

import bqemulator.api.routes.tables as tables
import bqemulator.catalog.ddl_sync as ddl_sync
import bqemulator.jobs.executor as executor
import bqemulator.scripting.interpreter as interpreter
import sqlglot
from bqemulator.catalog.models import Clustering, RangePartitioning, TimePartitioning
from bqemulator.versioning.clone import CloneManager
from sqlglot import exp


def repair_layouts() -> None:
    """Keep partitions by a part of a date or by a range, clusters and labels of tables."""
    sync, clone, told = ddl_sync.sync_created_table, CloneManager.create, tables._table_to_rest

    def synced(sql: str, project: str, context: Any) -> None:
        sync(sql, project, context)
        target = ddl_sync._detect_plain_create_table(sql)
        if target is None:
            return
        place = ddl_sync._split_target(target, project)
        made = context.catalog.get_table(*place) if all(place) else None
        if made is not None:
            layout = _layout(sql, made.time_partitioning)
            context.catalog.update_table(made.model_copy(update=layout))

    async def cloned(self: Any, project: str, dataset: str, table: str, *source: str) -> Any:
        made = await clone(self, project, dataset, table, *source)
        of = self._ctx.catalog.get_table(*source)
        kept = made.model_copy(update={"labels": of.labels, "description": of.description})
        self._ctx.catalog.update_table(kept)
        return kept

    def rest(table: Any) -> dict[str, Any]:
        body: dict[str, Any] = told(table)
        if table.time_partitioning and table.time_partitioning.require_partition_filter:
            body["requirePartitionFilter"] = True
        if table.range_partitioning:
            by = table.range_partitioning
            span = {"start": str(by.start), "end": str(by.end), "interval": str(by.interval)}
            body["rangePartitioning"] = {"field": by.field, "range": span}
        return body

    for module in (executor, interpreter):
        module.sync_created_table = synced
    CloneManager.create = cloned
    tables._table_to_rest = rest


def _layout(sql: str, known: Any) -> dict[str, Any]:
    """Return what a ``CREATE TABLE`` says of its layout, beyond what the emulator reads of it."""
    tree = sqlglot.parse_one(sql, read="bigquery")
    found: dict[str, Any] = {}
    properties = tree.args.get("properties")
    said = properties.expressions if properties else []
    for one in said:
        if isinstance(one, exp.ClusterProperty):
            found["clustering"] = Clustering(fields=tuple(e.name for e in one.expressions))
        elif isinstance(one, exp.PartitionedByProperty):
            found |= _partitions(one.this)
        elif isinstance(one, exp.Property) and one.name == "labels":
            pairs = (pair.expressions for pair in one.args["value"].expressions)
            found["labels"] = {key.name: value.name for key, value in pairs}
    options = {one.name: one.args["value"] for one in said if type(one) is exp.Property}
    if "time_partitioning" in found:
        by: TimePartitioning = found["time_partitioning"]
        strict = options.get("require_partition_filter")
        more = {"require_partition_filter": bool(strict and strict.this)}
        if known is not None:
            more["expiration_ms"] = known.expiration_ms
        found["time_partitioning"] = by.model_copy(update=more)
    return found


def _partitions(by: Any) -> dict[str, Any]:
    if isinstance(by, exp.RangeBucket):
        series = by.expression
        start, end, interval = (int(series.args[one].name) for one in ("start", "end", "step"))
        spans = RangePartitioning(field=by.this.name, start=start, end=end, interval=interval)
        return {"range_partitioning": spans}
    unit = by.args.get("unit")
    column = by if isinstance(by, exp.Identifier) else by.find(exp.Column)
    if column is None or column.name.upper().startswith("_PARTITION"):
        return {"time_partitioning": TimePartitioning(type="DAY")}
    kind = unit.name.upper() if unit is not None else "DAY"
    return {"time_partitioning": TimePartitioning(type=kind, field=column.name)}
