"""Steps over many tables, made with one description of an output for all of them.

What Dagster's decorators make anew for each table (the type, metadata and description of an
output) is the same for every table or stands in its asset anyway. A step that is made here is the
one that ``multi_asset`` or ``multi_asset_check`` would make, in a third of the time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import copy
from functools import lru_cache
from inspect import signature
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
    ResourceDefinition,
    op,
)
from dagster._core.definitions.output import OutputDefinition
from dagster._core.definitions.resource_requirement import (
    OutputManagerRequirement,
    ResourceRequirement,
    merge_resource_defs,
)


class _NamedOutput(OutputDefinition):
    """An output that differs from another in its name alone, so that no type is resolved anew."""

    def __init__(self, name: str, like: OutputDefinition) -> None:
        self.__dict__.update(like.__dict__, _name=name)


class _SharedOut(Out):
    """What many outputs of a step have alike."""

    def to_definition(
        self,
        annotation_type: type,
        name: str | None,
        description: str | None,
        code_version: str | None,
    ) -> OutputDefinition:
        """Return the output of a name; the body's annotation says nothing about it."""
        return _NamedOutput(name or "result", _described(self))


@lru_cache
def _described(out: Out) -> OutputDefinition:
    return OutputDefinition(out.dagster_type, is_required=out.is_required)


class _AsItStands(AssetsDefinition):
    """A step that is given resources as it stands; Dagster's own is made anew for that."""

    def with_resources(self, resource_defs: Mapping[str, ResourceDefinition]) -> AssetsDefinition:
        """Return the same step with those of the resources that it requires."""
        given = copy(self)
        given._resource_defs = merge_resource_defs(self.resource_defs, resource_defs, self)
        return given

    def get_resource_requirements(self) -> Iterator[ResourceRequirement]:
        """Return what the body needs and its first output: all outputs are stored alike."""
        for requirement in super().get_resource_requirements():
            yield requirement
            if isinstance(requirement, OutputManagerRequirement):
                break
        for key, resource in self.resource_defs.items():
            yield from resource.get_resource_requirements(source_key=key)


class _TableStep(_AsItStands):
    """Makes tables."""


class _CheckStep(_AsItStands, AssetChecksDefinition):
    """Judges tables that other steps make."""


_INPUT = In(Nothing)
#: A table that is gone from its source fails the step, not the other tables.
_TABLE = _SharedOut(Nothing, is_required=False)
_VERDICT = _SharedOut(None)
_ASKED_FOR = _SharedOut(None, is_required=False)


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
    # Dagster looks at a body's parameters a dozen times, and each time would work them out anew.
    vars(body)["__signature__"] = signature(body)
    tables = {spec.key.to_python_identifier(): spec.key for spec in specs}
    judged = {check.get_python_identifier(): check for check in checks}
    inputs = _inputs({dep.asset_key for spec in specs for dep in spec.deps} - {*tables.values()})
    return _TableStep(
        keys_by_input_name=inputs,
        keys_by_output_name=tables,
        node_def=op(
            name=name,
            description=description,
            config_schema={},
            ins=dict.fromkeys(inputs, _INPUT),
            out=dict.fromkeys(tables, _TABLE) | dict.fromkeys(judged, _VERDICT),
            tags=tags,
        )(body),
        specs=specs,
        check_specs_by_output_name=judged,
    )


#: Checks come before the models that wait for them, when steps compete for a worker; and after
#: the rules of contracts, whose scan takes the monitors' figures too.
CHECKS_FIRST = {"dagster/priority": "9"}


def check_step(
    body: Callable[..., Any],
    *,
    name: str,
    checks: Sequence[AssetCheckSpec],
    description: str,
    tags: Mapping[str, Any] = CHECKS_FIRST,
) -> AssetChecksDefinition:
    """Return a step that judges checks of tables, any of them that are asked for.

    Args:
        body: the step's function, as ``multi_asset_check`` takes it.
        name: the step's name.
        checks: what it judges.
        description: Markdown.
        tags: the step's tags.
    """
    vars(body)["__signature__"] = signature(body)
    judged = {check.get_python_identifier(): check for check in checks}
    inputs = _inputs({check.asset_key for check in checks})
    return _CheckStep(
        keys_by_input_name=inputs,
        keys_by_output_name={},
        node_def=op(
            name=name,
            description=description,
            config_schema={},
            tags=tags,
            ins=dict.fromkeys(inputs, _INPUT),
            out=dict.fromkeys(judged, _ASKED_FOR),
        )(body),
        check_specs_by_output_name=judged,
        can_subset=True,
    )


def _inputs(keys: set[AssetKey]) -> dict[str, AssetKey]:
    return {key.to_python_identifier(): key for key in sorted(keys)}
