"""What a worker does: one run, in its own process, from the first event to the last.

It is forked by worker.py, which has imported the run's code already, or not, if it failed to.
"""

from __future__ import annotations

import os

from dagster import DagsterInstance
from dagster._core.definitions.reconstruct import ReconstructableJob
from dagster._core.events import EngineEventData
from dagster._core.instance.ref import InstanceRef
from dagster._core.origin import JobPythonOrigin
from dagster._core.storage.dagster_run import DagsterRun
from dagster._grpc.impl import core_execute_run
from dagster._serdes import deserialize_value
from dagster._utils.hosted_user_process import recon_job_from_origin
from dagster._utils.interrupts import capture_interrupts

from dataplatform.runtime.process import PROCESS_TAG, mark_of
from dataplatform.runtime.recovery import recover


def do_run(run_id: str, instance_ref: str) -> None:
    """Do a run that was created and launched elsewhere.

    Args:
        run_id: the run.
        instance_ref: Dagster's serialised reference to the instance that holds it.
    """
    with (
        capture_interrupts(),
        DagsterInstance.from_ref(deserialize_value(instance_ref, InstanceRef)) as instance,
    ):
        run = instance.get_run_by_id(run_id)
        if run is None or run.is_finished:
            return
        mark = mark_of()
        if mark is not None:
            # The launcher writes the same; whoever is first, the run is never without.
            instance.add_run_tags(run_id, {PROCESS_TAG: mark.tag(run_id)})
        pid = os.getpid()
        instance.report_engine_event(
            f"Started a warm worker for the run (pid: {pid}).",
            run,
            EngineEventData.in_process(pid),
        )
        for _event in core_execute_run(_job_of(run), run, instance, inject_env_vars=False):
            pass


def report_dead(run_id: str, instance_ref: str) -> None:
    """Mark a run failed whose worker ended without ending it."""
    with DagsterInstance.from_ref(deserialize_value(instance_ref, InstanceRef)) as instance:
        recover(instance, [run_id])


def _job_of(run: DagsterRun) -> ReconstructableJob:
    origin = run.job_code_origin
    if not isinstance(origin, JobPythonOrigin):
        raise ValueError(f"The run {run.run_id} does not say which code it runs.")
    return recon_job_from_origin(origin)
