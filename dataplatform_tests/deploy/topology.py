"""The deployed platform as plain processes: web server, daemon and code location, apart.

They share PostgreSQL and an object store, both real servers, and each can be killed by itself.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from dagster import DagsterInstance

from dataplatform.declarations.project import Project
from dataplatform.runtime.deployed import deployed_settings, deployed_workspace
from dataplatform_tests.child_server import free_port
from dataplatform_tests.runtime.dev_server import LAUNCH, PACKAGE
from dataplatform_tests.servers import Servers

LOGS = "logs"
_PROGRAMS = Path(sys.executable).parent
HOST = "127.0.0.1"


class Topology:
    """The parts of one deployment, each a process group of its own.

    Args:
        folder: where the parts run, with the module of the graph in it.
        variables: of the parts' process environment, besides this process' own.
        module: the graph.
        project: whose servers hold the records and the logs.
    """

    def __init__(
        self, folder: Path, variables: dict[str, str], module: str, project: Project
    ) -> None:
        self.folder = folder
        self.project = project
        self.code_port, self.web_port = free_port(), free_port()
        self.home = folder / "dagster-home"
        self.home.mkdir()
        settings = deployed_settings()
        # As deployed, but that what is dead is found in seconds.
        settings["run_monitoring"]["poll_interval_seconds"] = 1
        settings["run_monitoring"]["free_slots_after_run_end_seconds"] = 1
        settings["local_artifact_storage"]["config"]["base_dir"] = str(self.home)
        (self.home / "dagster.yaml").write_text(yaml.safe_dump(settings))
        workspace = deployed_workspace()
        workspace["load_from"][0]["grpc_server"]["port"] = self.code_port
        (folder / "workspace.yaml").write_text(yaml.safe_dump(workspace))
        self.variables = {
            **os.environ,
            "PYTHONPATH": f"{PACKAGE}{os.pathsep}{folder}",
            "PYTHONWARNINGS": "ignore",
            "DAGSTER_HOME": str(self.home),
            "DAGSTER_CODE_HOST": HOST,
            **variables,
        }
        at = ["-w", str(folder / "workspace.yaml")]
        self.commands = {
            "code": [
                *("dagster", "api", "grpc", "-h", HOST, "-p", str(self.code_port)),
                *("-m", module, "-a", "defs", "--location-name", "dataplatform"),
            ],
            "web": ["dagster-webserver", "-h", HOST, "-p", str(self.web_port), *at],
            "daemon": ["dagster-daemon", "run", *at],
        }
        self.running: dict[str, subprocess.Popen[bytes]] = {}

    def migrate(self) -> None:
        """Make the tables of the records, or bring them up to date, as a deployment does first."""
        done = subprocess.run(
            [str(_PROGRAMS / "dagster"), "instance", "migrate"],
            env=self.variables,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr

    def start(self, *parts: str) -> None:
        for part in parts:
            program, *arguments = self.commands[part]
            with (self.folder / f"{part}.log").open("ab") as log:
                self.running[part] = subprocess.Popen(
                    [str(_PROGRAMS / program), *arguments],
                    cwd=self.folder,
                    env=self.variables,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                    # A background shell's children ignore interrupts, and would pass that on.
                    preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
                )

    def kill(self, part: str) -> None:
        """End a part as the end of its container does: all of its processes, at once."""
        process = self.running.pop(part)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(30)

    def stop(self, part: str, seconds: float) -> int:
        """Ask a part to end, as the stop of its container does, and return its exit code."""
        process = self.running.pop(part)
        process.terminate()
        try:
            return process.wait(seconds)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)

    def ready(self) -> None:
        """Wait until the web server has the graph and the daemon beats."""
        query = "{workspaceOrError{... on Workspace{locationEntries{loadStatus "
        query += "locationOrLoadError{__typename}}}} instance{daemonHealth{allDaemonStatuses"
        query += "{daemonType healthy required}}}}"

        def good() -> bool:
            found = self.ask(query)
            (entry,) = found["workspaceOrError"]["locationEntries"]
            return bool(
                (entry["locationOrLoadError"] or {}).get("__typename") == "RepositoryLocation"
            )

        self.until(good, 90)

    def ask(self, query: str, **variables: Any) -> Any:
        body = json.dumps({"query": query, "variables": variables}).encode()
        request = urllib.request.Request(
            f"http://{HOST}:{self.web_port}/graphql", body, {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)["data"]

    def launch(self, job: str) -> str:
        """Launch a job; one who finds the code location starting anew asks again."""
        return str(self.until(lambda: self._try_to_launch(job), 60))

    def _try_to_launch(self, job: str) -> str | None:
        try:
            found = self.ask(LAUNCH, job=job)["launchRun"]
        except urllib.error.HTTPError as error:
            said = error.read().decode()
            assert "Could not reach user code server" in said, said
            return None
        if found["__typename"] == "PipelineNotFoundError":
            # The web server is just reading the graph of the new server.
            return None
        assert "run" in found, found
        return str(found["run"]["runId"])

    def until(self, true: Callable[[], Any], seconds: float) -> Any:
        deadline = time.monotonic() + seconds
        while True:
            with contextlib.suppress(OSError):
                if found := true():
                    return found
            assert time.monotonic() < deadline, self.logs()
            time.sleep(0.1)

    def logs(self) -> str:
        return "\n".join(
            f"== {file.name}\n{file.read_text(errors='replace')[-3000:]}"
            for file in sorted(self.folder.glob("*.log"))
        )

    @contextmanager
    def instance(self) -> Iterator[DagsterInstance]:
        """Open the records as the parts do."""
        kept = {name: os.environ.get(name) for name in self.variables}
        os.environ.update(self.variables)
        try:
            with DagsterInstance.from_config(str(self.home)) as found:
                yield found
        finally:
            for name, value in kept.items():
                if value is None:
                    os.environ.pop(name, None)
                else:
                    os.environ[name] = value

    def end(self) -> None:
        for part in list(self.running):
            self.kill(part)


def variables_of(servers: Servers, database: str) -> dict[str, str]:
    """Return what a deployment's process environment must hold, for these local servers."""
    records, store = servers.services["postgres"], servers.services["object_store"]
    return {
        "DAGSTER_POSTGRES_HOST": records["host"],
        "DAGSTER_POSTGRES_PORT": str(records["port"]),
        "DAGSTER_POSTGRES_USER": records["user"],
        "DAGSTER_POSTGRES_PASSWORD": records["password"],
        "DAGSTER_POSTGRES_DB": database,
        "DAGSTER_LOGS_BUCKET": LOGS,
        "DAGSTER_LOGS_ENDPOINT": store["endpoint"],
        "DAGSTER_LOGS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": store["access_key"],
        "AWS_SECRET_ACCESS_KEY": store["secret_key"],
    }
