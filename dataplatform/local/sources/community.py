"""The community site's API, a program of its own: JSONPlaceholder's shape, with real manners.

Lists come in pages with the total and links to the next; an unchanged page answers 304 to who
knows its tag; and every so often a client is told to wait.

    python -m dataplatform.local.sources.community --state DIR --port N
"""

from __future__ import annotations

import hashlib
import sqlite3
import threading
from collections import OrderedDict
from pathlib import Path
from typing import Annotated
from urllib.parse import urlencode

import typer
from fastapi import FastAPI, Query, Request
from fastapi.responses import JSONResponse, Response

from dataplatform.local.sources import community_store, sqlite_store
from dataplatform.local.sources.community_store import RESOURCES

#: Of a client's requests, every so manieth is refused.
REFUSED_EVERY = 50
RETRY_AFTER_SECONDS = 1
MOST_PER_PAGE = 500
_MOST_CLIENTS = 1_000


class Patience:
    """Counts each client's requests and says when it must wait."""

    def __init__(self) -> None:
        self._counts: OrderedDict[str, int] = OrderedDict()
        self._guard = threading.Lock()

    def is_over(self, client: str) -> bool:
        """Count a request; tell whether it is one of those that are refused."""
        with self._guard:
            count = self._counts.pop(client, 0) + 1
            self._counts[client] = count
            if len(self._counts) > _MOST_CLIENTS:
                self._counts.popitem(last=False)
            return count % REFUSED_EVERY == 0


def build_app(file: Path) -> FastAPI:
    """Return the API over a community database, which may be made later."""
    app = FastAPI(title="Community", openapi_url=None)
    patience = Patience()

    @app.get("/health")
    def health() -> dict[str, bool]:
        return {"made": file.exists()}

    @app.get("/{resource}")
    def page(
        request: Request,
        resource: str,
        number: Annotated[int, Query(alias="_page", ge=1, le=10**9)] = 1,
        limit: Annotated[int, Query(alias="_limit", ge=1)] = 10,
    ) -> Response:
        refusal = _refusal(file, patience, request, resource)
        if refusal is not None:
            return refusal
        limit = min(limit, MOST_PER_PAGE)
        owner = RESOURCES[resource]
        asked = request.query_params.get(owner) if owner else None
        where, values = ("owner = ?", [asked]) if asked is not None else ("1 = 1", [])
        with sqlite_store.reading(file) as connection:
            (total,) = connection.execute(
                f"SELECT count(*) FROM {resource} WHERE {where}", values
            ).fetchone()
            rows = _rows(connection, resource, where, values, (number - 1) * limit, limit)
        answer = _tagged(request, f"[{','.join(rows)}]")
        answer.headers["X-Total-Count"] = str(total)
        links = _links(request, number, limit, total)
        if links:
            answer.headers["Link"] = links
        return answer

    @app.get("/{resource}/{number}")
    def one(request: Request, resource: str, number: int) -> Response:
        refusal = _refusal(file, patience, request, resource)
        if refusal is not None:
            return refusal
        with sqlite_store.reading(file) as connection:
            rows = _rows(connection, resource, "id = ?", [str(number)], 0, 1)
        return _tagged(request, rows[0]) if rows else JSONResponse({}, 404)

    return app


def _rows(
    connection: sqlite3.Connection,
    resource: str,
    where: str,
    values: list[str],
    skip: int,
    limit: int,
) -> list[str]:
    statement = f"SELECT body FROM {resource} WHERE {where} ORDER BY id LIMIT ? OFFSET ?"
    return [row[0] for row in connection.execute(statement, [*values, limit, skip])]


def _refusal(file: Path, patience: Patience, request: Request, resource: str) -> Response | None:
    host = request.client.host if request.client else ""
    if patience.is_over(f"{host} {request.headers.get('user-agent', '')}"):
        return JSONResponse(
            {"error": "too many requests"}, 429, {"Retry-After": str(RETRY_AFTER_SECONDS)}
        )
    if resource not in RESOURCES:
        return JSONResponse({}, 404)
    if not file.exists():
        return JSONResponse({"error": "the site holds no data yet"}, 503)
    return None


def _tagged(request: Request, body: str) -> Response:
    """Return a body under its tag, or 304 to who has it already."""
    content = body.encode()
    tag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    known = {part.strip().removeprefix("W/") for part in _header(request, "if-none-match")}
    if tag in known or "*" in known:
        return Response(status_code=304, headers={"ETag": tag})
    return Response(content, media_type="application/json", headers={"ETag": tag})


def _header(request: Request, name: str) -> list[str]:
    value = request.headers.get(name)
    return value.split(",") if value else []


def _links(request: Request, number: int, limit: int, total: int) -> str:
    last = max(1, -(-total // limit))
    wanted = {"first": 1, "prev": number - 1, "next": number + 1, "last": last}
    rest = [(k, v) for k, v in request.query_params.multi_items() if k not in ("_page", "_limit")]
    base = str(request.url.replace(query=""))
    return ", ".join(
        f'<{base}?{urlencode([*rest, ("_page", page), ("_limit", limit)])}>; rel="{name}"'
        for name, page in wanted.items()
        if 1 <= page <= last
    )


def main(
    state: Annotated[Path, typer.Option()],
    port: Annotated[int, typer.Option()],
    host: Annotated[str, typer.Option()] = "127.0.0.1",
) -> None:
    """Serve the community site until told to stop."""
    import uvicorn

    uvicorn.run(build_app(community_store.file_in(state)), host=host, port=port)


if __name__ == "__main__":
    typer.run(main)
