"""A connection's own schedule: when it is due, and what keeps it from running."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from dataplatform.local.fivetran.runner import Runner
from dataplatform.local.fivetran.store import Store, stamp


@pytest.fixture
def runner(tmp_path: Path) -> Runner:
    return Runner(Store(tmp_path), tmp_path)


def connection(minutes_ago: float, **more: Any) -> dict[str, Any]:
    return {
        "id": "c",
        "paused": False,
        "schedule_type": "auto",
        "setup_state": "connected",
        "sync_frequency": 60,
        "scheduled_from": stamp(datetime.now(UTC) - timedelta(days=2)),
        "succeeded_at": stamp(datetime.now(UTC) - timedelta(minutes=minutes_ago)),
        "failed_at": None,
        **more,
    }


def test_due_after_the_frequency(runner: Runner) -> None:
    assert runner.is_due(connection(61))
    assert not runner.is_due(connection(59))
    assert runner.is_due(connection(0, succeeded_at=None))


@pytest.mark.parametrize(
    "more", [{"paused": True}, {"schedule_type": "manual"}, {"setup_state": "incomplete"}]
)
def test_never_due(runner: Runner, more: dict[str, Any]) -> None:
    assert not runner.is_due(connection(600, **more))
