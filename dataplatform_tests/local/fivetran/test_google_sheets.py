"""Named ranges of spreadsheets, served by the local stand-in, through the running service."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn

from dataplatform.local.fivetran.model import SyncFailure
from dataplatform.local.fivetran.services.gcs import GcsBucket
from dataplatform.local.fivetran.services.google_sheets_api import SheetsApi
from dataplatform.local.sources.sheets import build_app
from dataplatform.local.sources.sheets_access import EMAIL, Readers
from dataplatform.local.sources.sheets_book import Book, rendered
from dataplatform_tests.child_server import free_port
from dataplatform_tests.local.fivetran.conftest import Service

PRICES = [
    ["Product", "Unit Price", "Since", "Active", "", "Note", "_fivetran_synced"],
    ["apple", 1, {"date": "2025-01-31"}, True, 7, "", "theirs"],
    ["pear", 2.5, "", False, "", "", ""],
    [],
    ["0012", 3, {"date": "2025-02-28"}, True],
]


class Sheets:
    """The stand-in with its folder, and what a connection to it needs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.endpoint = f"http://127.0.0.1:{free_port()}"
        self.readers = Readers(folder, self.endpoint)
        self.app = build_app(folder, self.readers)
        self.asked: list[str] = []
        # Status codes of answers to come, before the app is asked again.
        self.refusals: list[int] = []
        self.account = (folder / "service_account.json").read_text()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            self.asked.append(scope["path"])
            if self.refusals and scope["path"].startswith("/v4"):
                headers = [(b"retry-after", b"0")]
                status = self.refusals.pop(0)
                await send({"type": "http.response.start", "status": status, "headers": headers})
                await send({"type": "http.response.body", "body": b"busy"})
                return
        await self.app(scope, receive, send)

    def write(self, rows: list[list[Any]], name: str = "book", **more: Any) -> None:
        book = {
            "title": "Prices",
            "sheets": {"Notes": [["read me"]], "My Prices": [[], *([None, *row] for row in rows)]},
            "named_ranges": {"prices": "'My Prices'!B2:I", "notes": "Notes!A1:A1"},
            "shared_with": [EMAIL],
            **more,
        }
        (self.folder / f"{name}.json").write_text(json.dumps(book))

    def config(self, **more: Any) -> dict[str, Any]:
        return {
            "endpoint": self.endpoint,
            "sheet_id": "https://docs.google.com/spreadsheets/d/book/edit#gid=0",
            "named_range": "prices",
            "table": "prices",
            "schema": "raw_sheets",
            "secret_key": self.account,
            **more,
        }

    def api(self, **more: Any) -> SheetsApi:
        return SheetsApi(self.config(**more))


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sheets]:
    sheets = Sheets(tmp_path_factory.mktemp("sheets"))
    port = int(sheets.endpoint.rpartition(":")[2])
    server = uvicorn.Server(
        uvicorn.Config(sheets, host="127.0.0.1", port=port, log_level="error", lifespan="off")  # type: ignore[arg-type]
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 60
    while not server.started:
        assert time.monotonic() < deadline, "the stand-in did not start"
        time.sleep(0.02)
    yield sheets
    server.should_exit = True
    thread.join(10)


@pytest.fixture
def sheets(served: Sheets) -> Sheets:
    served.write(PRICES)
    served.asked.clear()
    served.refusals.clear()
    return served


@pytest.mark.slow
def test_a_range_follows_its_sheet(service: Service, sheets: Sheets) -> None:
    connection = service.connect("google_sheets", sheets.config())
    assert service.details(connection)["status"]["setup_state"] == "connected"
    record = service.sync(connection)
    assert record["status"] == "SUCCESSFUL", record
    assert record["by_table"] == {"prices": (3, 0, 0)}
    described = [row[:2] for row in service.rows("DESCRIBE raw_sheets.prices")]
    assert described == [
        ("product", "VARCHAR"), ("unit_price", "DOUBLE"), ("since", "DATE"),
        ("active", "BOOLEAN"), ("column_4", "BIGINT"), ("note", "VARCHAR"), ("_row", "BIGINT"),
        ("_fivetran_synced", "TIMESTAMP WITH TIME ZONE"),
    ]  # fmt: skip
    rows = "SELECT _row, product, unit_price, since::varchar, active, column_4 "
    assert service.rows(rows + "FROM raw_sheets.prices ORDER BY _row") == [
        (1, "apple", 1.0, "2025-01-31", True, 7),
        (2, "pear", 2.5, None, False, None),
        (4, "0012", 3.0, "2025-02-28", True, None),
    ]
    assert service.sync(connection)["by_table"] == {"prices": (0, 0, 0)}

    sheets.write([[*PRICES[0], "New"], PRICES[1], ["pear", "dear", "", False, "", "", "", "x"]])
    assert service.sync(connection)["by_table"] == {"prices": (0, 2, 1)}
    rows = "SELECT _row, unit_price, new FROM raw_sheets.prices ORDER BY _row"
    assert service.rows(rows) == [(1, "1", None), (2, "dear", "x")]
    sheets.write(PRICES[:1])
    assert service.sync(connection)["by_table"] == {"prices": (0, 0, 2)}
    assert "private_key" not in json.dumps(service.details(connection))


@pytest.mark.slow
def test_cells_that_show_errors_are_set_aside(service: Service, sheets: Sheets) -> None:
    sheets.write([["a", "b"], [1, "#REF!"], [2, 3], ["#DIV/0!", 4]])
    connection = service.connect("google_sheets", sheets.config())
    record = service.sync(connection)
    assert record["tables"][0]["quarantined"] == 2
    assert service.rows("SELECT _file, _line, reason FROM raw_sheets._fivetran_quarantine") == [
        ("prices", 1, "the cell of column 'b' shows the error #REF!"),
        ("prices", 3, "the cell of column 'a' shows the error #DIV/0!"),
    ]
    sheets.write([["a", "b"], [1, 1], [2, 3], [3, 4]])
    assert service.sync(connection)["by_table"] == {"prices": (2, 0, 0)}
    assert service.rows("SELECT * FROM raw_sheets._fivetran_quarantine") == []


@pytest.mark.slow
def test_a_range_that_loses_its_header_fails_and_keeps_its_rows(
    service: Service, sheets: Sheets
) -> None:
    connection = service.connect("google_sheets", sheets.config())
    service.sync(connection)
    sheets.write([])
    record = service.sync(connection)
    assert record["status"] == "FAILED"
    assert "has nothing in its first row" in record["error"]
    assert service.rows("SELECT count(*) FROM raw_sheets.prices") == [(3,)]


def test_a_token_is_fetched_once_and_again_when_withdrawn(sheets: Sheets) -> None:
    api = sheets.api()
    api.require_range("prices")
    assert len(api.values("prices")) == 5
    assert sheets.asked.count("/token") == 1
    sheets.readers._tokens.clear()
    assert len(api.values("prices")) == 5
    assert sheets.asked.count("/token") == 2


def test_a_busy_server_is_asked_again_but_not_for_ever(
    sheets: Sheets, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "sleep", lambda _: None)
    sheets.refusals[:] = [429, 503, 500]
    assert len(sheets.api().values("prices")) == 5
    sheets.refusals[:] = [503] * 10
    with pytest.raises(SyncFailure, match="is too busy: HTTP 503") as failed:
        sheets.api().values("prices")
    assert failed.value.code == "source_unreachable"
    assert len(sheets.refusals) == 6


def test_whom_a_spreadsheet_is_not_shared_with(sheets: Sheets) -> None:
    sheets.write(PRICES, shared_with=[])
    with pytest.raises(SyncFailure, match=f"does not have permission. Share it with {EMAIL}") as no:
        sheets.api().require_range("prices")
    assert no.value.broken
    key = (sheets.folder / "api_key").read_text()
    public = {"secret_key": None, "api_key": key}
    with pytest.raises(SyncFailure, match="make it public"):
        sheets.api(**public).require_range("prices")
    sheets.write(PRICES, shared_with=["public"])
    assert len(sheets.api(**public).values("prices")) == 5
    with pytest.raises(SyncFailure, match="API key not valid"):
        sheets.api(secret_key=None, api_key="wrong").values("prices")


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"named_range": "price"}, "no named range 'price'. Did you mean 'prices'"),
        ({"sheet_id": "elsewhere"}, "There is no spreadsheet 'elsewhere'"),
        ({"endpoint": "http://127.0.0.1:9"}, "cannot be reached: ConnectError"),
        ({"secret_key": None}, "needs 'secret_key', a service account's JSON key, or 'api_key'"),
        ({"secret_key": "{}"}, "must be the JSON key of a Google service account"),
    ],
)
def test_what_is_wrong_is_said(
    sheets: Sheets, settings: dict[str, Any], sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "sleep", lambda _: None)
    with pytest.raises(SyncFailure) as failed:
        sheets.api(**settings).require_range(settings.get("named_range", "prices"))
    assert sentence in str(failed.value)


