"""A custom rule of a contract as a check: a Great Expectations expectation in the standard's form.

Reads the rule's implementation and decides who evaluates it: our scan, where the expectation can be
said in the neutral specification, or Great Expectations itself. What an expectation means is
``gx_rules``' business; the standard's own rules are ``odcs_rules``'.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from dataplatform.checks.gx_rules import translate
from dataplatform.checks.spec import GX, SCAN, Check, safe_name
from dataplatform.checks.threshold import Threshold

_ENGINES = {"greatexpectations", "great-expectations", "great_expectations", "gx"}


def custom_check(
    spec: Mapping[str, Any],
    column: str | None,
    declared: Callable[[Any], str],
    common: Mapping[str, Any],
) -> Check:
    """Compile a custom rule.

    Args:
        spec: the rule as the file says it.
        column: the column that it stands under, or None.
        declared: gives a declared column's name, and refuses another.
        common: what every check of the contract is given.

    Raises:
        ValueError: the rule cannot be understood.
    """
    engine = str(spec.get("engine") or "").lower()
    if engine not in _ENGINES:
        raise ValueError(f"the engine {spec.get('engine')!r} is not known; use 'greatExpectations'")
    kind, kwargs = _expectation(spec.get("implementation"))
    if column is not None and kind.startswith("expect_column_") and "column_A" not in kwargs:
        kwargs.setdefault("column", column)
    for argument in ("column", "column_A", "column_B"):
        if argument in kwargs and not isinstance(kwargs[argument], Mapping):
            kwargs[argument] = declared(kwargs[argument])
    if "column_list" in kwargs:
        kwargs["column_list"] = [declared(name) for name in kwargs["column_list"]]
    columns = tuple(
        kwargs[name] for name in ("column", "column_A", "column_B") if name in kwargs
    ) or tuple(kwargs.get("column_list", ()))
    name = spec.get("name") or spec.get("id") or "_".join((*columns, kind.removeprefix("expect_")))
    expectation = {"type": kind, "kwargs": kwargs}
    neutral = translate(kind, kwargs)
    if neutral is None:
        return Check(
            name=safe_name(str(name)),
            metric="expectation",
            threshold=Threshold("eq", True),
            columns=columns,
            engine=GX,
            expectation=expectation,
            **common,
        )
    return Check(
        name=safe_name(str(name)),
        metric=neutral.metric,
        threshold=neutral.threshold,
        columns=neutral.columns,
        arguments=neutral.arguments,
        filter=neutral.filter,
        engine=SCAN,
        expectation=expectation,
        **common,
    )


def _expectation(implementation: Any) -> tuple[str, dict[str, Any]]:
    """Read a custom rule's implementation: a mapping, or the same as YAML or JSON text."""
    if isinstance(implementation, str):
        from ruamel.yaml import YAML, YAMLError

        try:
            implementation = YAML(typ="safe").load(implementation)
        except YAMLError as error:
            raise ValueError("its implementation cannot be read as YAML or JSON") from error
    if not isinstance(implementation, Mapping):
        raise ValueError("its implementation must give 'type' and 'kwargs' of an expectation")
    kind = implementation.get("type") or implementation.get("expectation_type")
    if not isinstance(kind, str) or not kind:
        raise ValueError("its implementation needs the expectation's 'type'")
    kwargs = implementation.get("kwargs") or {}
    if not isinstance(kwargs, Mapping):
        raise ValueError("'kwargs' of its implementation must be a mapping")
    # A plain copy: what YAML hands over remembers its file.
    plain = json.loads(json.dumps(dict(kwargs), default=str))
    return _snake(kind), plain


def _snake(kind: str) -> str:
    """GX accepts class names as well as snake case; one spelling is enough for us."""
    if "_" in kind:
        return kind
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in kind).strip(
        "_"
    )
