"""Routes of a connection's schema config: which tables and columns are synced.

The config is looked up in the source when it is first asked for, and again on reload.
"""

from __future__ import annotations

from collections.abc import Callable

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse

from dataplatform.local.fivetran import schema_config
from dataplatform.local.fivetran.envelope import ApiError, answer, invalid
from dataplatform.local.fivetran.model import SyncFailure
from dataplatform.local.fivetran.routes_groups import body_of, find
from dataplatform.local.fivetran.services.base import open_service
from dataplatform.local.fivetran.store import Document, Store
from dataplatform.local.fivetran.sync import redacted


def schema_routes(store: Store, prefix: str) -> APIRouter:
    """Return the schema routes under one path family."""
    routes = APIRouter(prefix=prefix + "/{connection_id}/schemas")

    def discovered(connection_id: str, *, reload: bool) -> Document:
        connection = find(store, "connection", connection_id)
        held: Document | None = connection["schema_config"]
        if held is not None and not reload:
            return held
        try:
            tables = open_service(
                connection["service"], connection["schema"], connection["config"]
            ).discover()
        except SyncFailure as error:
            text = redacted(str(error), connection)
            if reload:
                raise ApiError(400, "SchemaReloadFailed", text) from error
            raise ApiError(
                404,
                "NotFound_SchemaConfig",
                f"The connection '{connection_id}' has no schema config yet: {text}",
            ) from error
        stored = store.change(
            "connection",
            connection_id,
            lambda c: c.update(
                schema_config=schema_config.merged(c["schema_config"], tables, forget=reload)
            ),
        )
        return stored["schema_config"] if stored else {}

    def edited(connection_id: str, edit: Callable[[Document], None]) -> Document:
        def change(connection: Document) -> None:
            try:
                edit(connection["schema_config"])
            except ValueError as error:
                raise invalid(str(error)) from error

        stored = store.change("connection", connection_id, change)
        return stored["schema_config"] if stored else {}

    @routes.get("")
    def get_schemas(connection_id: str) -> JSONResponse:
        return answer(schema_config.public(discovered(connection_id, reload=False)))

    @routes.post("/reload")
    async def reload(connection_id: str) -> JSONResponse:
        config = await run_in_threadpool(discovered, connection_id, reload=True)
        return answer(schema_config.public(config))

    @routes.post("")
    @routes.patch("")
    async def change_schemas(connection_id: str, request: Request) -> JSONResponse:
        body = await body_of(request)
        await run_in_threadpool(discovered, connection_id, reload=False)
        config = edited(connection_id, lambda held: schema_config.patch(held, body))
        return answer(schema_config.public(config))

    @routes.patch("/{schema}")
    async def change_schema(connection_id: str, schema: str, request: Request) -> JSONResponse:
        body = await body_of(request)
        await run_in_threadpool(discovered, connection_id, reload=False)
        config = edited(
            connection_id,
            lambda held: schema_config.patch(held, {"schemas": {schema: body}}),
        )
        return answer(schema_config.public(config))

    @routes.patch("/{schema}/tables/{table}")
    async def change_table(
        connection_id: str, schema: str, table: str, request: Request
    ) -> JSONResponse:
        body = await body_of(request)
        await run_in_threadpool(discovered, connection_id, reload=False)
        change = {"schemas": {schema: {"tables": {table: body}}}}
        config = edited(connection_id, lambda held: schema_config.patch(held, change))
        return answer(schema_config.public(config))

    @routes.get("/{schema}/tables/{table}/columns")
    def get_columns(connection_id: str, schema: str, table: str) -> JSONResponse:
        config = discovered(connection_id, reload=False)
        entry = config["schemas"].get(schema, {}).get("tables", {}).get(table)
        if entry is None:
            raise ApiError(404, "NotFound_Table", f"Cannot find table '{schema}.{table}'.")
        return answer({"columns": schema_config.public(entry["columns"])})

    @routes.patch("/{schema}/tables/{table}/columns/{column}")
    async def change_column(
        connection_id: str, schema: str, table: str, column: str, request: Request
    ) -> JSONResponse:
        body = await body_of(request)
        await run_in_threadpool(discovered, connection_id, reload=False)
        change = {"schemas": {schema: {"tables": {table: {"columns": {column: body}}}}}}
        config = edited(connection_id, lambda held: schema_config.patch(held, change))
        return answer(schema_config.public(config))

    return routes
