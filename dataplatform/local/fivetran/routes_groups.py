"""Routes of groups: a group holds connections and has one destination, which bears its id."""

from __future__ import annotations

import base64
from collections.abc import Mapping

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse

from dataplatform.local.fivetran.context import Context
from dataplatform.local.fivetran.envelope import answer, conflict, page
from dataplatform.local.fivetran.fields import Field, documented
from dataplatform.local.fivetran.requests import body_of, find
from dataplatform.local.fivetran.store import Document, new_id, now
from dataplatform.local.fivetran.views import USER, group_view

GROUP: Mapping[str, Field] = {
    "name": Field(
        "string",
        required=True,
        pattern=r"[A-Za-z_][A-Za-z0-9_ -]{0,127}",
        says="letters, digits, underscores, spaces and hyphens, a letter or underscore first",
    )
}


def group_routes(context: Context) -> APIRouter:
    """Return the routes of groups."""
    store = context.store
    routes = APIRouter(prefix="/v1/groups", tags=["Groups"])

    def taken(name: str, own: str | None = None) -> None:
        if any(held["name"] == name and held["id"] != own for held in store.every("group")):
            raise conflict(f"A group named '{name}' exists already.")

    @routes.get("")
    def list_groups(cursor: str | None = None, limit: int | None = None) -> JSONResponse:
        return answer(page([group_view(g) for g in store.every("group")], cursor, limit))

    @routes.post("", openapi_extra=documented(GROUP), status_code=201)
    async def create_group(request: Request) -> JSONResponse:
        body = await body_of(request, GROUP)
        group = {"id": new_id(), "name": body["name"], "created_at": now(), "public_key": _key()}
        store.add("group", group, lambda: taken(body["name"]))
        return answer(group_view(group), "Group has been created", 201)

    @routes.get("/{group_id}")
    def get_group(group_id: str) -> JSONResponse:
        return answer(group_view(find(store, "group", group_id)))

    @routes.patch("/{group_id}", openapi_extra=documented(GROUP))
    async def change_group(group_id: str, request: Request) -> JSONResponse:
        find(store, "group", group_id)
        name = (await body_of(request, GROUP))["name"]
        taken(name, group_id)
        group = store.change("group", group_id, lambda held: held.update(name=name))
        return answer(group_view(group or find(store, "group", group_id)), "Group has been updated")

    @routes.delete("/{group_id}")
    def delete_group(group_id: str) -> JSONResponse:
        find(store, "group", group_id)
        if any(c["group_id"] == group_id for c in store.outlines("connection")):
            raise conflict(f"The group '{group_id}' still holds connections.")
        for webhook in store.every("webhook"):
            if webhook.get("group_id") == group_id:
                store.delete("webhook", webhook["id"])
        store.delete("destination", group_id)
        store.delete("group", group_id)
        return answer(message=f"Group with id '{group_id}' has been deleted")

    @routes.get("/{group_id}/connections")
    @routes.get("/{group_id}/connectors")
    def list_connections(
        group_id: str,
        cursor: str | None = None,
        limit: int | None = None,
        schema: str | None = Query(None),
    ) -> JSONResponse:
        find(store, "group", group_id)
        held = [
            context.view(c)
            for c in store.outlines("connection")
            if c["group_id"] == group_id and schema in (None, c["schema"])
        ]
        return answer(page(held, cursor, limit))

    @routes.get("/{group_id}/public-key")
    def public_key(group_id: str) -> JSONResponse:
        group = find(store, "group", group_id)
        if "public_key" not in group:
            kept = store.change(
                "group", group_id, lambda held: held.setdefault("public_key", _key())
            )
            group = kept or group
        return answer({"public_key": group.get("public_key")})

    @routes.get("/{group_id}/service-account")
    def service_account(group_id: str) -> JSONResponse:
        find(store, "group", group_id)
        name = group_id.replace("_", "-")
        return answer({"service_account": f"{name}@local.iam.gserviceaccount.com"})

    @routes.get("/{group_id}/users")
    def users(group_id: str, cursor: str | None = None, limit: int | None = None) -> JSONResponse:
        find(store, "group", group_id)
        return answer(page([local_user()], cursor, limit))

    return routes


def local_user() -> Document:
    """Return the one user there is: whoever holds the key and secret."""
    return {
        "id": USER,
        "email": "local@localhost",
        "given_name": "Local",
        "family_name": "User",
        "verified": True,
        "invited": False,
        "role": "Account Administrator",
        "active": True,
    }


def _key() -> str:
    """Return a public key that a source may be told to let in; nobody holds its private half."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    raw = Ed25519PrivateKey.generate().public_key().public_bytes_raw()
    parts = [b"ssh-ed25519", raw]
    blob = b"".join(len(part).to_bytes(4) + part for part in parts)
    return f"ssh-ed25519 {base64.b64encode(blob).decode()} fivetran user key"
