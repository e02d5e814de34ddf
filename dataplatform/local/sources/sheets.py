"""Google Sheets on a laptop, a program of its own: the reading half of its API, version 4.

Serves ``spreadsheets.get`` without cells and ``spreadsheets.values.get`` over the files of a
folder, to service accounts and API keys that may read them. At its first start it makes a service
account, ``service_account.json``, and the key ``api_key`` beside it. It is started by hand:

    python -m dataplatform.local.sources.sheets --state DIR --port N
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import parse_qs

import typer
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from dataplatform.local.sources.sheets_access import ApiError, Readers
from dataplatform.local.sources.sheets_book import BadRange, Book, read_book, rendered

_COMMON = {"key": None, "alt": ("json",), "prettyPrint": ("true", "false")}
_GET = {**_COMMON, "fields": None, "includeGridData": ("false",)}
_VALUES = {
    **_COMMON,
    "majorDimension": ("ROWS", "COLUMNS"),
    "valueRenderOption": ("FORMATTED_VALUE", "UNFORMATTED_VALUE", "FORMULA"),
    "dateTimeRenderOption": ("SERIAL_NUMBER", "FORMATTED_STRING"),
}
_STATUS = {400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED"}


def build_app(folder: Path, readers: Readers) -> FastAPI:
    """Return the API over a folder of spreadsheets, which may change at any time."""
    app = FastAPI(title="Sheets", openapi_url=None)

    @app.exception_handler(ApiError)
    def refuse(request: Request, error: ApiError) -> JSONResponse:
        if request.url.path == "/token":
            code, _, text = str(error).partition(": ")
            return JSONResponse({"error": code, "error_description": text}, error.status)
        status = _STATUS.get(error.status, "NOT_FOUND")
        body = {"code": error.status, "message": str(error), "status": status}
        return JSONResponse({"error": body}, error.status)

    @app.get("/health")
    def health() -> dict[str, bool]:
        return {"healthy": True}

    @app.post("/token")
    async def token(request: Request) -> dict[str, Any]:
        form = parse_qs((await request.body()).decode("utf-8", "replace"))
        return readers.log_in({key: values[0] for key, values in form.items()})

    def book(request: Request, identifier: str, known: Mapping[str, Any]) -> Book:
        reader = readers.reader(request)
        _check(request.query_params, known)
        found = read_book(folder, identifier)
        if found is None:
            raise ApiError(404, "Requested entity was not found.")
        if not {reader, "public"} & set(found.shared_with):
            raise ApiError(403, "The caller does not have permission")
        return found

    @app.get("/v4/spreadsheets/{identifier}")
    def spreadsheet(identifier: str, request: Request) -> dict[str, Any]:
        found = book(request, identifier, _GET)
        answer = _described(found)
        mask = request.query_params.get("fields")
        if mask is None:
            return answer
        wanted = mask.split(",")
        for field in wanted:
            if field not in answer:
                raise ApiError(400, f"Request contains an invalid argument: fields {field!r}.")
        return {name: value for name, value in answer.items() if name in wanted}

    @app.get("/v4/spreadsheets/{identifier}/values/{area:path}")
    def values(identifier: str, area: str, request: Request) -> dict[str, Any]:
        return _values(book(request, identifier, _VALUES), area, request.query_params)

    return app


def _check(given: Mapping[str, str], known: Mapping[str, Any]) -> None:
    for name, value in given.items():
        if name not in known:
            raise ApiError(
                400,
                f'Invalid JSON payload received. Unknown name "{name}": Cannot bind query '
                "parameter.",
            )
        if known[name] is not None and value not in known[name]:
            raise ApiError(400, f"Invalid value at '{name}', \"{value}\"")


def _described(book: Book) -> dict[str, Any]:
    return {
        "spreadsheetId": book.id,
        "properties": {"title": book.title, "locale": "en_US", "timeZone": "Etc/UTC"},
        "sheets": [
            {"properties": {"sheetId": number, "title": name, "index": number}}
            for number, name in enumerate(book.sheets)
        ],
        "namedRanges": [
            {"namedRangeId": f"range{n}", "name": name, "range": book.grid(book.area(text))}
            for n, (name, text) in enumerate(book.named_ranges.items())
        ],
    }


def _values(book: Book, text: str, given: Mapping[str, str]) -> dict[str, Any]:
    try:
        area = book.area(text)
    except BadRange as error:
        raise ApiError(400, str(error)) from None
    values = given.get("valueRenderOption", "FORMATTED_VALUE")
    dates = given.get("dateTimeRenderOption", "SERIAL_NUMBER")
    rows = [[rendered(cell, values, dates) for cell in row] for row in book.rows(area)]
    major = given.get("majorDimension", "ROWS")
    if major == "COLUMNS":
        width = max((len(row) for row in rows), default=0)
        rows = [[row[n] if n < len(row) else "" for row in rows] for n in range(width)]
    answer: dict[str, Any] = {"range": book.told(area), "majorDimension": major}
    return answer | ({"values": rows} if rows else {})


def main(
    state: Annotated[Path, typer.Option()],
    port: Annotated[int, typer.Option()],
    host: Annotated[str, typer.Option()] = "127.0.0.1",
) -> None:
    """Serve the folder's spreadsheets until told to stop."""
    import uvicorn

    readers = Readers(state, f"http://{host}:{port}")
    uvicorn.run(build_app(state, readers), host=host, port=port)


if __name__ == "__main__":
    typer.run(main)
