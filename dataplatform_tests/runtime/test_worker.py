"""What the warm process has ready for its forks."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest
from dagster import Definitions, JobDefinition, asset, define_asset_job

from dataplatform.runtime.worker import _resolve_jobs


@asset
def table() -> None: ...


def test_a_run_finds_its_job_built(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("graph")
    module.defs = Definitions(  # type: ignore[attr-defined]
        assets=[table], jobs=[define_asset_job(name, "*") for name in ("one", "two")]
    )
    built: list[str] = []
    make = JobDefinition.__init__

    def counted(self: JobDefinition, **arguments: Any) -> None:
        make(self, **arguments)
        built.append(self.name)

    monkeypatch.setattr(JobDefinition, "__init__", counted)
    _resolve_jobs(module)
    assert {"one", "two"} <= set(built)
    built.clear()
    assert module.defs.get_repository_def().get_job("two").name == "two"
    assert not built


def test_a_module_without_a_graph_is_left_alone() -> None:
    module = ModuleType("plain")
    module.defs = {"no": "graph"}  # type: ignore[attr-defined]
    _resolve_jobs(module)
    assert module.defs == {"no": "graph"}
