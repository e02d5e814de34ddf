"""One dbt invocation in this process, told as it happens.

Knows dbt and nothing of Dagster: takes the ids to build and the variables, yields what dbt reports.
The parsed manifest comes from the cache of ``declarations.dbt_project``, so nothing is parsed here.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dataplatform.declarations.errors import UserError
from dataplatform.transform.processor_time import Shares

_CHOSEN = "dataplatform_chosen_for_this_run"
_preloaded: dict[Path, Any] = {}


@dataclass(frozen=True)
class NodeDone:
    """A node that dbt is done with.

    ``status`` is dbt's: success, error, skipped, pass, warn, fail. ``computed`` is how many
    seconds this process computed for it, which is little where the warehouse is elsewhere.
    """

    id: str
    status: str
    message: str
    seconds: float
    failures: int | None = None
    computed: float = 0.0


@dataclass(frozen=True)
class Said:
    """A line that a model or test logged."""

    text: str


@dataclass(frozen=True)
class Invocation:
    """What one dbt command is given."""

    project: Path
    profiles: Path
    target: str
    target_path: Path
    log_path: Path
    chosen: Collection[str]
    full_refresh: Collection[str] = ()
    variables: Mapping[str, str] | None = None
    threads: int | None = None

    def arguments(self) -> list[str]:
        """Return dbt's command line."""
        command = [
            *("--no-use-colors", "--no-send-anonymous-usage-stats", "--no-write-json"),
            *("--log-level", "none", "--log-level-file", "none"),
            *("--log-path", str(self.log_path), "build"),
            *("--project-dir", str(self.project), "--profiles-dir", str(self.profiles)),
            *("--target", self.target, "--target-path", str(self.target_path)),
            *("--select", f"tag:{_CHOSEN}", "--indirect-selection", "empty"),
        ]
        if self.variables:
            import json

            command += ["--vars", json.dumps(dict(self.variables))]
        if self.threads:
            command += ["--threads", str(self.threads)]
        return command


def preload(manifest: Path) -> None:
    """Read a parsed manifest ahead of its run, so that a worker forked from here has it."""
    _preloaded[manifest] = _read(manifest)


def _read(path: Path) -> Any:
    from dbt.contracts.graph.manifest import Manifest

    manifest = Manifest.from_msgpack(path.read_bytes())
    manifest.build_flat_graph()
    return manifest


def _take(path: Path) -> Any:
    # A manifest is used once: dbt leaves compiled text in it.
    return _preloaded.pop(path, None) or _read(path)


def run_dbt(manifest_file: Path, invocation: Invocation) -> Iterator[NodeDone | Said | None]:
    """Run ``dbt build`` on the chosen nodes and yield what it reports, as it reports it.

    Yields None whenever nothing happened for a moment, so that the caller can use the time.

    Args:
        manifest_file: the parsed manifest, as ``parsed_manifest_file`` gives it.
        invocation: what to build and where.

    Raises:
        UserError: dbt could not start; one sentence with its reason.
    """
    from dbt.cli.main import dbtRunner

    manifest = _take(manifest_file)
    _mark(manifest, invocation)
    events: queue.SimpleQueue[NodeDone | Said | None] = queue.SimpleQueue()
    told: set[str] = set()
    outcome: list[Any] = []
    shares = Shares()

    def listen(event: Any) -> None:
        if event.info.name == "NodeStart":
            shares.began(event.data.node_info.unique_id)
        elif event.info.name == "NodeFinished":
            done = _finished(event.data, shares)
            told.add(done.id)
            events.put(done)
        elif event.info.name == "JinjaLogInfo":
            events.put(Said(event.data.msg))

    def work() -> None:
        try:
            outcome.append(
                dbtRunner(manifest=manifest, callbacks=[listen]).invoke(invocation.arguments())
            )
        finally:
            events.put(None)

    worker = threading.Thread(target=work, name="dbt", daemon=True)
    worker.start()
    try:
        yield from _drain(events, worker)
    except BaseException:
        _cancel(worker)
        raise
    finally:
        _forget_connections()
    if not outcome:
        raise UserError("dbt ended without an outcome.")
    yield from _rest(outcome[0], told)


def _drain(
    events: queue.SimpleQueue[NodeDone | Said | None], worker: threading.Thread
) -> Iterator[NodeDone | Said | None]:
    while True:
        try:
            event = events.get(timeout=0.2)
        except queue.Empty:
            if not worker.is_alive():
                return
            yield None
            continue
        if event is None:
            worker.join()
            return
        yield event


def _rest(outcome: Any, told: set[str]) -> Iterator[NodeDone]:
    """What dbt only says at its end: skipped nodes, and why it could not run at all."""
    results = getattr(outcome.result, "results", None)
    if results is None:
        if outcome.exception is not None:
            reason = " ".join(str(outcome.exception).split())
            raise UserError(f"dbt could not run: {reason}")
        return
    for result in results:
        if result.node.unique_id not in told:
            yield NodeDone(
                id=result.node.unique_id,
                status=str(result.status),
                message=" ".join((result.message or "").split()),
                seconds=result.execution_time,
                failures=result.failures,
            )


def _finished(data: Any, shares: Shares) -> NodeDone:
    result = data.run_result
    return NodeDone(
        id=data.node_info.unique_id,
        status=data.node_info.node_status,
        message=" ".join((result.message or "").split()),
        seconds=result.execution_time,
        failures=result.num_failures,
        computed=shares.ended(data.node_info.unique_id),
    )


def _mark(manifest: Any, invocation: Invocation) -> None:
    """Mark the chosen nodes, so that one selector names them however many they are."""
    chosen = set(invocation.chosen)
    for node_id, node in manifest.nodes.items():
        if node_id in chosen:
            node.tags = [*node.tags, _CHOSEN]
            node.config.tags = [*node.config.tags, _CHOSEN]
    for node_id, test in manifest.unit_tests.items():
        if node_id in chosen:
            # A unit test has no tags but those of its config.
            test.config.tags = [*test.tags, _CHOSEN]
    for node_id in invocation.full_refresh:
        manifest.nodes[node_id].config.full_refresh = True
        manifest.nodes[node_id].config._extra["full_refresh"] = True


def _forget_connections() -> None:
    # dbt-duckdb keeps the file open for the life of the process; others wait for it.
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager

    environment = DuckDBConnectionManager._ENV
    if environment is not None:
        environment.close()
        DuckDBConnectionManager._ENV = None


def _cancel(worker: threading.Thread) -> None:
    """Interrupt what dbt is doing and wait for it to let go."""
    from dbt.adapters.factory import FACTORY

    adapters: list[Any] = list(FACTORY.adapters.values())
    for adapter in adapters:
        try:
            adapter.cancel_open_connections()
        except Exception:
            continue
    worker.join(timeout=10)
