"""What ``env validate`` tries: the list, and what can be seen from the declared files.

What speaks to outside systems is in ``probes_warehouse`` and ``probes_services``.
"""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from dataplatform.declarations.errors import UserError
from dataplatform.declarations.local_services import SERVERS_DOWN, is_alive, read_services
from dataplatform.declarations.references import expand
from dataplatform.declarations.secrets import SecretReference
from dataplatform.environments import probes_services, probes_warehouse
from dataplatform.environments.origins import settings_of
from dataplatform.environments.probing import Missing, NotUsed, Probe, command, not_set

if TYPE_CHECKING:
    from dataplatform.declarations.project import Project

CONNECT_SECONDS = 3.0


def probes_of(project: Project) -> list[Probe]:
    """Return everything that is tried of a project's environment."""
    found = [
        Probe("declarations", lambda: _declarations(project)),
        Probe("settings", lambda: _settings(project)),
        Probe("secrets", lambda: _secrets(project)),
        Probe("local servers", lambda: _servers(project)),
        Probe("warehouse", lambda: probes_warehouse.connect(project)),
        Probe("warehouse rights", lambda: probes_warehouse.write(project)),
        Probe("dbt", lambda: probes_warehouse.dbt(project)),
        Probe("fivetran", lambda: probes_services.fivetran(project)),
        Probe("mail", lambda: probes_services.mail(project)),
        Probe("webhook", lambda: probes_services.webhook(project)),
    ]
    for layer in type(project.environment.lake.buckets).model_fields:
        found.append(Probe(f"bucket {layer}", _bucket(project, layer)))
    return found


def _bucket(project: Project, layer: str) -> Any:
    return lambda: probes_services.bucket(project, layer)


def _declarations(project: Project) -> str:
    project.check()
    return (
        f"{len(project.connections)} connections, {len(project.contracts)} contracts, "
        f"{len(project.pipelines)} pipelines"
    )


def _settings(project: Project) -> str:
    found = settings_of(project)
    missing = dict.fromkeys(name for one in found for name in one.missing)
    if missing:
        raise Missing(
            f"not set: {', '.join(missing)}.",
            "Export them, write them into .env, or put secrets into a store "
            "(docs/how-to/environments.md).",
        )
    return f"all {len(found)} are set"


def _secrets(project: Project) -> str:
    environment = project.environment
    wanted: dict[str, None] = {}

    def note(reference: SecretReference) -> str:
        wanted[str(reference)] = None
        return ""

    for one in settings_of(project):
        if "${" in one.written:
            expand(one.written, lambda *_: "", lambda *_: "", note)
    if not wanted:
        raise NotUsed("no setting refers to a store of secrets")
    for text in wanted:
        environment.resolve(text)
    return f"all {len(wanted)} can be read"


def _servers(project: Project) -> str:
    if project.environment.local is None:
        raise NotUsed("this environment has none")
    try:
        servers = read_services(project.state)
    except UserError as error:
        raise not_set(project, error) from None
    down = [name for name, entry in servers.items() if not _answers(entry)]
    wanted = [name for name, one in project.environment.local if one is not None]
    down += [name for name in wanted if name not in servers]
    if down:
        raise Missing(f"down: {', '.join(down)}.", f"Run `{command(project, 'make restart')}`.")
    return f"{len(servers)} answer" if servers else SERVERS_DOWN


def _answers(entry: dict[str, Any]) -> bool:
    if not is_alive(entry.get("pid")):
        return False
    address = entry.get("url") or entry.get("endpoint")
    if address:
        parts = urlsplit(str(address))
        host, port = parts.hostname, parts.port
    else:
        host, port = entry.get("host"), entry.get("port")
    if not host or not port:
        return True
    try:
        socket.create_connection((str(host), int(port)), CONNECT_SECONDS).close()
    except OSError:
        return False
    return True
