"""Routes of connections, under both of the API's path families.

``/v1/connections`` is the present family, ``/v1/connectors`` the older one that many clients still
call. Table and column choices are in ``routes_schemas``.
"""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse

from dataplatform.local.fivetran.envelope import ApiError, answer, invalid, page
from dataplatform.local.fivetran.routes_groups import body_of, find
from dataplatform.local.fivetran.runner import Runner
from dataplatform.local.fivetran.store import Document, Store
from dataplatform.local.fivetran.views import (
    change_connection,
    connection_view,
    new_connection,
    schema_of,
)

FAMILIES = ("/v1/connections", "/v1/connectors")


def require_ready(connection: Document) -> None:
    """Refuse a sync that cannot work.

    Raises:
        ApiError: the connection is paused or not set up.
    """
    if connection["paused"]:
        raise ApiError(
            409,
            "Conflict",
            f"The connection '{connection['id']}' is paused: resume it to sync.",
        )
    if connection["setup_state"] == "incomplete":
        reason = connection["tasks"][0]["message"] if connection["tasks"] else "run its setup tests"
        raise ApiError(
            409,
            "Conflict",
            f"The connection '{connection['id']}' is not set up: {reason}",
        )


def connection_routes(store: Store, runner: Runner, prefix: str) -> APIRouter:
    """Return the routes of connections under one path family."""
    routes = APIRouter(prefix=prefix)

    def view(connection: Document) -> Document:
        return connection_view(connection, syncing=runner.is_running(connection["id"]))

    @routes.get("")
    def list_connections(
        cursor: str | None = None, limit: int | None = None, group_id: str | None = None
    ) -> JSONResponse:
        held = [view(c) for c in store.every("connection") if group_id in (None, c["group_id"])]
        return answer(page(held, cursor, limit))

    @routes.post("")
    async def create_connection(request: Request) -> JSONResponse:
        body = await body_of(request)
        find(store, "group", str(body.get("group_id") or ""))
        connection = new_connection(body)
        for other in store.every("connection"):
            if (other["group_id"], other["schema"]) == (
                connection["group_id"],
                connection["schema"],
            ):
                raise ApiError(
                    409,
                    "Conflict",
                    f"The connection '{other['id']}' writes to {connection['schema']!r} already.",
                )
        if body.get("run_setup_tests", True):
            await run_in_threadpool(runner.run_setup_tests, connection)
        store.put("connection", connection)
        return answer(view(connection), "Connection has been created", 201)

    @routes.get("/{connection_id}")
    def get_connection(connection_id: str) -> JSONResponse:
        return answer(view(find(store, "connection", connection_id)))

    @routes.patch("/{connection_id}")
    async def change(connection_id: str, request: Request) -> JSONResponse:
        body = await body_of(request)
        trial = find(store, "connection", connection_id)
        changed = change_connection(trial, body)
        if trial["config"]:
            schema_of(trial["service"], trial["config"])
        outcome: Document = {}
        if body.get("run_setup_tests", changed):
            await run_in_threadpool(runner.run_setup_tests, trial)
            outcome = {key: trial[key] for key in ("setup_tests", "setup_state", "tasks")}

        def edit(connection: Document) -> None:
            # A sync may have ended meanwhile: only what was asked for is changed.
            change_connection(connection, body)
            connection.update(outcome)

        connection = store.change("connection", connection_id, edit)
        return answer(view(connection or trial), "Connection has been updated")

    @routes.delete("/{connection_id}")
    def delete(connection_id: str) -> JSONResponse:
        find(store, "connection", connection_id)
        store.delete("connection", connection_id)
        return answer(message=f"Connection with id '{connection_id}' has been deleted")

    @routes.get("/{connection_id}/state")
    def state(connection_id: str) -> JSONResponse:
        return answer({"state": {}} if find(store, "connection", connection_id) else None)

    @routes.post("/{connection_id}/test")
    async def test(connection_id: str) -> JSONResponse:
        connection = find(store, "connection", connection_id)
        await run_in_threadpool(runner.run_setup_tests, connection)
        outcome = {key: connection[key] for key in ("setup_tests", "setup_state", "tasks")}
        stored = store.change("connection", connection_id, lambda c: c.update(outcome))
        return answer(view(stored or connection), "Setup tests have been completed")

    def begin(connection_id: str, follow: bool) -> JSONResponse:
        require_ready(find(store, "connection", connection_id))
        started = runner.request(connection_id, follow=follow)
        return answer(
            message=f"Sync has been successfully triggered for connection with id '{connection_id}'"
            if started
            else f"The connection with id '{connection_id}' is syncing already"
        )

    @routes.post("/{connection_id}/sync")
    async def sync(connection_id: str, request: Request) -> JSONResponse:
        force = (await body_of(request)).get("force", False)
        if not isinstance(force, bool):
            raise invalid("'force' must be true or false.")
        return begin(connection_id, follow=force)

    @routes.post("/{connection_id}/force")
    def force(connection_id: str) -> JSONResponse:
        return begin(connection_id, follow=False)

    @routes.post("/{connection_id}/resync")
    async def resync(connection_id: str, request: Request) -> JSONResponse:
        require_ready(find(store, "connection", connection_id))
        scope = (await body_of(request)).get("scope")
        labels = _labels(scope) if scope else "all"
        store.change("connection", connection_id, lambda c: c.update(resync=labels))
        runner.request(connection_id, follow=True)
        return answer(message="Re-sync has been triggered successfully")

    @routes.post("/{connection_id}/schemas/tables/resync")
    async def resync_tables(connection_id: str, request: Request) -> JSONResponse:
        require_ready(find(store, "connection", connection_id))
        labels = _labels(await body_of(request))
        store.change("connection", connection_id, lambda c: c.update(resync=labels))
        runner.request(connection_id, follow=True)
        return answer(message="Re-sync has been triggered successfully")

    return routes


def _labels(scope: object) -> list[str]:
    """Return ``schema.table`` for a request such as ``{"public": ["orders"]}``."""
    if not isinstance(scope, dict) or not all(isinstance(v, list) for v in scope.values()):
        raise invalid("The tables to re-sync must be an object of lists, by schema.")
    return [f"{schema}.{table}" for schema, tables in scope.items() for table in tables]


def local_routes(store: Store) -> APIRouter:
    """Return the routes that only this service has."""
    routes = APIRouter(prefix="/v1/local")

    @routes.get("/connections/{connection_id}/syncs")
    def syncs(connection_id: str, limit: int = 100) -> JSONResponse:
        find(store, "connection", connection_id)
        return answer({"items": store.syncs(connection_id, limit)})

    return routes
