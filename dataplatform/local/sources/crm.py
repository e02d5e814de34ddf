"""The CRM's API, a program of its own: Salesforce's REST shape over the CRM's database.

Log-in by password, describe, and queries read page by page. A page's address carries where it
goes on, so pages outlive a restart, and rows changed meanwhile are neither lost nor doubled.

    python -m dataplatform.local.sources.crm --state DIR --port N
"""

from __future__ import annotations

import base64
import hmac
import json
import secrets
from pathlib import Path
from typing import Annotated, Any

import typer
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from dataplatform.local.sources import crm_store, sqlite_store
from dataplatform.local.sources.crm_objects import OBJECTS, Field
from dataplatform.local.sources.soql import Query, SoqlError, parse

VERSION = "v60.0"
_BASE = f"/services/data/{VERSION}"
PAGE = 2_000
_MOST_SESSIONS = 1_000


class ApiError(Exception):
    """An answer that is an error, in Salesforce's shape."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


class Sessions:
    """Who may log in, and who has."""

    def __init__(self, client_id: str, client_secret: str, username: str, password: str) -> None:
        self._client = (client_id, client_secret)
        self._user = (username, password)
        self._tokens: list[str] = []

    def log_in(self, form: dict[str, str]) -> str:
        """Return a new session's token.

        Raises:
            ApiError: the client or the user is not known.
        """
        if form.get("grant_type") != "password":
            raise ApiError(400, "unsupported_grant_type", "grant type not supported")
        if not _same(self._client, (form.get("client_id"), form.get("client_secret"))):
            raise ApiError(400, "invalid_client", "invalid client credentials")
        if not _same(self._user, (form.get("username"), form.get("password"))):
            raise ApiError(400, "invalid_grant", "authentication failure")
        self._tokens = [*self._tokens[1 - _MOST_SESSIONS :], secrets.token_urlsafe(32)]
        return self._tokens[-1]

    def require(self, request: Request) -> None:
        """Let a request pass if it carries a session's token."""
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if token not in self._tokens:
            raise ApiError(401, "INVALID_SESSION_ID", "Session expired or invalid")


def _same(known: tuple[str, str], given: tuple[str | None, str | None]) -> bool:
    return all(
        hmac.compare_digest(right.encode(), (said or "").encode())
        for right, said in zip(known, given, strict=True)
    )


def build_app(file: Path, sessions: Sessions) -> FastAPI:
    """Return the API over a CRM database, which may be made later."""
    app = FastAPI(title="CRM", openapi_url=None)

    @app.exception_handler(ApiError)
    def refuse(_: Request, error: ApiError) -> JSONResponse:
        if error.code.islower():
            body: Any = {"error": error.code, "error_description": str(error)}
        else:
            body = [{"errorCode": error.code, "message": str(error)}]
        return JSONResponse(body, error.status)

    @app.get("/health")
    def health() -> dict[str, bool]:
        return {"made": file.exists()}

    @app.post("/services/oauth2/token")
    async def token(request: Request) -> dict[str, str]:
        from urllib.parse import parse_qsl

        form = dict(parse_qsl((await request.body()).decode("utf-8", "replace")))
        return {
            "access_token": sessions.log_in({**dict(request.query_params), **form}),
            "instance_url": str(request.base_url).rstrip("/"),
            "token_type": "Bearer",
        }

    @app.get(f"{_BASE}/sobjects")
    def objects(request: Request) -> dict[str, Any]:
        sessions.require(request)
        return {"sobjects": [{"name": name, "queryable": True} for name in OBJECTS]}

    @app.get(f"{_BASE}/sobjects/{{name}}/describe")
    def describe(name: str, request: Request) -> dict[str, Any]:
        sessions.require(request)
        if name not in OBJECTS:
            raise ApiError(404, "NOT_FOUND", "The requested resource does not exist")
        return {"name": name, "fields": [_described(field) for field in OBJECTS[name]]}

    @app.get(f"{_BASE}/query")
    @app.get(f"{_BASE}/queryAll")
    def query(request: Request, q: str = "") -> JSONResponse:
        sessions.require(request)
        verb = request.url.path.rsplit("/", 1)[1]
        return _page(file, verb, {"q": q})

    @app.get(f"{_BASE}/query/{{locator}}")
    @app.get(f"{_BASE}/queryAll/{{locator}}")
    def more(request: Request, locator: str) -> JSONResponse:
        sessions.require(request)
        verb = request.url.path.rsplit("/", 2)[1]
        try:
            place = json.loads(base64.urlsafe_b64decode(locator.encode()))
            query = parse(place["q"])
            whole = isinstance(place["seen"], int) and isinstance(place["total"], int)
            if not whole or len(place["after"]) != len(query.order):
                raise ValueError
        except (ValueError, KeyError, TypeError, SoqlError):
            raise ApiError(400, "INVALID_QUERY_LOCATOR", "invalid query locator") from None
        return _page(file, verb, place)

    return app


