"""A real `dagster dev` in a folder, and questions to it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from dataplatform.runtime.settings import HOME, instance_settings
from dataplatform_tests.child_server import free_port

PACKAGE = Path(__file__).parents[2]
LAUNCH = """
mutation($job: String!) {
  launchRun(executionParams: {
    selector: {repositoryLocationName: "dataplatform", repositoryName: "__repository__",
               jobName: $job}
    mode: "default"
  }) { __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } }
}"""
STOP = """
mutation($run: String!) {
  terminateRun(runId: $run) { __typename ... on TerminateRunFailure { message } }
}"""


class Server:
    """One `dagster dev`, and questions to it."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        environment = {
            **os.environ,
            "PYTHONPATH": f"{PACKAGE}{os.pathsep}{folder}",
            "DAGSTER_DISABLE_TELEMETRY": "1",
        }
        environment.pop("DAGSTER_HOME", None)
        command = str(Path(sys.executable).parent / "dagster")
        self.log = folder / "dev.log"
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [command, "dev", "--host", "127.0.0.1", "--port", str(self.port)],
                cwd=folder,
                env=environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                # A shell that started the tests in its background has them ignore interrupts, and
                # Dagster would inherit that and never stop.
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
            )

    def wait_until_warm(self) -> None:
        self.until(lambda: self.up() and bool(self.workers()), 120)
        # Everything imported: the worker goes to sleep in its wait for work.
        time.sleep(6)

    def up(self) -> bool:
        url = f"http://127.0.0.1:{self.port}/server_info"
        with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=5):
            return True
        return False

    def ask(self, query: str, **variables: Any) -> Any:
        body = json.dumps({"query": query, "variables": variables}).encode()
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/graphql", body, {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)["data"]

    def launch(self, job: str) -> str:
        return str(self.ask(LAUNCH, job=job)["launchRun"]["run"]["runId"])

    def workers(self) -> list[int]:
        """Return the warm processes below this server."""
        found = []
        for stat in Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):
                words = stat.read_bytes().split(b"\0")
                if b"dataplatform.runtime.worker" in words and self._below(int(stat.parent.name)):
                    found.append(int(stat.parent.name))
        return found

    def _below(self, pid: int) -> bool:
        while pid > 1:
            if pid == self.process.pid:
                return True
            stat = Path(f"/proc/{pid}/stat").read_text()
            pid = int(stat.rpartition(")")[2].split()[1])
        return False

    def until(self, true: Callable[[], Any], seconds: float) -> Any:
        deadline = time.monotonic() + seconds
        while True:
            with contextlib.suppress(OSError):
                if found := true():
                    return found
            assert self.process.poll() is None, self.log.read_text()[-3000:]
            assert time.monotonic() < deadline, self.log.read_text()[-3000:]
            time.sleep(0.1)

    def stop(self) -> None:
        self.process.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(60)
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


def prepare_folder(folder: Path, module: str) -> None:
    """Write what a bare `dagster dev` reads, with a module of the folder as the graph."""
    settings = instance_settings(HOME)
    settings["run_launcher"]["config"]["preload"] = [module]
    (folder / "dagster.yaml").write_text(yaml.safe_dump(settings))
    (folder / "workspace.yaml").write_text(
        f"load_from: [{{python_module: {{module_name: {module}, attribute: defs, "
        "working_directory: ., location_name: dataplatform}}]"
    )
