"""Trying on real accounts what the stand-ins cannot show, as ``doctor --live`` does.

What is tried is listed in ``trials``. An environment that has a stand-in, or no credentials, has no
account, and each line says so: nothing is taken for shown that was not.
"""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from dataplatform.declarations.errors import UserError
from dataplatform.environments import trials
from dataplatform.environments.probes_warehouse import PREFIX
from dataplatform.environments.probing import Finding, Missing, Probe, Refused, run_probes
from dataplatform.environments.trials import Trial
from dataplatform.resources.warehouse import open_warehouse

if TYPE_CHECKING:
    from dataplatform.declarations.project import Project
    from dataplatform.resources.warehouse.interface import Session

NO_ACCOUNT = "no account: "
_LIMIT_SECONDS = 300.0


def try_live(project: Project) -> list[Finding]:
    """Try the whole list on the accounts of a project's environment, in the list's order."""
    return [
        *_in_sql(project, "snowflake", trials.SNOWFLAKE),
        *_in_sql(project, "bigquery", trials.BIGQUERY),
        *_s3(project),
        *_fivetran(project),
    ]


def _in_sql(project: Project, engine: str, wanted: Sequence[Trial]) -> list[Finding]:
    names = [f"{one.service}: {one.name}" for one in wanted]
    reason = _why_no_warehouse(project, engine)
    if reason:
        return _none(names, reason)
    schema = PREFIX + secrets.token_hex(4)
    warehouse = open_warehouse(project.environment, project)
    try:
        with warehouse.session("dataplatform doctor --live") as session:
            session.execute(f"CREATE SCHEMA {schema}")
            try:
                return [
                    finding
                    for name, trial in zip(names, wanted, strict=True)
                    for finding in run_probes(
                        [Probe(name, _judged(session, trial, schema))], _LIMIT_SECONDS
                    )
                ]
            finally:
                for one in (schema, f"{schema}_clone"):
                    with contextlib.suppress(Exception):
                        session.execute(f"DROP SCHEMA IF EXISTS {one} CASCADE")
    except UserError as error:
        return [Finding(name, "refused", str(error)) for name in names]


def _judged(session: Session, trial: Trial, schema: str) -> Callable[[], str]:
    def look() -> str:
        *before, last = [sql.replace("{s}", schema) for sql in trial.statements]
        for sql in before:
            session.execute(sql)
        try:
            rows = session.execute(last)
        except Exception as error:
            if trial.fails and trial.fails.lower() in str(error).lower():
                return "as expected, it fails"
            raise
        if trial.fails:
            raise Refused(f"it gave {_told(rows)} where it must fail.")
        if trial.gives is not None and (not rows or str(rows[0][0]) != trial.gives):
            raise Refused(f"it gave {_told(rows)} instead of {trial.gives}.")
        if trial.shows is not None and (not rows or trial.shows not in str(rows)):
            raise Refused(f"{trial.shows} is not in what it gave.")
        return "as expected"

    return look


def _told(rows: list[tuple[Any, ...]]) -> str:
    return str(rows[0][0])[:60] if rows else "nothing"


def _s3(project: Project) -> list[Finding]:
    from dataplatform.resources.object_store import open_object_store

    wanted = (trials.S3_CREATE_ONCE, trials.S3_WHOLE)
    names = [": ".join(one) for one in wanted]
    lake = project.environment.lake
    reason = _stand_in(project, "object_store") or _unset(project, lake)
    if not reason and lake.endpoint:
        where = project.environment.resolve(lake.endpoint)
        if not (urlsplit(where).hostname or "").endswith("amazonaws.com"):
            reason = f"the lake is at {where}, not at Amazon"
    if reason:
        return _none(names, reason)
    store = open_object_store(project)
    key, body = f"_dataplatform_probe/{secrets.token_hex(8)}", secrets.token_bytes(64)

    def once() -> str:
        if not store.put_if_absent("raw", key, body):
            raise Refused("an object that is not there was taken to be there.")
        if store.put_if_absent("raw", key, b"other"):
            raise Refused("an object was overwritten.")
        return "the second put was refused"

    def whole() -> str:
        if store.get("raw", key) != body:
            raise Refused("other bytes came back.")
        store.delete("raw", key)
        if store.exists("raw", key):
            raise Refused("a deleted object is still there.")
        return "as expected"

    try:
        return [
            finding
            for name, look in zip(names, (once, whole), strict=True)
            for finding in run_probes([Probe(name, look)], _LIMIT_SECONDS)
        ]
    finally:
        with contextlib.suppress(UserError):
            store.delete("raw", key)


def _fivetran(project: Project) -> list[Finding]:
    from dataplatform.resources.fivetran.api import FIVETRAN_API
    from dataplatform.resources.fivetran.workspace import (
        api_url,
        find_connection,
        find_group,
        group_name,
        open_client,
    )

    wanted = (
        trials.FIVETRAN_GROUP,
        trials.FIVETRAN_CONNECTIONS,
        trials.FIVETRAN_DESTINATION,
    )
    names = [": ".join(one) for one in wanted]
    declared = project.environment.fivetran
    login = (declared.api_url, declared.api_key, declared.api_secret, declared.group)
    reason = _stand_in(project, "fivetran") or _unset(project, list(login))
    if not reason and not api_url(project).startswith(FIVETRAN_API):
        reason = f"the API is at {api_url(project)}, not Fivetran's own"
    if reason:
        return _none(names, reason)
    client = open_client(project)

    def group() -> str:
        if find_group(client, group_name(project)) is None:
            raise Missing(f"the account has no group {group_name(project)!r}.")
        return "there"

    def connections() -> str:
        found = find_group(client, group_name(project))
        items = client.list_connectors_for_group(found["id"]) if found else []
        lacking = [one.name for one in project.connections if not find_connection(items, one)]
        if lacking:
            raise Missing(
                f"not there: {', '.join(lacking)}.", "Run `dataplatform connections apply`."
            )
        return f"{len(project.connections)} connections"

    def destination() -> str:
        found = find_group(client, group_name(project))
        if found is None:
            raise Missing("without its group there is no destination.")
        service = str(client.call("GET", f"destinations/{found['id']}").get("service"))
        if service != declared.destination.service:
            raise Refused(f"it is {service}, not {declared.destination.service}.")
        return service

    looks = (group, connections, destination)
    return run_probes(
        [Probe(name, look) for name, look in zip(names, looks, strict=True)], _LIMIT_SECONDS
    )


def _why_no_warehouse(project: Project, engine: str) -> str:
    environment = project.environment
    declared: Any = environment.warehouse
    if declared.type != engine:
        return f"the environment {environment.name} has a warehouse of type {declared.type}"
    return _stand_in(project, engine) or _unset(project, declared)


def _stand_in(project: Project, server: str) -> str:
    local = project.environment.local
    if local is None or getattr(local, server) is None:
        return ""
    return f"the environment {project.environment.name} runs a stand-in"


def _unset(project: Project, value: Any) -> str:
    try:
        project.environment.resolve_all(value)
    except UserError as error:
        return str(error).rstrip(".")
    return ""


def _none(names: Sequence[str], reason: str) -> list[Finding]:
    return [Finding(name, "missing", f"{NO_ACCOUNT}{reason}.") for name in names]
