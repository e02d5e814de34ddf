"""Routes of connections, under both of the API's path families.

``/v1/connections`` is the present family, ``/v1/connectors`` the older one that many clients still
call. Table and column choices are in ``routes_schemas``, syncs in ``routes_syncs``.
"""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse

from dataplatform.local.fivetran.connection_document import (
    CHANGES,
    CREATION,
    change_connection,
    new_connection,
    schema_of,
)
from dataplatform.local.fivetran.context import Context
from dataplatform.local.fivetran.envelope import answer, conflict, page
from dataplatform.local.fivetran.fields import documented
from dataplatform.local.fivetran.requests import body_of, find
from dataplatform.local.fivetran.setup_tests import SETUP_TEST, test_connection
from dataplatform.local.fivetran.store import Document
from dataplatform.local.fivetran.sync import left_behind
from dataplatform.local.fivetran.trust import CERTIFICATE, FINGERPRINT

FAMILIES = ("/v1/connections", "/v1/connectors")
# Fields that say what a request is to do, not what the connection is.
_NOT_EDITED = ("paused", "run_setup_tests", "trust_certificates", "trust_fingerprints")


def connection_routes(context: Context, prefix: str) -> APIRouter:
    """Return the routes of connections under one path family."""
    store, events = context.store, context.events
    routes = APIRouter(prefix=prefix, tags=["Connections"])

    async def tested(connection: Document, request: Document) -> Document:
        before = connection["setup_state"]
        outcome = await run_in_threadpool(
            test_connection, store, context.runner, connection, request
        )
        good = outcome["setup_state"] == "connected"
        said = {} if good else {"reason": outcome["tasks"][0]["message"]}
        name = "connection_successful" if good else "connection_failure"
        events.emit(name, connection, said)
        events.emit_status(before, connection)
        return outcome

    @routes.get("")
    def list_connections(
        cursor: str | None = None,
        limit: int | None = None,
        group_id: str | None = None,
        schema: str | None = None,
    ) -> JSONResponse:
        held = [
            context.view(c)
            for c in store.outlines("connection")
            if group_id in (None, c["group_id"]) and schema in (None, c["schema"])
        ]
        return answer(page(held, cursor, limit))

    @routes.post("", openapi_extra=documented(CREATION), status_code=201)
    async def create_connection(request: Request) -> JSONResponse:
        body = await body_of(request, CREATION)
        find(store, "group", body["group_id"])
        connection = new_connection(body)

        def taken() -> None:
            find(store, "group", body["group_id"])
            for other in store.outlines("connection"):
                if all(other[key] == connection[key] for key in ("group_id", "schema")):
                    raise conflict(
                        f"The connection '{other['id']}' writes to {connection['schema']!r} "
                        "already."
                    )

        taken()
        if body.get("run_setup_tests", True):
            await tested(connection, body)
        store.add("connection", connection, taken)
        events.emit("create_connector", connection, {})
        return answer(context.view(connection), "Connection has been created", 201)

    @routes.get("/{connection_id}")
    def get_connection(connection_id: str) -> JSONResponse:
        return answer(context.view(find(store, "connection", connection_id)))

    @routes.patch("/{connection_id}", openapi_extra=documented(CHANGES))
    async def change(connection_id: str, request: Request) -> JSONResponse:
        trial = find(store, "connection", connection_id)
        body = await body_of(request, CHANGES)
        was_paused = trial["paused"]
        changed = change_connection(trial, body)
        schema_of(trial["service"], trial["config"])
        outcome: Document = {}
        if body.get("run_setup_tests", changed):
            outcome = await tested(trial, body)

        def edit(connection: Document) -> None:
            # A sync may have ended meanwhile: only what was asked for is changed.
            change_connection(connection, body)
            connection.update(outcome)

        connection = store.change("connection", connection_id, edit)
        if connection is None:
            find(store, "connection", connection_id)
            connection = trial
        if connection["paused"] != was_paused:
            name = "pause_connector" if connection["paused"] else "resume_connector"
            events.emit(name, connection, {})
        edited = sorted(name for name in body if name not in _NOT_EDITED)
        if edited:
            events.emit("edit_connector", connection, {"fields": edited})
        return answer(context.view(connection), "Connection has been updated")

    @routes.delete("/{connection_id}")
    def delete(connection_id: str) -> JSONResponse:
        connection = find(store, "connection", connection_id)
        store.delete("connection", connection_id)
        for kind in (CERTIFICATE, FINGERPRINT):
            for approval in store.every(kind):
                if approval["owner"] == connection_id:
                    store.delete(kind, approval["id"])
        events.emit("delete_connector", connection, {})
        left = left_behind(connection)
        return answer(message=f"Connection with id '{connection_id}' has been deleted{left}")

    @routes.get("/{connection_id}/state")
    def state(connection_id: str) -> JSONResponse:
        find(store, "connection", connection_id)
        return answer({"state": {}})

    @routes.post("/{connection_id}/test", openapi_extra=documented(SETUP_TEST))
    async def test(connection_id: str, request: Request) -> JSONResponse:
        connection = find(store, "connection", connection_id)
        body = await body_of(request, SETUP_TEST)
        outcome = await tested(connection, body)
        stored = store.change("connection", connection_id, lambda c: c.update(outcome))
        return answer(context.view(stored or connection), "Setup tests have been completed")

    return routes