def _described(field: Field) -> dict[str, Any]:
    return {
        "name": field.name,
        "type": field.type,
        "length": field.length,
        "nillable": field.nillable,
        "externalId": field.name.endswith("External_Id__c"),
        "custom": field.name.endswith("__c"),
        **({"precision": 18, "scale": 2} if field.sqlite == "REAL" else {}),
    }


def _page(file: Path, verb: str, place: dict[str, Any]) -> JSONResponse:
    """Return one page of a query; ``place`` says which query, and after which row."""
    try:
        query = parse(str(place["q"]))
    except SoqlError as error:
        raise ApiError(400, error.code, str(error)) from None
    if not file.exists():
        raise ApiError(503, "SERVER_UNAVAILABLE", "The CRM holds no data yet")
    where, values = query.where(deleted=verb == "queryAll")
    with sqlite_store.reading(file) as connection:
        total = place.get("total")
        if total is None:
            (total,) = connection.execute(
                f'SELECT count(*) FROM "{query.object}" WHERE {where}', values
            ).fetchone()
            total = total if query.limit is None else min(total, query.limit)
        if query.counts:
            return JSONResponse({"totalSize": total, "done": True, "records": []})
        key = ", ".join(f'"{name}"' for name in query.order)
        if place.get("after"):
            where += f" AND ({key}) > ({', '.join('?' * len(query.order))})"
            values = [*values, *place["after"]]
        seen = int(place.get("seen", 0))
        room = PAGE if query.limit is None else min(PAGE, query.limit - seen)
        columns = ", ".join(f'"{field.name}"' for field in query.fields)
        rows = connection.execute(
            f'SELECT {columns}, {key} FROM "{query.object}" WHERE {where} ORDER BY {key} LIMIT ?',
            [*values, room + 1],
        ).fetchall()
    return JSONResponse(_answer(query, verb, place, rows, room, seen, total))


def _answer(
    query: Query,
    verb: str,
    place: dict[str, Any],
    rows: list[Any],
    room: int,
    seen: int,
    total: int,
) -> dict[str, Any]:
    more = len(rows) > room and (query.limit is None or seen + room < query.limit)
    rows = rows[:room]
    width = len(query.fields)
    answer: dict[str, Any] = {
        "totalSize": total,
        "done": not more,
        "records": [_record(query, row[:width]) for row in rows],
    }
    if more:
        following = {"q": place["q"], "after": rows[-1][width:], "seen": seen + room}
        text = json.dumps({**following, "total": total}).encode()
        answer["nextRecordsUrl"] = f"{_BASE}/{verb}/{base64.urlsafe_b64encode(text).decode()}"
    return answer


def _record(query: Query, row: Any) -> dict[str, Any]:
    named = dict(zip(query.fields, row, strict=True))
    record: dict[str, Any] = {"attributes": {"type": query.object}}
    for field, value in named.items():
        record[field.name] = bool(value) if field.type == "boolean" else value
    if record.get("Id"):
        record["attributes"]["url"] = f"{_BASE}/sobjects/{query.object}/{record['Id']}"
    return record


def main(
    state: Annotated[Path, typer.Option()],
    port: Annotated[int, typer.Option()],
    client_id: Annotated[str, typer.Option(envvar="CRM_CLIENT_ID")],
    client_secret: Annotated[str, typer.Option(envvar="CRM_CLIENT_SECRET")],
    username: Annotated[str, typer.Option(envvar="CRM_USERNAME")],
    password: Annotated[str, typer.Option(envvar="CRM_PASSWORD")],
    host: Annotated[str, typer.Option()] = "127.0.0.1",
) -> None:
    """Serve the CRM until told to stop."""
    import uvicorn

    sessions = Sessions(client_id, client_secret, username, password)
    uvicorn.run(build_app(crm_store.file_in(state), sessions), host=host, port=port)


if __name__ == "__main__":
    typer.run(main)
