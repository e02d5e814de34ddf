"""The project's macros rendered for an engine without dbt's start: its Jinja, our files.

That dbt finds and dispatches them in the same way is shown wherever its models are built.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache, partial
from types import SimpleNamespace
from typing import Any

from dbt_common.clients.jinja import get_template
from dbt_common.exceptions import CompilationError
from dbt_common.exceptions.macros import MacroReturn

from dataplatform_tests.servers import REPOSITORY

FOLDER = REPOSITORY / "dbt_project" / "macros" / "portable"
_MACRO = re.compile(r"{%-? macro (\w+)\(")
_ENGINES = ("default", "duckdb", "snowflake", "bigquery")


def public_macros() -> set[str]:
    """Return the macros that a model may call: none of one engine alone, none begun by ``_``."""
    names = {name for file in FOLDER.glob("*.sql") for name in _MACRO.findall(file.read_text())}
    return {one for one in names if not one.startswith((*(f"{e}__" for e in _ENGINES), "_"))}


@cache
def _templates() -> list[Any]:
    return [get_template(file.read_text(), {}) for file in sorted(FOLDER.glob("*.sql"))]


def renderer(engine: str, variables: dict[str, Any] | None = None) -> Callable[[str], str]:
    """Return what renders Jinja with the project's macros as dbt does for an engine.

    Args:
        engine: as adapters are called: duckdb, snowflake or bigquery.
        variables: dbt's.
    """
    context: dict[str, Any] = {}

    def called(macro: Callable[..., Any], *given: Any, **named: Any) -> Any:
        try:
            return macro(*given, **named)
        except MacroReturn as returned:
            return returned.value

    def dispatch(name: str, package: str = "") -> Any:
        for prefix in (engine, "default"):
            if f"{prefix}__{name}" in context:
                return context[f"{prefix}__{name}"]
        raise CompilationError(f"{name} is not written for {engine}")

    def returns(value: Any) -> None:
        raise MacroReturn(value)

    def refuses(message: str) -> None:
        raise CompilationError(message)

    context.update(
        {
            "return": returns,
            "adapter": SimpleNamespace(dispatch=dispatch),
            "exceptions": SimpleNamespace(raise_compiler_error=refuses),
            "target": SimpleNamespace(type=engine),
            "modules": SimpleNamespace(re=re),
            "var": (variables or {}).get,
        }
    )
    for template in _templates():
        module = template.make_module(context, shared=False)
        for name, macro in vars(module).items():
            if name.startswith("dbt_macro__"):
                context[name.removeprefix("dbt_macro__")] = partial(called, macro)
    return lambda text: get_template(text, {}).render(context).strip()
