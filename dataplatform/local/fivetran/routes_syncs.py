"""Routes that start syncs: now, from the beginning, or of some tables from the beginning."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from dataplatform.local.fivetran.context import Context
from dataplatform.local.fivetran.envelope import ApiError, answer, conflict, invalid
from dataplatform.local.fivetran.fields import Field, documented
from dataplatform.local.fivetran.outcomes import ask_resync
from dataplatform.local.fivetran.requests import body_of, find
from dataplatform.local.fivetran.store import Document

SYNC: Mapping[str, Field] = {"force": Field("boolean")}
RESYNC: Mapping[str, Field] = {"scope": Field("object")}
_SCOPE = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "additionalProperties": {"type": "array", "items": {"type": "string"}},
                }
            }
        },
    }
}


def require_ready(connection: Document) -> None:
    """Refuse a sync that cannot work.

    Raises:
        ApiError: the connection is paused or not set up.
    """
    if connection["paused"]:
        raise conflict(f"The connection '{connection['id']}' is paused: resume it to sync.")
    if connection["setup_state"] == "incomplete":
        tasks = connection["tasks"]
        reason = tasks[0]["message"] if tasks else "run its setup tests."
        raise conflict(f"The connection '{connection['id']}' is not set up: {reason}")


def sync_routes(context: Context, prefix: str) -> APIRouter:
    """Return the routes that start syncs under one path family."""
    store, events, runner = context.store, context.events, context.runner
    routes = APIRouter(prefix=prefix, tags=["Syncs"])

    def ready(connection_id: str) -> Document:
        connection = find(store, "connection", connection_id)
        require_ready(connection)
        return connection

    def begin(connection_id: str, force: bool) -> JSONResponse:
        connection = ready(connection_id)
        if force:
            events.emit("force_update_connector", connection, {})
        if runner.request(connection_id, follow=force):
            said = f"Sync has been successfully triggered for connection with id '{connection_id}'"
        else:
            said = f"The connection with id '{connection_id}' is syncing already"
        return answer(message=said)

    def again(connection_id: str, labels: list[str] | None, event: str) -> JSONResponse:
        connection = ready(connection_id)

        asked = "all" if labels is None else labels
        store.change("connection", connection_id, lambda held: ask_resync(held, asked))
        events.emit(event, connection, {} if labels is None else {"tables": labels})
        runner.request(connection_id, follow=True)
        return answer(message="Re-sync has been triggered successfully")

    @routes.post("/{connection_id}/sync", openapi_extra=documented(SYNC))
    async def sync(connection_id: str, request: Request) -> JSONResponse:
        find(store, "connection", connection_id)
        return begin(connection_id, (await body_of(request, SYNC)).get("force", False))

    @routes.post("/{connection_id}/force")
    def force(connection_id: str) -> JSONResponse:
        return begin(connection_id, False)

    @routes.post("/{connection_id}/resync", openapi_extra=documented(RESYNC))
    async def resync(connection_id: str, request: Request) -> JSONResponse:
        connection = find(store, "connection", connection_id)
        scope = (await body_of(request, RESYNC)).get("scope")
        labels = None if scope is None else _labels(scope, connection)
        event = "resync_connector" if labels is None else "resync_table"
        return again(connection_id, labels, event)

    @routes.post("/{connection_id}/schemas/tables/resync", openapi_extra=_SCOPE)
    async def resync_tables(connection_id: str, request: Request) -> JSONResponse:
        connection = find(store, "connection", connection_id)
        labels = _labels(await body_of(request), connection)
        return again(connection_id, labels, "resync_table")

    return routes


def _labels(scope: Document, connection: Document) -> list[str]:
    """Return ``schema.table`` for a request such as ``{"public": ["orders"]}``.

    Raises:
        ApiError: the request names no table, or one that the connection does not have.
    """
    lists = all(isinstance(v, list) for v in scope.values())
    if not lists or not all(isinstance(t, str) for v in scope.values() for t in v):
        raise invalid("The tables to re-sync must be an object of lists of names, by schema.")
    places = [(schema, table) for schema, tables in scope.items() for table in tables]
    if not places:
        raise invalid("Name at least one table to re-sync.")
    config = connection["schema_config"]
    if config is not None:
        for schema, table in places:
            if table not in config["schemas"].get(schema, {}).get("tables", {}):
                raise ApiError(404, "NotFound_Table", f"Cannot find table '{schema}.{table}'.")
    return [f"{schema}.{table}" for schema, table in places]