def test_another_accounts_signature_is_refused(sheets: Sheets, tmp_path: Path) -> None:
    Readers(tmp_path, sheets.endpoint)
    other = (tmp_path / "service_account.json").read_text()
    with pytest.raises(SyncFailure, match="cannot log in") as failed:
        sheets.api(secret_key=other).values("prices")
    assert failed.value.code == "credentials_rejected"
    assert json.loads(other)["private_key"] not in str(failed.value)


def test_an_account_that_may_not_read_buckets(sheets: Sheets) -> None:
    config = {"bucket": "b", "endpoint": sheets.endpoint, "secret_key": sheets.account}
    with pytest.raises(SyncFailure, match=r"Bucket .b. at .* refuses the credentials") as refused:
        GcsBucket(config).listed("")
    assert refused.value.broken
    assert set(sheets.asked) == {"/token"}


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("book/values/prices?valueRenderOption=RAW", 400),
        ("book/values/prices?majorDimesion=ROWS", 400),
        ("book/values/nothing", 400),
        ("book/values/Notes!A0", 400),
        ("book?includeGridData=true", 400),
        ("book?fields=nonsense", 400),
        ("..%2Fservice_account/values/prices", 404),
        ("book/values/prices", 200),
    ],
)
def test_the_stand_in_checks_what_it_is_asked(sheets: Sheets, path: str, status: int) -> None:
    address = f"{sheets.endpoint}/v4/spreadsheets/{path}"
    assert httpx.get(address).status_code in (403, 404)
    api = sheets.api()
    answer = httpx.get(address, headers={"Authorization": f"Bearer {api._token()}"})
    assert answer.status_code == status, answer.text
    if status == 400:
        assert answer.json()["error"]["status"] == "INVALID_ARGUMENT"


