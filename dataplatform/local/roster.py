"""Which local servers a project's environment asks for, each with its ports and credentials.

Ports and credentials are made here once and remembered in credentials.json, so that a server
comes back where it was. What a server is lies in ``server``, ``postgres`` and ``object_store``;
starting one is the work of ``launch``.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from dataplatform.local import ports
from dataplatform.local.bigquery import BigQuery
from dataplatform.local.object_store import ObjectStore
from dataplatform.local.postgres import Postgres
from dataplatform.local.server import Community, Crm, Fivetran, Server, Webhooks
from dataplatform.local.snowflake import Snowflake
from dataplatform.local.state import CREDENTIALS, read_json, write_json

if TYPE_CHECKING:
    from dataplatform.declarations.project import Project

KINDS: dict[str, type[Server]] = {
    "postgres": Postgres,
    "object_store": ObjectStore,
    "crm": Crm,
    "community": Community,
    "fivetran": Fivetran,
    "webhooks": Webhooks,
    "snowflake": Snowflake,
    "bigquery": BigQuery,
}
#: How long a server that was just killed may hold on to its ports, in seconds.
PORT_PATIENCE = 5.0


def asked(project: Project) -> dict[str, int | str]:
    """Return the servers the environment asks for, each with its port or "auto"."""
    local = project.environment.local
    if local is None:
        return {}
    found = {name: getattr(local, name, None) for name in KINDS}
    return {name: server.port for name, server in found.items() if server is not None}


def build(project: Project, *, running: Collection[str], ended: Collection[str]) -> list[Server]:
    """Return the servers asked for; chooses and remembers what was never chosen before.

    Args:
        project: whose servers.
        running: those that run now and so hold their own ports.
        ended: those that ran until just now and may hold their ports for a moment.
    """
    known = read_json(project.state / CREDENTIALS)
    wanted = asked(project)
    taken = {port for port in wanted.values() if isinstance(port, int)}
    for entry in known.values():
        taken.update([entry["port"], *entry["inner_ports"].values()])

    def usable(name: str, port: int | None) -> bool:
        if port is None:
            return False
        return name in running or ports.becomes_free(port, PORT_PATIENCE if name in ended else 0)

    for name, port in wanted.items():
        kind = KINDS[name]
        entry = known.setdefault(
            name, {"credentials": kind.make_credentials(), "port": None, "inner_ports": {}}
        )
        if isinstance(port, int):
            entry["port"] = port
        elif not usable(name, entry["port"]):
            entry["port"] = ports.pick(taken)
        for inner, companion in kind.inner_ports_wanted().items():
            if not usable(name, entry["inner_ports"].get(inner)):
                entry["inner_ports"][inner] = ports.pick(taken, companion)
    write_json(project.state / CREDENTIALS, known)
    return [_server(project, name, known[name]) for name in wanted]


def remembered(project: Project) -> dict[str, Server]:
    """Return the servers asked for that were started at least once, as they were then."""
    known = read_json(project.state / CREDENTIALS)
    return {
        name: _server(project, name, known[name])
        for name in asked(project)
        if name in known and known[name]["port"] is not None
    }


def _server(project: Project, name: str, known: dict[str, Any]) -> Server:
    environment = project.environment
    asked_for = getattr(environment.local, name, None)
    buckets: tuple[str, ...] = ()
    if name == "object_store":
        more = getattr(asked_for, "buckets", ())
        named = (*environment.lake.buckets.model_dump().values(), *more)
        buckets = tuple(environment.resolve(bucket) for bucket in named)
    return KINDS[name](
        name=name,
        directory=project.state / name,
        port=known["port"],
        credentials=known["credentials"],
        inner_ports=known["inner_ports"],
        buckets=buckets,
        databases=tuple(getattr(asked_for, "databases", ())),
    )
