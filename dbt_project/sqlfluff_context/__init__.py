"""What dbt gives to Jinja and a linter must stand in for, so that linting needs no warehouse.

Here lives only what the project's own macros ask for; the macros themselves are loaded as they are.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import yaml

_PROJECT = Path(__file__).resolve().parents[1] / "dbt_project.yml"
_VARIABLES = yaml.safe_load(_PROJECT.read_text())["vars"]


def _dispatch(name: str, package: str | None = None) -> Callable[..., str]:
    """Stand for the warehouse's own variant of a macro: any function of its first argument."""
    return lambda expression, *_: f"{name}({expression})"


def ref(name: str) -> str:
    return name


def source(schema: str, table: str) -> str:
    return f"{schema}.{table}"


def var(name: str, default: Any = None) -> Any:
    return _VARIABLES.get(name, default)


def is_incremental() -> bool:
    # The longer branch is the one worth linting.
    return True


def should_full_refresh() -> bool:
    return False


adapter = SimpleNamespace(dispatch=_dispatch)
target = SimpleNamespace(type="duckdb", schema="staging", name="duckdb")
flags = SimpleNamespace(FULL_REFRESH=False, WHICH="build")
this = "this_model"
execute = False
