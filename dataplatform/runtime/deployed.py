"""How a deployed Dagster is set up: records in PostgreSQL, logs in S3, one process for each part.

The second source of a dagster.yaml, beside settings.py, which it begins with: a laptop and a
deployment differ in what is said here and in nothing else. Values that differ by deployment, and
secrets, are left to the process environment and never stand in a file.
"""

from __future__ import annotations

from typing import Any, Literal

from dataplatform.runtime.settings import instance_settings

HEADER = """\
# Compiled by `python -m dataplatform.runtime.home`: change dataplatform/runtime/deployed.py.
# What the containers of docker-compose.production.yml read from DAGSTER_HOME.
"""

WORKSPACE_HEADER = """\
# Compiled by `python -m dataplatform.runtime.home`: change dataplatform/runtime/deployed.py.
# Where the web server and the daemon find the code: in a server of its own.
"""

#: What the process environment must hold, in every part.
VARIABLES = (
    "DAGSTER_POSTGRES_HOST",
    "DAGSTER_POSTGRES_PORT",
    "DAGSTER_POSTGRES_USER",
    "DAGSTER_POSTGRES_PASSWORD",
    "DAGSTER_POSTGRES_DB",
    "DAGSTER_LOGS_BUCKET",
    "DAGSTER_LOGS_ENDPOINT",
    "DAGSTER_LOGS_REGION",
)

#: How many runs go on at once, and how many of them are backfills.
RUNS_AT_ONCE = 10
BACKFILLS_AT_ONCE = 3
LONGEST_RUN_SECONDS = 24 * 3600
BACKFILL_TAG = "dagster/backfill"

CODE_PORT = 4000


def deployed_settings(logs: Literal["s3", "files"] = "s3") -> dict[str, Any]:
    """Return the content of a deployed instance's dagster.yaml.

    Args:
        logs: where what steps print is kept; "files" for a try without an object store.
    """
    settings = instance_settings("/var/lib/dataplatform")
    for name in ("run_storage", "event_log_storage", "schedule_storage"):
        del settings[name]
    settings["storage"] = {
        "postgres": {
            "postgres_db": {
                "hostname": {"env": "DAGSTER_POSTGRES_HOST"},
                "username": {"env": "DAGSTER_POSTGRES_USER"},
                "password": {"env": "DAGSTER_POSTGRES_PASSWORD"},
                "db_name": {"env": "DAGSTER_POSTGRES_DB"},
                "port": {"env": "DAGSTER_POSTGRES_PORT"},
            }
        }
    }
    if logs == "s3":
        settings["compute_logs"] = {
            "module": "dagster_aws.s3.compute_log_manager",
            "class": "S3ComputeLogManager",
            "config": {
                "bucket": {"env": "DAGSTER_LOGS_BUCKET"},
                "prefix": "dagster-logs",
                "endpoint_url": {"env": "DAGSTER_LOGS_ENDPOINT"},
                "region": {"env": "DAGSTER_LOGS_REGION"},
                # What a run that dies has printed until then is not lost with it.
                "upload_interval": 30,
                "skip_empty_files": True,
            },
        }
    settings["run_coordinator"] = {
        "module": "dagster._core.run_coordinator.queued_run_coordinator",
        "class": "QueuedRunCoordinator",
        "config": {"dequeue_interval_seconds": 1},
    }
    # Runs live where the code does, so neither the daemon's end nor the web server's is theirs.
    settings["run_launcher"] = {
        "module": "dataplatform.runtime.location_launcher",
        "class": "LocationRunLauncher",
    }
    # One that nobody looks after, such as `dataplatform run` in a container that was taken away,
    # is not taken for alive for ever.
    settings["run_monitoring"]["max_runtime_seconds"] = LONGEST_RUN_SECONDS
    settings["concurrency"]["runs"] = {
        "max_concurrent_runs": RUNS_AT_ONCE,
        # A backfill of a year leaves room for the clocks.
        "tag_concurrency_limits": [{"key": BACKFILL_TAG, "limit": BACKFILLS_AT_ONCE}],
    }
    return settings


def deployed_workspace() -> dict[str, Any]:
    """Return the content of a deployment's workspace.yaml: one code location, over gRPC."""
    return {
        "load_from": [
            {
                "grpc_server": {
                    "host": {"env": "DAGSTER_CODE_HOST"},
                    "port": CODE_PORT,
                    "location_name": "dataplatform",
                }
            }
        ]
    }
