"""The run queue: Dagster's own, looked at more often, and a good start for its daemon.

Which run may start is decided by Dagster; what starts it is launcher.py.
"""

from __future__ import annotations

import logging

from dagster._core.run_coordinator.queued_run_coordinator import QueuedRunCoordinator


class QuickRunCoordinator(QueuedRunCoordinator):
    """A queue whose daemon polls every half second."""

    @property
    def dequeue_interval_seconds(self) -> float:  # type: ignore[override]
        # Dagster's daemon asks this once, when it starts, and nobody else does: the moment to
        # bury the runs that died with the last daemon, and to warm a worker for the next.
        self._greet_daemon()
        return 0.25

    def _greet_daemon(self) -> None:
        from dataplatform.runtime.launcher import WarmRunLauncher
        from dataplatform.runtime.recovery import recover

        if not self.has_instance:
            return
        try:
            for run_id in recover(self._instance):
                logging.getLogger("dagster").warning(
                    "Run %s is marked failed: its process is gone.", run_id
                )
            launcher = self._instance.run_launcher
            if isinstance(launcher, WarmRunLauncher):
                launcher.warm()
        except Exception:
            # A daemon without this still works, if slower.
            logging.getLogger("dagster").exception("The daemon could not prepare its worker.")
