"""Steps over many tables, made with one description of an output for all of them.

What Dagster's decorators make anew for each table (the type, metadata and description of an
output) is the same for every table or stands in its asset anyway. A step that is made here is the
one that ``multi_asset`` or ``multi_asset_check`` would make, in half the time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from dagster import (
    AssetChecksDefinition,
    AssetCheckSpec,
    AssetKey,
    AssetsDefinition,
    AssetSpec,
    In,
    Nothing,
    Out,
    op,
)

_INPUT = In(Nothing)
#: A table that is gone from its source fails the step, not the other tables.
_TABLE = Out(Nothing, is_required=False)


def table_step(
    body: Callable[..., Any],
    *,
    name: str,
    specs: Sequence[AssetSpec],
    checks: Sequence[AssetCheckSpec],
    description: str | None,
    tags: Mapping[str, Any],
) -> AssetsDefinition:
    """Return a step that makes tables, all of them at once, and judges their checks.

    Args:
        body: the step's function, as ``multi_asset`` takes it.
        name: the step's name.
        specs: the tables, all of them skippable.
        checks: their checks.
        description: Markdown.
        tags: the step's tags.
    """
    tables = {spec.key.to_python_identifier(): spec.key for spec in specs}
    judged = {check.get_python_identifier(): check for check in checks}
    inputs = _inputs({dep.asset_key for spec in specs for dep in spec.deps} - {*tables.values()})
    verdict = Out(None)
    return AssetsDefinition(
        keys_by_input_name=inputs,
        keys_by_output_name=tables,
        node_def=op(
            name=name,
            description=description,
            config_schema={},
            ins=dict.fromkeys(inputs, _INPUT),
            out=dict.fromkeys(tables, _TABLE) | dict.fromkeys(judged, verdict),
            tags=tags,
        )(body),
        specs=specs,
        check_specs_by_output_name=judged,
    )


def check_step(
    body: Callable[..., Any], *, name: str, checks: Sequence[AssetCheckSpec], description: str
) -> AssetChecksDefinition:
    """Return a step that judges checks of tables, any of them that are asked for.

    Args:
        body: the step's function, as ``multi_asset_check`` takes it.
        name: the step's name.
        checks: what it judges.
        description: Markdown.
    """
    judged = {check.get_python_identifier(): check for check in checks}
    inputs = _inputs({check.asset_key for check in checks})
    return AssetChecksDefinition.create(
        keys_by_input_name=inputs,
        node_def=op(
            name=name,
            description=description,
            config_schema={},
            ins=dict.fromkeys(inputs, _INPUT),
            out=dict.fromkeys(judged, Out(None, is_required=False)),
        )(body),
        check_specs_by_output_name=judged,
        can_subset=True,
    )


def _inputs(keys: set[AssetKey]) -> dict[str, AssetKey]:
    return {key.to_python_identifier(): key for key in sorted(keys)}
