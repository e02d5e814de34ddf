"""Starts, stops and watches the local servers that an environment asks for.

Each server is a detached process with a log of its own; what runs is recorded in services.json.
Starting is safe to repeat: a healthy server is left alone, a dead one comes back on its old port
with its old credentials. What a server is, is said in ``server``, ``postgres`` and
``object_store``; what it serves is made in ``sources`` and ``fivetran``.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from dataplatform.declarations.errors import UserError
from dataplatform.local import ports, process
from dataplatform.local.object_store import ObjectStore
from dataplatform.local.postgres import Postgres
from dataplatform.local.server import Community, Crm, Fivetran, Server
from dataplatform.local.state import (
    CREDENTIALS,
    Services,
    read_json,
    read_services,
    state_lock,
    write_json,
    write_services,
)

if TYPE_CHECKING:
    from dataplatform.declarations.project import Project

KINDS: dict[str, type[Server]] = {
    "postgres": Postgres,
    "object_store": ObjectStore,
    "crm": Crm,
    "community": Community,
    "fivetran": Fivetran,
}
_POLL_SECONDS = 0.1
# A killed PostgreSQL leaves children that hold its data for a moment; the next start then fails.
_ATTEMPTS = 4
_PORT_SECONDS = 5.0

_T = TypeVar("_T")


@dataclass(frozen=True)
class ServerStatus:
    """How one server is: ``running``, ``silent`` (alive, does not answer) or ``stopped``."""

    name: str
    condition: str
    pid: int | None
    address: str | None
    log: Path
    started: float | None


def start(project: Project) -> Services:
    """Start every local server the environment asks for, and wait until all answer.

    Returns:
        What services.json now says: one entry per server.

    Raises:
        UserError: a port is taken, or a server did not come up; the others stay up and recorded.
    """
    with _lock(project, "start the local servers"):
        services = read_services(project.state)
        servers = _servers(project, services)
        healthy = dict(
            zip(servers, _together(lambda s: _healthy(s, services), servers.values()), strict=True)
        )
        cold = [server for server in servers.values() if not healthy[server.name]]
        for server in cold:
            ours = services.pop(server.name, None)
            if ours is not None:
                process.end(_identity(ours), first_signal=server.stop_signal)
            _refuse_taken_port(project, server, _PORT_SECONDS if ours is not None else 0.0)
        outcomes = _together(lambda s: _try_bring_up(project, s), cold)
        for server, outcome in zip(cold, outcomes, strict=True):
            if not isinstance(outcome, UserError):
                services[server.name] = outcome
        store = servers.get("object_store")
        if store is not None and healthy[store.name]:
            _add_buckets(store, services)
        write_services(project.state, services)
        for outcome in outcomes:
            if isinstance(outcome, UserError):
                raise outcome
        return services


def stop(project: Project, names: Iterable[str] | None = None) -> list[str]:
    """Stop the servers this state folder started, and only those; return their names.

    Args:
        project: whose servers.
        names: only these; all when None.
    """
    with _lock(project, "stop the local servers"):
        services = read_services(project.state)
        wanted = [name for name in services if names is None or name in set(names)]
        ended = _together(
            lambda name: process.end(
                _identity(services[name]), first_signal=KINDS[name].stop_signal
            ),
            wanted,
        )
        for name in wanted:
            del services[name]
        write_services(project.state, services)
        return [name for name, was_there in zip(wanted, ended, strict=True) if was_there]


def status(project: Project) -> list[ServerStatus]:
    """Return the condition of every server the environment asks for; changes nothing."""
    services = read_services(project.state)
    asked = _asked(project)
    known = read_json(project.state / CREDENTIALS)
    rows = []
    for name in asked:
        entry = services.get(name)
        condition = "stopped"
        if entry is not None and process.is_alive(_identity(entry)):
            server = _build(project, name, known[name])
            condition = "running" if server.is_ready() else "silent"
        rows.append(
            ServerStatus(
                name=name,
                condition=condition,
                pid=entry["pid"] if entry and condition != "stopped" else None,
                address=_address(entry) if entry else None,
                log=log_path(project, name),
                started=entry["started"] if entry and condition != "stopped" else None,
            )
        )
    return rows


def log_path(project: Project, name: str) -> Path:
    """Return where a server's log lies."""
    return project.state / "logs" / f"{name}.log"


def _asked(project: Project) -> dict[str, int | str]:
    local = project.environment.local
    if local is None:
        return {}
    asked = {name: getattr(local, name, None) for name in KINDS}
    return {name: server.port for name, server in asked.items() if server is not None}


