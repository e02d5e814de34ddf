"""Routes of a connection's schema config: which tables and columns are synced.

The config is looked up in the source when it is first asked for, and again on reload.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import closing

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse

from dataplatform.local.fivetran import schema_config
from dataplatform.local.fivetran.context import Context
from dataplatform.local.fivetran.envelope import ApiError, answer, invalid
from dataplatform.local.fivetran.fields import Field, Fields, checked, documented
from dataplatform.local.fivetran.model import SYNC_MODES, SyncFailure
from dataplatform.local.fivetran.requests import body_of, find
from dataplatform.local.fivetran.services.base import open_service
from dataplatform.local.fivetran.store import Document
from dataplatform.local.fivetran.sync import redacted

# What the API lets one change, from the whole down to a column. What a client has read may be sent
# back, so what is only shown is let pass.
_SHOWN: Fields = {
    "name_in_destination": Field("string"),
    "enabled_patch_settings": Field("object"),
}
_ENABLED: Fields = {"enabled": Field("boolean"), **_SHOWN}
COLUMN: Fields = {
    **_ENABLED,
    "hashed": Field("boolean"),
    "is_primary_key": Field("boolean"),
}
COLUMNS: Fields = {"columns": Field("object", required=True)}
TABLE: Fields = {
    **_ENABLED,
    "sync_mode": Field("string", choices=SYNC_MODES),
    "columns": Field("object"),
    "supports_columns_config": Field("boolean"),
}
SCHEMA: Fields = {**_ENABLED, "tables": Field("object")}
CONFIG: Fields = {
    "schema_change_handling": Field("string", choices=schema_config.HANDLINGS),
    "schemas": Field("object"),
}
RELOAD: Fields = {"exclude_mode": Field("string", choices=("PRESERVE", "INCLUDE", "EXCLUDE"))}


def schema_routes(context: Context, prefix: str) -> APIRouter:
    """Return the schema routes under one path family."""
    store = context.store
    routes = APIRouter(prefix=prefix + "/{connection_id}/schemas", tags=["Schemas"])

    def discovered(connection_id: str, *, reload: bool) -> Document:
        connection = find(store, "connection", connection_id)
        held: Document | None = connection["schema_config"]
        if held is not None and not reload:
            return held
        try:
            service = open_service(
                connection["service"], connection["schema"], connection["config"]
            )
            with closing(service):
                tables = service.discover()
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

    @routes.post("/reload", openapi_extra=documented(RELOAD))
    async def reload(connection_id: str, request: Request) -> JSONResponse:
        find(store, "connection", connection_id)
        mode = (await body_of(request, RELOAD)).get("exclude_mode", "PRESERVE")
        config = await run_in_threadpool(discovered, connection_id, reload=True)
        if mode != "PRESERVE":
            config = edited(connection_id, lambda held: _switch(held, mode == "INCLUDE"))
        return answer(schema_config.public(config))

    async def patched(connection_id: str, change: Document) -> JSONResponse:
        await run_in_threadpool(discovered, connection_id, reload=False)
        config = edited(connection_id, lambda held: schema_config.patch(held, change))
        return answer(schema_config.public(config))

    @routes.post("", openapi_extra=documented(CONFIG))
    @routes.patch("", openapi_extra=documented(CONFIG))
    async def change_schemas(connection_id: str, request: Request) -> JSONResponse:
        find(store, "connection", connection_id)
        body = await body_of(request, CONFIG)
        for name, schema in _parts(body, "schemas"):
            _check_schema(name, schema)
        return await patched(connection_id, body)

    @routes.patch("/{schema}", openapi_extra=documented(SCHEMA))
    async def change_schema(connection_id: str, schema: str, request: Request) -> JSONResponse:
        find(store, "connection", connection_id)
        body = await body_of(request)
        _check_schema(schema, body)
        return await patched(connection_id, {"schemas": {schema: body}})

    @routes.patch("/{schema}/tables/{table}", openapi_extra=documented(TABLE))
    async def change_table(
        connection_id: str, schema: str, table: str, request: Request
    ) -> JSONResponse:
        find(store, "connection", connection_id)
        body = await body_of(request)
        _check_table(table, body)
        return await patched(connection_id, {"schemas": {schema: {"tables": {table: body}}}})

    @routes.get("/{schema}/tables/{table}/columns")
    def get_columns(connection_id: str, schema: str, table: str) -> JSONResponse:
        config = discovered(connection_id, reload=False)
        entry = config["schemas"].get(schema, {}).get("tables", {}).get(table)
        if entry is None:
            raise ApiError(404, "NotFound_Table", f"Cannot find table '{schema}.{table}'.")
        return answer({"columns": schema_config.public(entry["columns"])})

    @routes.patch("/{schema}/tables/{table}/columns", openapi_extra=documented(COLUMNS))
    async def change_columns(
        connection_id: str, schema: str, table: str, request: Request
    ) -> JSONResponse:
        find(store, "connection", connection_id)
        body = await body_of(request, COLUMNS)
        _check_table(table, body)
        return await patched(connection_id, {"schemas": {schema: {"tables": {table: body}}}})

    @routes.patch("/{schema}/tables/{table}/columns/{column}", openapi_extra=documented(COLUMN))
    async def change_column(
        connection_id: str, schema: str, table: str, column: str, request: Request
    ) -> JSONResponse:
        find(store, "connection", connection_id)
        body = await body_of(request, COLUMN)
        change = {"schemas": {schema: {"tables": {table: {"columns": {column: body}}}}}}
        return await patched(connection_id, change)

    return routes


def _parts(body: Document, key: str) -> Iterable[tuple[str, Document]]:
    parts = body.get(key) or {}
    if not isinstance(parts, dict) or not all(isinstance(part, dict) for part in parts.values()):
        raise invalid(f"'{key}' must be an object of objects.")
    return parts.items()


def _checked(what: str, body: Document, fields: Fields) -> None:
    try:
        checked(body, fields)
    except ApiError as error:
        raise invalid(f"{what}: {error.message}") from error


def _check_schema(name: str, body: Document) -> None:
    _checked(f"Schema {name!r}", body, SCHEMA)
    for table, part in _parts(body, "tables"):
        _check_table(table, part)


def _check_table(name: str, body: Document) -> None:
    _checked(f"Table {name!r}", body, TABLE)
    for column, part in _parts(body, "columns"):
        _checked(f"Column {column!r}", part, COLUMN)


def _switch(config: Document, enabled: bool) -> None:
    """Enable or disable every table that nobody has decided on."""
    for schema in config["schemas"].values():
        for table in schema["tables"].values():
            if "_chosen" not in table:
                table["enabled"] = enabled
