"""Trying the services around the warehouse: Fivetran's API, the buckets, mail, the webhook."""

from __future__ import annotations

import secrets
import urllib.error
import urllib.request
from smtplib import SMTPAuthenticationError, SMTPException
from typing import TYPE_CHECKING

from dataplatform.declarations.errors import UserError
from dataplatform.environments.probing import Missing, NotUsed, Refused, command, not_set

if TYPE_CHECKING:
    from dataplatform.declarations.project import Project

PREFIX = "_dataplatform_probe/"
_TIMEOUT_SECONDS = 10.0
_GONE = {404, 410}
_NOT_ALLOWED = {401, 403}


def fivetran(project: Project) -> str:
    """Log in to the API and look for the group and its destination."""
    from dataplatform.resources.fivetran.workspace import find_group, group_name, open_client

    try:
        client, name = open_client(project), group_name(project)
    except UserError as error:
        raise not_set(project, error) from None
    group = find_group(client, name)
    if group is None:
        raise Missing(
            f"the account has no group {name!r} yet.",
            f"Run `{command(project, 'dataplatform connections apply')}`.",
        )
    connections = client.list_connectors_for_group(group["id"])
    return f"group {name} with {len(connections)} connections"


def bucket(project: Project, layer: str) -> str:
    """Put, get and delete an object of our own."""
    from dataplatform.resources.object_store import open_object_store

    store = open_object_store(project)
    try:
        name = store.bucket(layer)
    except UserError as error:
        raise not_set(project, error) from None
    key, body = PREFIX + secrets.token_hex(8), secrets.token_bytes(32)
    rights = f"The keys need s3:PutObject, s3:GetObject, s3:DeleteObject on {name}/*."
    doing = "written to"
    try:
        store.put_if_absent(layer, key, body)
        try:
            doing = "read"
            if store.get(layer, key) != body:
                raise Refused(f"{name} gave other bytes than were put into it.")
        finally:
            store.delete(layer, key)
    except Refused:
        raise
    except UserError as error:
        told = str(error)
        if "NoSuchBucket" in told:
            raise Missing(
                f"there is no bucket {name}.",
                f"Make it, or name another under lake.buckets.{layer}.",
            ) from None
        raise Refused(f"{name} cannot be {doing}: {told}", rights) from None
    return f"{name}: put, get, delete"


def mail(project: Project) -> str:
    """Connect and log in to the mail server; no mail is sent."""
    from dataplatform.resources.notifiers import mail_server

    environment = project.environment
    if environment.notifications.smtp is None:
        raise NotUsed("no notifications.smtp")
    try:
        settings = environment.resolve_all(environment.notifications.smtp)
    except UserError as error:
        raise not_set(project, error) from None
    place = f"{settings['host']}:{settings['port']}"
    try:
        with mail_server(settings) as server:
            server.noop()
    except SMTPAuthenticationError:
        raise Refused(
            f"{place} refuses the log-in.", "See notifications.smtp.username and password."
        ) from None
    except (OSError, SMTPException) as error:
        raise Refused(f"{place} cannot be used: {error}", "See notifications.smtp.host.") from None
    return f"{place} takes the log-in" if settings.get("username") else f"{place} answers"


def webhook(project: Project) -> str:
    """Ask the webhook's address for its headers; nothing is posted, the address is not told."""
    environment = project.environment
    if environment.notifications.webhook_url is None:
        raise NotUsed("no notifications.webhook_url")
    try:
        url = environment.resolve(environment.notifications.webhook_url)
    except UserError as error:
        raise not_set(project, error) from None
    if not url.startswith(("http://", "https://")):
        raise Missing("the address does not begin with http:// or https://.", "See webhook_url.")
    request = urllib.request.Request(url, method="HEAD")
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS) as answer:
            status = answer.status
    except urllib.error.HTTPError as error:
        status = error.code
    except OSError as error:
        reason = getattr(error, "reason", error)
        raise Refused(f"it cannot be reached: {reason}", "See webhook_url.") from None
    if status in _GONE or status in _NOT_ALLOWED:
        raise Refused(f"it answers HTTP {status}.", "Make a new incoming webhook.")
    return f"answers (HTTP {status} to HEAD)"
