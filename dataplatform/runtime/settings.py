"""How a Dagster instance of this platform is set up: the one source of every dagster.yaml.

Here live the settings and why each is what it is; writing them to a folder is home.py's work.
"""

from __future__ import annotations

from typing import Any

HOME = ".dataplatform/home"
"""Where an instance keeps its records, counted from the project's folder."""

HEADER = """\
# Compiled by `python -m dataplatform.runtime.home`: change dataplatform/runtime/settings.py.
# A bare `dagster dev` in this folder reads it, and so keeps its history where the project's own
# commands keep theirs. Paths count from the folder in which the command is typed.
"""


def instance_settings(base: str) -> dict[str, Any]:
    """Return the content of a dagster.yaml.

    Args:
        base: the folder of the records, as it shall stand in the file.
    """

    def stored(module: str, name: str) -> dict[str, Any]:
        return {"module": module, "class": name, "config": {"base_dir": f"{base}/records"}}

    return {
        # A run of many tables is announced in one write.
        "instance_class": {"module": "dataplatform.runtime.instance", "class": "BatchingInstance"},
        # Not the stock SQLite storages: they reconnect for every event.
        "run_storage": stored("dataplatform.runtime.records", "KeptSqliteRunStorage"),
        "event_log_storage": stored(
            "dataplatform.runtime.event_store", "KeptSqliteEventLogStorage"
        ),
        "schedule_storage": stored("dataplatform.runtime.records", "KeptSqliteScheduleStorage"),
        "local_artifact_storage": {
            "module": "dagster._core.storage.root",
            "class": "LocalArtifactStorage",
            "config": {"base_dir": base},
        },
        "compute_logs": {
            "module": "dataplatform.runtime.compute_logs",
            "class": "FileComputeLogManager",
            "config": {"base_dir": f"{base}/compute_logs"},
        },
        # A queue, so that a backfill of a hundred days does not start a hundred processes, but
        # one that looks twice a second instead of every five.
        "run_coordinator": {"module": "dataplatform.runtime.queue", "class": "QuickRunCoordinator"},
        "run_launcher": {
            "module": "dataplatform.runtime.launcher",
            "class": "WarmRunLauncher",
            "config": {"preload": ["dataplatform.definitions", "dataplatform.transform.warm"]},
        },
        "concurrency": {
            "runs": {"max_concurrent_runs": 4},
            # Courtesy only: the lock beside the warehouse file is what protects it.
            "pools": {"default_limit": 1, "granularity": "op"},
        },
        "run_monitoring": {
            "enabled": True,
            "poll_interval_seconds": 10,
            "start_timeout_seconds": 300,
            "cancel_timeout_seconds": 60,
            "max_resume_run_attempts": 0,
            "free_slots_after_run_end_seconds": 10,
        },
        # Dagster's own retries know no delay; the sensor delayed_retries is ours.
        "run_retries": {"enabled": False},
        "schedules": {"use_threads": True, "num_workers": 4},
        "sensors": {"use_threads": True, "num_workers": 4},
        "freshness": {"enabled": True},
        "retention": {
            "schedule": {"purge_after_days": 90},
            "sensor": {
                "purge_after_days": {"skipped": 1, "success": 30, "failure": 30, "started": 1}
            },
            "auto_materialize": {
                "purge_after_days": {"skipped": 1, "success": 30, "failure": 30, "started": 1}
            },
        },
        "telemetry": {"enabled": False},
        "nux": {"enabled": False},
    }
