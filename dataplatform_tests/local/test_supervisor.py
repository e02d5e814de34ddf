"""The local servers, really started, killed, stopped and started again."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from dataplatform.declarations.errors import UserError
from dataplatform.declarations.project import open_project
from dataplatform.local import launch, ports, process, supervisor
from dataplatform.local.server import Community, Crm
from dataplatform.local.sources import demo
from dataplatform.local.sources.production_store import connect
from dataplatform_tests.servers import REPOSITORY, Servers, copy_project, running

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def own() -> Servers:
    """Every server, for tests that kill them."""
    with running() as found:
        yield found


def _condition(own: Servers) -> dict[str, str]:
    return {row.name: row.condition for row in supervisor.status(own.project)}


def test_every_server_answers_and_is_recorded(own: Servers) -> None:
    assert set(own.services) == {
        "postgres", "object_store", "crm", "community", "fivetran", "webhooks",
    }  # fmt: skip
    assert set(_condition(own).values()) == {"running"}
    for name in own.services:
        assert supervisor.log_path(own.project, name).exists()


def test_what_is_recorded_is_for_its_owner_alone(own: Servers) -> None:
    for name in ("services.json", "credentials.json"):
        mode = (own.project.state / name).stat().st_mode
        assert stat.S_IMODE(mode) == 0o600


def test_no_secret_is_on_a_command_line(own: Servers) -> None:
    import psutil

    secrets = {
        value
        for entry in own.services.values()
        for key, value in entry.items()
        if key in ("password", "secret_key", "client_secret", "api_secret", "secret")
    }
    assert len(secrets) == 6
    for entry in own.services.values():
        line = " ".join(psutil.Process(entry["pid"]).cmdline())
        assert not any(secret in line for secret in secrets)


def test_references_resolve_to_the_running_servers(own: Servers) -> None:
    environment = own.project.environment
    assert environment.resolve("${local:crm.url}") == own.services["crm"]["url"]


def test_starting_again_leaves_healthy_servers_alone(own: Servers) -> None:
    # The same processes, on the same ports.
    assert supervisor.start(own.project) == own.services


def test_two_programs_may_start_at_once(own: Servers) -> None:
    supervisor.stop(own.project, ["crm", "community"])
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(lambda _: supervisor.start(own.project), range(2))
    assert first == second
    assert set(_condition(own).values()) == {"running"}


@pytest.mark.parametrize("name", ["postgres", "object_store", "crm", "community", "fivetran"])
def test_a_killed_server_comes_back_where_it_was(own: Servers, name: str) -> None:
    before = supervisor.start(own.project)
    os.kill(before[name]["pid"], signal.SIGKILL)
    after = supervisor.start(own.project)
    assert after[name]["pid"] != before[name]["pid"]
    moving = ("pid", "started")
    for server in before:
        kept = {k: v for k, v in after[server].items() if k not in moving}
        assert kept == {k: v for k, v in before[server].items() if k not in moving}
        if server != name:
            assert after[server]["pid"] == before[server]["pid"]


def test_killed_and_stopped_servers_keep_their_data(own: Servers) -> None:
    entry = supervisor.start(own.project)["postgres"]
    with connect(entry) as connection:
        before = connection.execute("SELECT count(*) FROM orders").fetchone()
    os.kill(entry["pid"], signal.SIGKILL)
    supervisor.start(own.project)
    supervisor.stop(own.project)
    assert not (own.project.state / "services.json").exists()
    with pytest.raises(UserError, match="not running: start them with `make start`"):
        own.project.environment.resolve("${local:postgres.port}")
    entry = supervisor.start(own.project)["postgres"]
    with connect(entry) as connection:
        assert connection.execute("SELECT count(*) FROM orders").fetchone() == before
        assert connection.execute("SHOW wal_level").fetchone() == ("logical",)
    assert not demo.seed(own.project)


def test_postgres_wants_its_password(own: Servers) -> None:
    entry = supervisor.start(own.project)["postgres"]
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(
            host=entry["host"], port=entry["port"], user=entry["user"],
            password="guess", dbname="production",
        )  # fmt: skip


def test_a_silent_server_is_seen_and_replaced(own: Servers) -> None:
    services = supervisor.start(own.project)
    os.kill(services["community"]["pid"], signal.SIGSTOP)
    assert _condition(own)["community"] == "silent"
    # It cannot react to being asked, so it is killed in the end.
    process.end(
        process.Identity(services["community"]["pid"], services["community"]["started"]),
        patience=0.2,
    )
    assert supervisor.start(own.project)["community"]["pid"] != services["community"]["pid"]
    assert _condition(own)["community"] == "running"


def test_a_process_number_given_to_somebody_else_is_left_alone(own: Servers) -> None:
    services = supervisor.start(own.project)
    crm = process.Identity(services["crm"]["pid"], services["crm"]["started"])
    stranger = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        file = own.project.state / "services.json"
        recorded = json.loads(file.read_text())
        recorded["crm"]["pid"] = stranger.pid
        recorded["crm"]["started"] -= 3_600
        file.write_text(json.dumps(recorded))
        assert _condition(own)["crm"] == "stopped"
        supervisor.stop(own.project, ["crm"])
        assert stranger.poll() is None
        # The true one left its own note and was found by it.
        assert not process.is_alive(crm)
    finally:
        stranger.kill()
        stranger.wait()
    supervisor.start(own.project)


def test_servers_whose_starter_was_killed_are_found_again(own: Servers) -> None:
    services = supervisor.start(own.project)
    # As if the program had been killed before it recorded anything.
    (own.project.state / "services.json").unlink()
    again = supervisor.start(own.project)
    for name, entry in services.items():
        assert not process.is_alive(launch.identity(entry))
        assert again[name].get("url") == entry.get("url")
    (own.project.state / "services.json").unlink()
    assert set(supervisor.stop(own.project)) == set(services)
    assert not any(process.is_alive(launch.identity(entry)) for entry in again.values())


def test_a_start_that_is_killed_at_any_moment_is_mended_by_the_next() -> None:
    folder = Path(tempfile.mkdtemp(prefix="dataplatform-test-"))
    project = copy_project(folder, only=("postgres", "object_store", "community"))
    program = (
        "import sys; from pathlib import Path; from dataplatform.local import supervisor;"
        "from dataplatform.local.sources import demo;"
        "from dataplatform.declarations.project import open_project;"
        "project = open_project(Path(sys.argv[1]));"
        "supervisor.start(project); demo.seed(project)"
    )
    try:
        for seconds in (0.6, 1.0, 1.5, 2.2, 3.0):
            child = subprocess.Popen([sys.executable, "-c", program, str(folder)], cwd=REPOSITORY)
            time.sleep(seconds)
            child.kill()
            child.wait()
        services = supervisor.start(project)
        demo.seed(project)
        assert set(services) == {"postgres", "object_store", "community"}
        with connect(services["postgres"]) as connection:
            assert connection.execute("SELECT count(*) FROM orders").fetchone() == (2_000,)
    finally:
        supervisor.stop(project)
        assert not _processes_of(folder)
        shutil.rmtree(folder, ignore_errors=True)


def _processes_of(folder: Path) -> list[list[str]]:
    import psutil

    lines = [p.info["cmdline"] or [] for p in psutil.process_iter(["cmdline"])]
    return [line for line in lines if str(folder) in " ".join(line)]


def test_a_taken_port_is_refused_before_anything_starts(tmp_path: Path) -> None:
    project = copy_project(tmp_path, only=("crm", "community"))
    file = project.config / "environments" / "local.yml"
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        text = file.read_text().replace("crm: {port: auto}", f"crm: {{port: {port}}}")
        file.write_text(text)
        project = open_project(tmp_path)
        said = (
            rf"The port {port} of the local server crm is taken by another program, .*py(thon|test)"
        )
        with pytest.raises(UserError, match=said):
            supervisor.start(project)
        assert not (project.state / "services.json").exists()
    try:
        assert supervisor.start(project)["crm"]["url"].endswith(f":{port}")
    finally:
        supervisor.stop(project)


def test_an_automatic_port_that_was_taken_meanwhile_is_replaced(tmp_path: Path) -> None:
    project = copy_project(tmp_path, only=("community",))
    try:
        port = int(supervisor.start(project)["community"]["url"].rsplit(":", 1)[1])
        supervisor.stop(project)
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", port))
            taken.listen()
            other = supervisor.start(project)["community"]["url"]
            assert not other.endswith(f":{port}")
    finally:
        supervisor.stop(project)


def test_a_server_that_does_not_start_says_why_and_the_others_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = copy_project(tmp_path, only=("crm", "community"))
    monkeypatch.setattr(Crm, "module", "dataplatform.local.no_such_module")
    monkeypatch.setattr(launch, "ATTEMPTS", 1)
    try:
        with pytest.raises(UserError, match=r"crm did not start.*No module named .*crm\.log"):
            supervisor.start(project)
        assert list(json.loads((project.state / "services.json").read_text())) == ["community"]
        monkeypatch.undo()
        assert set(supervisor.start(project)) == {"crm", "community"}
    finally:
        supervisor.stop(project)


def test_a_server_that_never_answers_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = copy_project(tmp_path, only=("community",))
    monkeypatch.setattr(Community, "patience", 1.0)
    monkeypatch.setattr(
        Community, "command", lambda self: [sys.executable, "-c", "import time; time.sleep(99)"]
    )
    with pytest.raises(UserError, match="community did not start"):
        supervisor.start(project)
    assert not (project.state / "services.json").exists()


def test_a_damaged_record_is_one_sentence(tmp_path: Path) -> None:
    project = copy_project(tmp_path, only=("community",))
    project.state.mkdir()
    (project.state / "services.json").write_text("{")
    with pytest.raises(UserError, match=r"services\.json is damaged .* run `make start`"):
        supervisor.start(project)


def test_projects_that_start_at_once_choose_different_ports(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ports.random, "SystemRandom", lambda: random.Random(4))
    assert len({ports.pick(set()) for _ in range(10)}) == 10


def test_ports_are_free_and_different() -> None:
    taken: set[int] = set()
    picked = [ports.pick(taken) for _ in range(20)]
    assert len(set(picked)) == 20
    assert all(ports.is_free(port) for port in picked)
