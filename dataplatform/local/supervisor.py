"""Starts, stops and watches the local servers that an environment asks for.

Each server is a detached process with a log of its own; what runs is recorded in services.json.
Starting is safe to repeat: a healthy server is left alone, a dead one comes back on its old port
with its old credentials. Which servers there are is said in ``roster``, how one is brought up in
``launch``, and what they serve is made in ``sources`` and ``fivetran``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from dataplatform.declarations.errors import UserError
from dataplatform.local import launch, ports, process, roster
from dataplatform.local.roster import KINDS, PORT_PATIENCE
from dataplatform.local.server import Server
from dataplatform.local.state import Services, read_services, state_lock, write_services

if TYPE_CHECKING:
    from dataplatform.declarations.project import Project

__all__ = ["KINDS", "ServerStatus", "Services", "log_path", "start", "status", "stop"]

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
        alive = {n for n, entry in services.items() if process.is_alive(launch.identity(entry))}
        ended = set(services) - alive
        for name in roster.asked(project):
            if name not in alive and _end(project, name, None):
                ended.add(name)
        servers = roster.build(project, running=alive, ended=ended)
        healthy = _together(lambda s: launch.is_healthy(s, services.get(s.name)), servers)
        cold = [server for server, well in zip(servers, healthy, strict=True) if not well]
        for server in cold:
            if _end(project, server.name, services.pop(server.name, None)):
                ended.add(server.name)
        write_services(project.state, services)
        for server in cold:
            _refuse_taken_port(project, server, PORT_PATIENCE if server.name in ended else 0.0)
        outcomes = _together(lambda s: launch.try_bring_up(s, log_path(project, s.name)), cold)
        errors = []
        for server, outcome in zip(cold, outcomes, strict=True):
            if isinstance(outcome, UserError):
                errors.append(outcome)
            else:
                services[server.name] = outcome
        _add_contents(servers, services)
        write_services(project.state, services)
        if errors:
            raise errors[0]
        return services


def stop(project: Project, names: Iterable[str] | None = None) -> list[str]:
    """Stop the servers this state folder started, and only those; return their names.

    Args:
        project: whose servers.
        names: only these; all when None.
    """
    with _lock(project, "stop the local servers"):
        services = read_services(project.state)
        wanted = [name for name in KINDS if names is None or name in set(names)]
        ended = _together(lambda name: _end(project, name, services.get(name)), wanted)
        for name in wanted:
            services.pop(name, None)
        write_services(project.state, services)
        return [name for name, was_there in zip(wanted, ended, strict=True) if was_there]


def status(project: Project) -> list[ServerStatus]:
    """Return the condition of every server the environment asks for; changes nothing."""
    services = read_services(project.state)
    servers = roster.remembered(project)
    rows = []
    for name in roster.asked(project):
        entry = services.get(name)
        if entry is None or not process.is_alive(launch.identity(entry)):
            rows.append(ServerStatus(name, "stopped", None, None, log_path(project, name), None))
            continue
        well = name in servers and launch.is_healthy(servers[name], entry)
        rows.append(
            ServerStatus(
                name=name,
                condition="running" if well else "silent",
                pid=entry["pid"],
                address=_address(entry),
                log=log_path(project, name),
                started=entry["started"],
            )
        )
    return rows


def log_path(project: Project, name: str) -> Path:
    """Return where a server's log lies."""
    return project.state / "logs" / f"{name}.log"


def _lock(project: Project, purpose: str) -> AbstractContextManager[None]:
    return state_lock(project.state / "services.lock", purpose)


def _end(project: Project, name: str, entry: dict[str, Any] | None) -> bool:
    """End a server, as recorded or as it left its number itself; tell whether it was there."""
    signal = KINDS[name].stop_signal
    known = [launch.identity(entry)] if entry is not None else []
    own = launch.forgotten(project.state / name)
    found = [*known, *([own] if own is not None else [])]
    return any([process.end(each, first_signal=signal) for each in found])


def _refuse_taken_port(project: Project, server: Server, patience: float) -> None:
    if not ports.becomes_free(server.port, patience):
        raise UserError(
            f"The port {server.port} of the local server {server.name} is taken by another "
            f"program, {ports.holder(server.port)}: stop it, or change local.{server.name}.port "
            f"in config/environments/{project.environment.name}.yml."
        )


def _add_contents(servers: list[Server], services: Services) -> None:
    """Make buckets and databases that an environment named after its server was started."""
    for server in servers:
        entry = services.get(server.name)
        if entry is None:
            continue
        contents = server.contents()
        missing = {k: v for k, v in contents.items() if set(v) - set(entry.get(k, []))}
        if missing:
            server.after_start()
            for kind, names in missing.items():
                entry[kind] = sorted({*names, *entry.get(kind, [])})


def _address(entry: dict[str, Any]) -> str:
    return entry.get("url") or entry.get("endpoint") or f"{entry['host']}:{entry['port']}"


def _together(work: Callable[[Any], _T], items: Iterable[Any]) -> list[_T]:
    listed = list(items)
    if not listed:
        return []
    with ThreadPoolExecutor(max_workers=len(listed)) as pool:
        return list(pool.map(work, listed))