BOOK = Book("b", "B", {"S": [[1, 2, 3], [4, 5], [], [6]], "it's": [["x"]]}, {"n": "S!B1:C"}, ())


@pytest.mark.parametrize(
    ("text", "told", "rows"),
    [
        ("S", "S!A1:C4", [[1, 2, 3], [4, 5], [], [6]]),
        ("A1:B2", "S!A1:B2", [[1, 2], [4, 5]]),
        ("S!B2", "S!B2:B2", [[5]]),
        ("S!A:A", "S!A1:A4", [[1], [4], [], [6]]),
        ("S!2:3", "S!A2:C3", [[4, 5]]),
        ("n", "S!B1:C4", [[2, 3], [5]]),
        ("'it''s'!A1:B9", "'it''s'!A1:B9", [["x"]]),
        ("S!AA1:AB2", "S!AA1:AB2", []),
    ],
)
def test_ranges_in_a1_notation(text: str, told: str, rows: list[list[Any]]) -> None:
    area = BOOK.area(text)
    assert (BOOK.told(area), BOOK.rows(area)) == (told, rows)


def test_how_cells_are_told() -> None:
    day = {"date": "2025-01-31"}
    assert rendered(day, "UNFORMATTED_VALUE", "SERIAL_NUMBER") == 45688
    assert rendered(day, "UNFORMATTED_VALUE", "FORMATTED_STRING") == "2025-01-31"
    assert rendered(True, "FORMATTED_VALUE", "SERIAL_NUMBER") == "TRUE"
    assert rendered(1.5, "UNFORMATTED_VALUE", "SERIAL_NUMBER") == 1.5