def _lock(project: Project, purpose: str) -> Any:
    return state_lock(project.state / "services.lock", purpose)


def _servers(project: Project, services: Services) -> dict[str, Server]:
    """Build the servers asked for, with ports and credentials remembered or newly made."""
    known = read_json(project.state / CREDENTIALS)
    asked = _asked(project)
    taken = {port for port in asked.values() if isinstance(port, int)}
    for entry in known.values():
        taken.update([entry["port"], *entry["inner_ports"].values()])
    for name, port in asked.items():
        kind = KINDS[name]
        entry = known.setdefault(
            name, {"credentials": kind.make_credentials(), "port": None, "inner_ports": {}}
        )
        running = name in services and process.is_alive(_identity(services[name]))
        # A server that was just killed may not have let go of its ports yet.
        patience = _PORT_SECONDS if name in services else 0.0
        if isinstance(port, int):
            entry["port"] = port
        elif entry["port"] is None or not (running or ports.becomes_free(entry["port"], patience)):
            entry["port"] = ports.pick(taken)
        for inner, companion in kind.inner_ports_wanted().items():
            old = entry["inner_ports"].get(inner)
            if old is None or not (running or ports.becomes_free(old, patience)):
                entry["inner_ports"][inner] = ports.pick(taken, companion)
    write_json(project.state / CREDENTIALS, known)
    return {name: _build(project, name, known[name]) for name in asked}


def _build(project: Project, name: str, known: dict[str, Any]) -> Server:
    buckets: tuple[str, ...] = ()
    if name == "object_store":
        environment = project.environment
        lake = environment.lake.buckets
        named = lake if isinstance(lake, dict) else lake.model_dump()
        buckets = tuple(environment.resolve(str(bucket)) for bucket in named.values())
    return KINDS[name](
        name=name,
        directory=project.state / name,
        port=known["port"],
        credentials=known["credentials"],
        inner_ports=known["inner_ports"],
        buckets=buckets,
    )


def _healthy(server: Server, services: Services) -> bool:
    entry = services.get(server.name)
    if entry is None or not process.is_alive(_identity(entry)):
        return False
    same = all(
        entry.get(key) == value for key, value in server.record().items() if key != "buckets"
    )
    return same and server.is_ready()


def _refuse_taken_port(project: Project, server: Server, patience: float) -> None:
    if not ports.becomes_free(server.port, patience):
        raise UserError(
            f"The port {server.port} of the local server {server.name} is taken by another "
            f"program, {ports.holder(server.port)}: stop it, or change local.{server.name}.port "
            f"in config/environments/{project.environment.name}.yml."
        )


def _try_bring_up(project: Project, server: Server) -> dict[str, Any] | UserError:
    try:
        return _bring_up(project, server)
    except UserError as error:
        return error


def _bring_up(project: Project, server: Server) -> dict[str, Any]:
    log = log_path(project, server.name)
    server.prepare()
    for attempt in range(1, _ATTEMPTS + 1):
        identity = process.spawn(
            server.command(),
            log=log,
            cwd=server.directory,
            environment=server.environment(),
            user=server.system_user(),
        )
        deadline = time.monotonic() + server.patience
        try:
            while process.is_alive(identity) and time.monotonic() < deadline:
                if server.is_ready():
                    server.after_start()
                    return {**server.record(), "pid": identity.pid, "started": identity.started}
                time.sleep(_POLL_SECONDS)
        except BaseException:
            process.end(identity, first_signal=server.stop_signal)
            raise
        ended_by_itself = not process.is_alive(identity)
        process.end(identity, first_signal=server.stop_signal)
        if not ended_by_itself:
            break
        if attempt < _ATTEMPTS:
            time.sleep(0.5 * attempt)
    raise UserError(
        f"The local server {server.name} did not start; its last log line: "
        f"{process.last_line(log)} (see {log})"
    )


def _add_buckets(store: Server, services: Services) -> None:
    entry = services[store.name]
    if set(store.buckets) - set(entry.get("buckets", [])):
        store.after_start()
        entry["buckets"] = sorted({*store.buckets, *entry.get("buckets", [])})


def _identity(entry: dict[str, Any]) -> process.Identity:
    return process.Identity(int(entry["pid"]), float(entry["started"]))


def _address(entry: dict[str, Any]) -> str:
    return entry.get("url") or entry.get("endpoint") or f"{entry['host']}:{entry['port']}"


def _together(work: Callable[[Any], _T], items: Iterable[Any]) -> list[_T]:
    listed = list(items)
    if not listed:
        return []
    with ThreadPoolExecutor(max_workers=len(listed)) as pool:
        return list(pool.map(work, listed))
