"""Starts runs in the code location's server, and knows when that server has lost them.

Dagster's own launcher starts a run there and never looks again: a run whose server was killed
stays started for ever, and keeps its pool's slots. Which process a run is, is not asked here: the
daemon and the code location may be containers with process numbers of their own.
"""

from __future__ import annotations

import time
from typing import Any

from dagster import DagsterRun
from dagster._core.launcher.base import CheckRunHealthResult, WorkerStatus
from dagster._core.launcher.default_run_launcher import DefaultRunLauncher
from dagster._serdes import ConfigurableClassData, deserialize_value

UNREACHABLE_SECONDS = 120
"""How long a server may not answer before its runs count as lost: it may be starting anew."""


class LocationRunLauncher(DefaultRunLauncher):
    """The run launcher that a deployed dagster.yaml names."""

    def __init__(self, inst_data: ConfigurableClassData | None = None) -> None:
        super().__init__(inst_data)
        self._silent_since: dict[str, float] = {}

    @property
    def supports_check_run_worker_health(self) -> bool:
        return True

    def check_run_worker_health(self, run: DagsterRun) -> CheckRunHealthResult:
        """Return whether the server that a run was started in still does it."""
        client = self._get_grpc_client_for_termination(run.run_id)
        if client is None:
            # It ended meanwhile, or another launcher's it was.
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        try:
            alive = _is_there(client, run.run_id)
        except Exception as error:
            return self._silence(run, error)
        self._silent_since.pop(run.run_id, None)
        if alive:
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        return CheckRunHealthResult(
            WorkerStatus.FAILED, "The code location's server was started anew and has lost the run."
        )

    def _silence(self, run: DagsterRun, error: Exception) -> CheckRunHealthResult:
        """Judge a run whose server does not answer: lost only when that has lasted."""
        since = self._silent_since.setdefault(run.run_id, time.monotonic())
        if time.monotonic() - since < UNREACHABLE_SECONDS:
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        del self._silent_since[run.run_id]
        return CheckRunHealthResult(
            WorkerStatus.FAILED,
            f"The code location's server has not answered for {UNREACHABLE_SECONDS} s: {error}",
        )


def _is_there(client: Any, run_id: str) -> bool:
    from dagster._grpc.types import CanCancelExecutionRequest, CanCancelExecutionResult

    answer = client.can_cancel_execution(CanCancelExecutionRequest(run_id=run_id), timeout=10)
    return bool(deserialize_value(answer, CanCancelExecutionResult).can_cancel)
