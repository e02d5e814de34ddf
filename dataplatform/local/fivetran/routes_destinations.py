"""Routes of destinations: where the connections of a group write."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse

from dataplatform.local.fivetran.connection_document import MASK
from dataplatform.local.fivetran.context import Context
from dataplatform.local.fivetran.destination import SERVICES
from dataplatform.local.fivetran.envelope import answer, conflict, invalid, page
from dataplatform.local.fivetran.fields import Field, documented
from dataplatform.local.fivetran.requests import body_of, find
from dataplatform.local.fivetran.setup_tests import SETUP_TEST, test_destination
from dataplatform.local.fivetran.store import Document
from dataplatform.local.fivetran.views import destination_view

_SETTINGS = ("region", "time_zone_offset", "networking_method")
CHANGES: Mapping[str, Field] = {
    "config": Field("object"),
    "region": Field("string"),
    "time_zone_offset": Field(
        "string", pattern=r"[+-]?(1[0-4]|\d)", says="whole hours such as '-5'"
    ),
    "networking_method": Field("string", choices=("Directly", "SshTunnel", "PrivateLink")),
    "trust_certificates": Field("boolean"),
    "trust_fingerprints": Field("boolean"),
    "run_setup_tests": Field("boolean"),
}
CREATION: Mapping[str, Field] = {
    "group_id": Field("string", required=True),
    "service": Field("string", required=True),
    **CHANGES,
}


def destination_routes(context: Context) -> APIRouter:
    """Return the routes of destinations."""
    store = context.store
    routes = APIRouter(prefix="/v1/destinations", tags=["Destinations"])

    def apply(destination: Document, body: Document) -> None:
        fresh = {k: v for k, v in body.get("config", {}).items() if v != MASK}
        destination["config"].update(fresh)
        destination.update({name: body[name] for name in _SETTINGS if name in body})

    async def tested(destination: Document, run: bool) -> list[Document]:
        return await run_in_threadpool(test_destination, store, destination) if run else []

    @routes.get("")
    def list_destinations(cursor: str | None = None, limit: int | None = None) -> JSONResponse:
        held = [destination_view(d) for d in store.every("destination")]
        return answer(page(held, cursor, limit))

    @routes.post("", openapi_extra=documented(CREATION), status_code=201)
    async def create_destination(request: Request) -> JSONResponse:
        body = await body_of(request, CREATION)
        group_id = body["group_id"]
        find(store, "group", group_id)

        def taken() -> None:
            if store.get("destination", group_id) is not None:
                raise conflict(f"The group '{group_id}' has a destination already.")

        taken()
        if body["service"] not in SERVICES:
            raise invalid(f"The destination service {body['service']!r} is not served.")
        destination: Document = {
            "id": group_id,
            "group_id": group_id,
            "service": body["service"],
            "region": "LOCAL",
            "time_zone_offset": "0",
            "networking_method": "Directly",
            "setup_status": "incomplete",
            "config": {},
        }
        apply(destination, body)
        tests = await tested(destination, body.get("run_setup_tests", True))
        store.add("destination", destination, taken)
        view = destination_view(destination) | {"setup_tests": tests}
        return answer(view, "Destination has been created", 201)

    @routes.get("/{destination_id}")
    def get_destination(destination_id: str) -> JSONResponse:
        return answer(destination_view(find(store, "destination", destination_id)))

    @routes.patch("/{destination_id}", openapi_extra=documented(CHANGES))
    async def change_destination(destination_id: str, request: Request) -> JSONResponse:
        destination = find(store, "destination", destination_id)
        body = await body_of(request, CHANGES)
        apply(destination, body)
        tests = await tested(destination, body.get("run_setup_tests", True))
        store.put("destination", destination)
        view = destination_view(destination) | {"setup_tests": tests}
        return answer(view, "Destination has been updated")

    @routes.post("/{destination_id}/test", openapi_extra=documented(SETUP_TEST))
    async def run_tests(destination_id: str, request: Request) -> JSONResponse:
        destination = find(store, "destination", destination_id)
        await body_of(request, SETUP_TEST)
        tests = await tested(destination, True)
        store.put("destination", destination)
        view = destination_view(destination) | {"setup_tests": tests}
        return answer(view, "Setup tests have been completed")

    @routes.delete("/{destination_id}")
    def delete_destination(destination_id: str) -> JSONResponse:
        find(store, "destination", destination_id)
        store.delete("destination", destination_id)
        return answer(message=f"Destination with id '{destination_id}' has been deleted")

    return routes
