"""Routes of groups and destinations.

A group holds connections and has one destination, which bears the group's id.
"""

from __future__ import annotations

import re
from typing import Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse

from dataplatform.local.fivetran.destination import open_destination
from dataplatform.local.fivetran.envelope import (
    ApiError,
    answer,
    invalid,
    not_found,
    page,
)
from dataplatform.local.fivetran.model import SetupTest, SyncFailure
from dataplatform.local.fivetran.runner import Runner
from dataplatform.local.fivetran.store import Document, Store, new_id, now
from dataplatform.local.fivetran.views import (
    MASK,
    connection_view,
    destination_view,
    group_view,
)

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_ -]*")


async def body_of(request: Request) -> Document:
    """Return a request's body.

    Raises:
        ApiError: it is not a JSON object.
    """
    raw = await request.body()
    if not raw:
        return {}
    try:
        body = await request.json()
    except ValueError as error:
        raise invalid("The request's body is not valid JSON.") from error
    if not isinstance(body, dict):
        raise invalid("The request's body must be a JSON object.")
    return body


def find(store: Store, kind: str, identifier: str) -> Document:
    """Return a document.

    Raises:
        ApiError: there is none.
    """
    document = store.get(kind, identifier)
    if document is None:
        raise not_found(kind.capitalize(), identifier)
    return document


def group_routes(store: Store, runner: Runner) -> APIRouter:
    """Return the routes of groups."""
    routes = APIRouter(prefix="/v1/groups")

    def named(body: Document, own: str | None = None) -> str:
        name = body.get("name")
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise invalid("'name' must begin with a letter or underscore and hold no other signs.")
        if any(g["name"] == name and g["id"] != own for g in store.every("group")):
            raise ApiError(409, "Conflict", f"A group named '{name}' exists already.")
        return name

    @routes.get("")
    def list_groups(cursor: str | None = None, limit: int | None = None) -> JSONResponse:
        return answer(page([group_view(g) for g in store.every("group")], cursor, limit))

    @routes.post("")
    async def create_group(request: Request) -> JSONResponse:
        name = named(await body_of(request))
        group = store.put("group", {"id": new_id(), "name": name, "created_at": now()})
        return answer(group_view(group), "Group has been created", 201)

    @routes.get("/{group_id}")
    def get_group(group_id: str) -> JSONResponse:
        return answer(group_view(find(store, "group", group_id)))

    @routes.patch("/{group_id}")
    async def change_group(group_id: str, request: Request) -> JSONResponse:
        group = find(store, "group", group_id)
        group["name"] = named(await body_of(request), group_id)
        return answer(group_view(store.put("group", group)), "Group has been updated")

    @routes.delete("/{group_id}")
    def delete_group(group_id: str) -> JSONResponse:
        find(store, "group", group_id)
        if any(c["group_id"] == group_id for c in store.every("connection")):
            raise ApiError(409, "Conflict", f"The group '{group_id}' still holds connections.")
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
            connection_view(c, syncing=runner.is_running(c["id"]))
            for c in store.every("connection")
            if c["group_id"] == group_id and schema in (None, c["schema"])
        ]
        return answer(page(held, cursor, limit))

    return routes


def destination_routes(store: Store) -> APIRouter:
    """Return the routes of destinations."""
    routes = APIRouter(prefix="/v1/destinations")

    def tested(destination: Document) -> list[dict[str, Any]]:
        try:
            tests = open_destination(
                destination["service"], destination["config"], store.folder
            ).test()
        except SyncFailure as error:
            tests = [SetupTest("Validating the settings", "FAILED", str(error))]
        failed = any(test.status == "FAILED" for test in tests)
        destination["setup_status"] = "incomplete" if failed else "connected"
        return [test.as_json() for test in tests]

    def apply(destination: Document, body: Document) -> None:
        config = body.get("config")
        if config is not None:
            if not isinstance(config, dict):
                raise invalid("'config' must be an object.")
            destination["config"].update({k: v for k, v in config.items() if v != MASK})
        for name in ("region", "time_zone_offset", "networking_method"):
            if body.get(name) is not None:
                destination[name] = body[name]

    @routes.get("")
    def list_destinations(cursor: str | None = None, limit: int | None = None) -> JSONResponse:
        held = [destination_view(d) for d in store.every("destination")]
        return answer(page(held, cursor, limit))

    @routes.post("")
    async def create_destination(request: Request) -> JSONResponse:
        body = await body_of(request)
        group_id = str(body.get("group_id") or "")
        find(store, "group", group_id)
        if store.get("destination", group_id) is not None:
            raise ApiError(409, "Conflict", f"The group '{group_id}' has a destination already.")
        if body.get("service") != "duckdb":
            raise invalid(f"The destination service {body.get('service')!r} is not served.")
        destination: Document = {
            "id": group_id,
            "group_id": group_id,
            "service": "duckdb",
            "region": "LOCAL",
            "time_zone_offset": "0",
            "networking_method": "Directly",
            "setup_status": "incomplete",
            "config": {},
        }
        apply(destination, body)
        tests = tested(destination) if body.get("run_setup_tests", True) else []
        store.put("destination", destination)
        view = destination_view(destination) | {"setup_tests": tests}
        return answer(view, "Destination has been created", 201)

    @routes.get("/{destination_id}")
    def get_destination(destination_id: str) -> JSONResponse:
        return answer(destination_view(find(store, "destination", destination_id)))

    @routes.patch("/{destination_id}")
    async def change_destination(destination_id: str, request: Request) -> JSONResponse:
        body = await body_of(request)
        destination = find(store, "destination", destination_id)
        apply(destination, body)
        tests = tested(destination) if body.get("run_setup_tests", True) else []
        store.put("destination", destination)
        view = destination_view(destination) | {"setup_tests": tests}
        return answer(view, "Destination has been updated")

    @routes.post("/{destination_id}/test")
    def test_destination(destination_id: str) -> JSONResponse:
        destination = find(store, "destination", destination_id)
        tests = tested(destination)
        store.put("destination", destination)
        return answer(destination_view(destination) | {"setup_tests": tests})

    @routes.delete("/{destination_id}")
    def delete_destination(destination_id: str) -> JSONResponse:
        find(store, "destination", destination_id)
        store.delete("destination", destination_id)
        return answer(message=f"Destination with id '{destination_id}' has been deleted")

    return routes
