"""How the steps of a run follow each other: in one process, each as soon as its inputs are there.

A step that fails at its end has already handed over what it did build, so the steps below, which
gate themselves asset by asset, publish and export the good tables in the same run.
"""

from __future__ import annotations

from dagster import ExecutorDefinition, in_process_executor

EXECUTOR: ExecutorDefinition = in_process_executor.configured(
    {"step_dependency_config": {"require_upstream_step_success": False}}, name="in_process"
)

#: Op tag: a module that is slow to import and that the step cannot do without. A process that does
#: a whole run imports it while earlier steps wait for servers.
NEEDS = "dataplatform/needs"
