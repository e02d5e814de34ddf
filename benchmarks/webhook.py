"""From a commit in PostgreSQL to the raw table's materialisation in Dagster, through a webhook.

A row is committed and a sync asked for, as a busy schedule would; the service syncs and sends its
webhook, the receiver verifies it, and the sensor of a running Dagster daemon tells of it. Reported,
aiming at 5 s. How long the sync itself took is printed beside.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from dagster import AssetKey, DagsterInstance, DagsterRunStatus, RunsFilter

from dataplatform.declarations.project import Project
from dataplatform.keys import Relation, asset_key
from dataplatform.resources.defs import build_resources
from dataplatform.resources.fivetran.workspace import DeclaredWorkspace
from dataplatform.runtime.home import open_instance
from dataplatform_tests.end_to_end.company import Company, company
from dataplatform_tests.runtime.dev_server import Server

AIM_SECONDS = 5.0
LONGEST_SECONDS = 180.0
CONNECTION = "production"
KEY = asset_key(Relation("raw_postgres_public", "customers"))
_BUSY = [
    DagsterRunStatus.QUEUED, DagsterRunStatus.NOT_STARTED, DagsterRunStatus.STARTING,
    DagsterRunStatus.STARTED, DagsterRunStatus.CANCELING,
]  # fmt: skip


@contextmanager
def dagster_dev(project: Project) -> Iterator[None]:
    """Run the project's own Dagster, daemon included, until the block ends."""
    os.environ["DATAPLATFORM_PROJECT"] = str(project.root)
    server = Server(project.root)
    try:
        server.until(server.up, LONGEST_SECONDS)
        yield
    finally:
        server.stop()


def until(true: Callable[[], Any]) -> Any:
    """Wait for something to be true, and return it."""
    deadline = time.monotonic() + LONGEST_SECONDS
    while not (found := true()):
        if time.monotonic() > deadline:
            raise SystemExit(f"Nothing came within {LONGEST_SECONDS:.0f} s.")
        time.sleep(0.05)
    return found


def told_after(instance: DagsterInstance, key: AssetKey, moment: float) -> float | None:
    """Return when a materialisation later than a moment was recorded, or None."""
    event = instance.get_latest_materialization_event(key)
    return event.timestamp if event is not None and event.timestamp > moment else None


def one_round(it: Company, instance: DagsterInstance, workspace: DeclaredWorkspace) -> Any:
    """Commit a row; return seconds until it is told, and seconds that the sync took."""
    until(lambda: not instance.get_runs(RunsFilter(statuses=_BUSY), limit=1))
    # The daemon looks every few seconds; the rounds meet it at any moment.
    time.sleep(random.uniform(0.0, 5.0))
    with it.sources() as sources:
        sources.postgres.execute(
            "UPDATE customers SET phone = %s WHERE customer_id ="
            " (SELECT min(customer_id) FROM customers)",
            [f"+{time.time_ns()}"],
        )
        sources.postgres.commit()
    committed = time.time()
    workspace.get_client().start_sync(CONNECTION)
    told = until(lambda: told_after(instance, KEY, committed))
    ended = workspace.succeeded_at(CONNECTION)
    assert ended is not None
    return told - committed, ended.timestamp() - committed


def main() -> None:
    """Measure, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=float, default=0.1)
    parser.add_argument("--rounds", type=int, default=10)
    options = parser.parse_args()
    with company(options.scale) as it:
        it.command("servers", "start")
        it.command("connections", "apply")
        workspace = build_resources(it.project)["fivetran"]
        workspace.get_client().sync_and_poll(CONNECTION)
        with dagster_dev(it.project), open_instance(it.project) as instance:
            until(lambda: told_after(instance, KEY, 0.0))
            found = [one_round(it, instance, workspace) for _ in range(options.rounds)]
    seconds = [told for told, _ in found]
    syncs = [ended for _, ended in found]
    median = statistics.median(seconds)
    verdict = "within" if median <= AIM_SECONDS else "over"
    print(
        f"commit to materialisation through a webhook, scale {options.scale:g}: median "
        f"{median:.1f} s of {len(seconds)}, worst {max(seconds):.1f} s; {verdict} the aim of "
        f"{AIM_SECONDS:g} s"
    )
    print(f"  of which until the sync had ended: median {statistics.median(syncs):.1f} s")


if __name__ == "__main__":
    main()
