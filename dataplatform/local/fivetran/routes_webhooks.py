"""Routes of webhooks: who is to be told of which events. Telling them is in ``webhooks``."""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse

from dataplatform.local.fivetran.connection_document import MASK
from dataplatform.local.fivetran.context import Context
from dataplatform.local.fivetran.envelope import answer, invalid, page
from dataplatform.local.fivetran.events import EVENTS
from dataplatform.local.fivetran.fields import Field, documented
from dataplatform.local.fivetran.requests import body_of, find
from dataplatform.local.fivetran.store import Document, new_id, now
from dataplatform.local.fivetran.views import USER
from dataplatform.local.fivetran.webhooks import TIMEOUT_SECONDS, Outcome, send, test_payload

CHANGES: Mapping[str, Field] = {
    "url": Field("string"),
    "events": Field("array", items="string"),
    "active": Field("boolean"),
    "secret": Field("string"),
}
CREATION: Mapping[str, Field] = {
    **CHANGES,
    "url": Field("string", required=True),
    "events": Field("array", items="string", required=True),
}
TEST: Mapping[str, Field] = {"event": Field("string", required=True, choices=EVENTS)}
# A receiver that drips its answer must not hold a request for ever.
_PATIENCE_SECONDS = TIMEOUT_SECONDS + 3


def webhook_routes(context: Context) -> APIRouter:
    """Return the routes of webhooks."""
    store = context.store
    routes = APIRouter(prefix="/v1/webhooks", tags=["Webhooks"])

    async def register(request: Request, group_id: str | None) -> JSONResponse:
        body = await body_of(request, CREATION)
        webhook: Document = {
            "id": new_id(),
            "type": "account" if group_id is None else "group",
            **({} if group_id is None else {"group_id": group_id}),
            "url": _address(body["url"]),
            "events": _events(body["events"]),
            "active": body.get("active", True),
            "secret": body.get("secret"),
            "created_at": now(),
            "created_by": USER,
        }
        if webhook["active"]:
            await _require_reachable(webhook)
        store.put("webhook", webhook)
        kind = str(webhook["type"]).capitalize()
        return answer(_view(webhook), f"{kind} webhook has been created", 201)

    @routes.get("")
    def list_webhooks(cursor: str | None = None, limit: int | None = None) -> JSONResponse:
        return answer(page([_view(held) for held in store.every("webhook")], cursor, limit))

    @routes.post("/account", openapi_extra=documented(CREATION), status_code=201)
    async def create_for_account(request: Request) -> JSONResponse:
        return await register(request, None)

    @routes.post("/group/{group_id}", openapi_extra=documented(CREATION), status_code=201)
    async def create_for_group(group_id: str, request: Request) -> JSONResponse:
        find(store, "group", group_id)
        return await register(request, group_id)

    @routes.get("/{webhook_id}")
    def get_webhook(webhook_id: str) -> JSONResponse:
        return answer(_view(find(store, "webhook", webhook_id)))

    @routes.patch("/{webhook_id}", openapi_extra=documented(CHANGES))
    async def change_webhook(webhook_id: str, request: Request) -> JSONResponse:
        held = find(store, "webhook", webhook_id)
        change = await body_of(request, CHANGES)
        if change.get("secret") == MASK:
            del change["secret"]
        if "url" in change:
            change["url"] = _address(change["url"])
        if "events" in change:
            change["events"] = _events(change["events"])
        changed = {**held, **change}
        moved = changed["url"] != held["url"] or not held["active"]
        if changed["active"] and moved:
            await _require_reachable(changed)
        webhook = store.change("webhook", webhook_id, lambda old: old.update(change))
        if not changed["active"]:
            context.webhooks.forget(webhook_id)
        return answer(_view(webhook or changed), "Webhook has been updated")

    @routes.delete("/{webhook_id}")
    def delete_webhook(webhook_id: str) -> JSONResponse:
        find(store, "webhook", webhook_id)
        store.delete("webhook", webhook_id)
        context.webhooks.forget(webhook_id)
        return answer(message=f"Webhook with id '{webhook_id}' has been deleted")

    @routes.post("/{webhook_id}/test", openapi_extra=documented(TEST))
    async def test_webhook(webhook_id: str, request: Request) -> JSONResponse:
        webhook = find(store, "webhook", webhook_id)
        event = (await body_of(request, TEST))["event"]
        said = test_payload(event, webhook.get("group_id", "_destination_1"))
        outcome = await _try(webhook, said)
        told = {
            "succeed": outcome.succeeded,
            "status": outcome.status,
            "message": outcome.message,
        }
        return answer(told, "The webhook has been tested")

    return routes


def _view(webhook: Document) -> Document:
    shown = {key: value for key, value in webhook.items() if key != "last_delivery"}
    return {**shown, "secret": MASK if webhook["secret"] else None}


def _events(names: list[Any]) -> list[str]:
    if not names:
        raise invalid("'events' must name at least one event.")
    field = TEST["event"]
    return list(dict.fromkeys(field.checked("events", name) for name in names))


def _address(url: str) -> str:
    """Return a webhook's address: secure, or on this machine.

    Raises:
        ApiError: it is neither.
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise invalid("'url' is no address.") from error
    if parts.scheme not in ("http", "https") or not host or any(c.isspace() for c in url):
        raise invalid("'url' must be an address that begins with https://.")
    if parts.scheme == "http" and not _is_local(host):
        raise invalid("'url' must begin with https:// unless it is on this machine.")
    return url


def _is_local(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


async def _try(webhook: Document, said: Document) -> Outcome:
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            return await run_in_threadpool(send, webhook, said)
    except TimeoutError:
        return Outcome(False, None, "The receiver took too long to answer.")


async def _require_reachable(webhook: Document) -> None:
    outcome = await _try(webhook, test_payload())
    if not outcome.succeeded:
        raise invalid(f"The webhook's URL did not take a test event: {outcome.message}")
