"""What would make the dearest models cheaper, from what was seen of them.

Each piece of advice names the figures that it rests on. Whether it is worth the work is for people.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dataplatform.cost.snowflake_history import SIZES
from dataplatform.cost.usage import Ledger, Spent, Usage, bytes_told, seconds_told

if TYPE_CHECKING:
    from dataplatform.declarations.dbt_graph import DbtGraph

DEAREST = 10
#: A whole rebuild is worth avoiding from so long and so often on.
_LONG_SECONDS, _OFTEN = 10.0, 7
_LONG_BYTES = 10e9
#: A scan of nearly all of so many partitions is one that clustering would spare.
_MOST, _MANY_PARTITIONS = 0.8, 1000
#: Queries so short leave a large warehouse idle.
_SHORT_SECONDS = 5.0


@dataclass(frozen=True)
class Model:
    """What advice needs to know of a model.

    Attributes:
        materialized: dbt's word, such as ``table`` or ``incremental``.
        readers: the models, marts and exposures that read it.
        published: whether consumers read it.
        by_day: whether it is rebuilt by day.
    """

    materialized: str
    readers: int
    published: bool
    by_day: bool


def models_of(graph: DbtGraph) -> dict[str, Model]:
    """Return what advice needs to know of each model of a project, by its table.

    Args:
        graph: the parsed dbt project.
    """
    read: dict[str, int] = {}
    for node in graph.nodes:
        for parent in node.parents:
            read[parent] = read.get(parent, 0) + 1
    for exposure in graph.exposures:
        for parent in exposure.parents:
            read[parent] = read.get(parent, 0) + 1
    return {
        str(node.relation): Model(
            node.materialized,
            read.get(node.id, 0),
            node.relation.published != node.relation and node.schema == "candidate",
            node.partition is not None,
        )
        for node in graph.nodes
    }


def dearest(ledger: Ledger, models: Mapping[str, Model]) -> list[tuple[Spent, list[str]]]:
    """Return the dearest models, with advice for each.

    Args:
        ledger: what was used.
        models: what is known of the project's models.
    """
    usages: dict[str, list[Usage]] = {}
    for one in ledger.within():
        usages.setdefault(one.asset, []).append(one)
    chosen = [spent for spent in ledger.by("asset") if spent.name in models and spent.amount]
    return [
        (spent, advice(ledger, spent, models[spent.name], usages.get(spent.name, [])))
        for spent in chosen[:DEAREST]
    ]


def advice(ledger: Ledger, spent: Spent, model: Model, usages: Sequence[Usage]) -> list[str]:
    """Return what would make one model cheaper, each a sentence.

    Args:
        ledger: whose unit the amounts are in.
        spent: what the model cost.
        model: what is known of it.
        usages: its usage in the span.
    """
    if unused := _unused(model):
        # What nobody reads is not worth making cheaper.
        return [unused]
    found = [
        _incremental(ledger, spent, model),
        _clustered(usages),
        _partitioned(ledger, spent),
        _smaller(usages),
    ]
    return [sentence for sentence in found if sentence]


def _unused(model: Model) -> str:
    if model.readers or model.published:
        return ""
    return "Unused: no model, mart or exposure reads it; drop it, or say who does as an exposure."


def _incremental(ledger: Ledger, spent: Spent, model: Model) -> str:
    builds = spent.builds
    if model.materialized != "table" or model.by_day or builds < _OFTEN:
        return ""
    each = spent.seconds / builds
    read = spent.amount / builds if ledger.unit == "bytes" else 0.0
    if each < _LONG_SECONDS and read < _LONG_BYTES:
        return ""
    figure = bytes_told(read) if read >= _LONG_BYTES else seconds_told(each)
    return (
        f"Incremental: it was built whole {builds} times in {ledger.days} days, {figure} each; "
        "build only what is new."
    )


def _clustered(usages: Iterable[Usage]) -> str:
    scanned = sum(one.facts.get("partitions", 0.0) for one in usages)
    total = sum(one.facts.get("partitions_total", 0.0) for one in usages)
    if total < _MANY_PARTITIONS or scanned / total < _MOST:
        return ""
    return (
        f"Cluster: {scanned / total:.0%} of {total:,.0f} partitions were scanned; cluster what it "
        "reads by the column that it filters by."
    )


def _partitioned(ledger: Ledger, spent: Spent) -> str:
    if ledger.unit != "bytes" or not spent.stored or spent.count < _OFTEN:
        return ""
    each = spent.amount / spent.count
    if each < _LONG_BYTES or each < _MOST * spent.stored:
        return ""
    return (
        f"Partition: each of {spent.count} queries reads {bytes_told(each)} for a table of "
        f"{bytes_told(spent.stored)}; partition by day and filter by it."
    )


def _smaller(usages: Sequence[Usage]) -> str:
    sizes = {
        str(one.facts.get("size", "")): str(one.facts.get("warehouse", ""))
        for one in usages
        if one.facts.get("size") in SIZES
    }
    if not sizes:
        return ""
    largest = max(sizes, key=SIZES.index)
    count = sum(one.count for one in usages)
    each = sum(one.seconds for one in usages) / count if count else 0.0
    spilled = sum(one.facts.get("spilled", 0.0) for one in usages)
    if SIZES.index(largest) < SIZES.index("Medium") or each >= _SHORT_SECONDS or spilled:
        return ""
    return (
        f"Smaller warehouse: {count} queries of {each:.1f} s on {sizes[largest]} ({largest}), "
        "and none ran out of memory."
    )
