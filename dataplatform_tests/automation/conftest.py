"""An instance as the platform sets it up, a few pipelines, and runs that go as told."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from dagster import DagsterInstance

from dataplatform.declarations.pipeline import Pipeline, Retries
from dataplatform.runtime.home import open_instance


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[DagsterInstance]:
    """A fresh instance."""
    with open_instance(SimpleNamespace(state=tmp_path / ".dataplatform")) as found:  # type: ignore[arg-type]
        yield found


def pipeline(
    name: str = "daily",
    selection: str = "*",
    retries: int = 1,
    delay: int = 5,
    notify: tuple[str, ...] = ("team@example.com", "webhook"),
    cron: str | None = "0 6 * * *",
) -> Pipeline:
    """Return a declared pipeline."""
    return Pipeline(
        name=name,
        file=Path(f"config/pipelines/{name}.yml"),
        description="What the morning needs.",
        selection=selection,
        cron=cron,
        timezone="Europe/Berlin",
        retries=Retries(max=retries, delay_minutes=delay),
        notify=list(notify),
        owner="team:data",
    )
