"""Files in a real S3 server through the running service."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from typing import Any

import pytest

from dataplatform_tests.child_server import inner_ports
from dataplatform_tests.local.fivetran.conftest import Service, serve

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def store() -> Iterator[dict[str, str]]:
    from dataplatform.local.object_store import ObjectStore

    with serve(ObjectStore, inner_ports=inner_ports(ObjectStore)) as server:
        yield {
            "endpoint": f"http://127.0.0.1:{server.port}",
            "access_key_id": server.credentials["access_key"],
            "secret_access_key": server.credentials["secret_key"],
        }


class Bucket:
    def __init__(self, store: dict[str, str], name: str) -> None:
        import boto3

        self.client = boto3.client(
            "s3",
            endpoint_url=store["endpoint"],
            region_name="us-east-1",
            aws_access_key_id=store["access_key_id"],
            aws_secret_access_key=store["secret_access_key"],
        )
        self.name = name
        self.client.create_bucket(Bucket=name)

    def put(self, key: str, body: str | bytes) -> None:
        self.client.put_object(
            Bucket=self.name,
            Key=key,
            Body=body.encode() if isinstance(body, str) else body,
        )

    def put_lines(self, key: str, *rows: Any) -> None:
        self.put(key, "".join(json.dumps(row) + "\n" for row in rows))


@pytest.fixture
def bucket(store: dict[str, str], request: pytest.FixtureRequest) -> Bucket:
    return Bucket(store, request.node.name.replace("_", "-").lower()[:60].strip("-"))


def connect(service: Service, store: dict[str, str], bucket: Bucket, *files: Any) -> str:
    config = {
        **store,
        "schema": "raw_files",
        "bucket": bucket.name,
        "files": list(files),
    }
    return service.connect("s3", config)


USERS = {
    "table_name": "users",
    "file_pattern": r"users/.*\.jsonl",
    "primary_keys": ["id"],
}


def test_keyed_rows_are_kept_once_and_nested_ones_as_json(
    service: Service, store: dict[str, str], bucket: Bucket
) -> None:
    bucket.put_lines(
        "users/1.jsonl",
        {"id": 1, "userName": "Ann", "address": {"geo": {"lat": 1.5}}, "score": 1},
        {"id": 2, "userName": "Bob", "address": None, "score": 2},
    )
    connection = connect(service, store, bucket, USERS)
    assert service.sync(connection)["by_table"] == {"users": (2, 0, 0)}
    assert service.sync(connection)["by_table"] == {"users": (0, 0, 0)}
    bucket.put_lines("users/2.jsonl", {"id": 2, "userName": "Rob", "score": 2.5, "new": True})
    assert service.sync(connection)["by_table"] == {"users": (0, 1, 0)}
    rows = service.rows(
        "SELECT id, user_name, address->>'$.geo.lat', score, new, _file, _line "
        "FROM raw_files.users ORDER BY id"
    )
    assert rows == [
        (1, "Ann", "1.5", 1.0, None, "users/1.jsonl", 1),
        (2, "Rob", None, 2.5, True, "users/2.jsonl", 1),
    ]
    columns = dict(row[:2] for row in service.rows("DESCRIBE raw_files.users"))
    assert columns == {
        "id": "BIGINT",
        "user_name": "VARCHAR",
        "address": "JSON",
        "score": "DOUBLE",
        "new": "BOOLEAN",
        "_file": "VARCHAR",
        "_line": "BIGINT",
        "_modified": "TIMESTAMP WITH TIME ZONE",
        "_fivetran_synced": "TIMESTAMP WITH TIME ZONE",
    }


def test_malformed_rows_are_set_aside_and_the_rest_loads(
    service: Service, store: dict[str, str], bucket: Bucket
) -> None:
    bucket.put(
        "users/1.jsonl",
        b'{"id": 1}\n{"id": 2,\n[3]\n{"name": "no key"}\n\n{"id": 4, "n": NaN}\n'
        b'{"id": 5, "t": "\xff"}\n{"id": 6, "name": "ok"}\n',
    )
    bucket.put("rows/1.csv", b'a,b\n1,x\n2\n3,y\n\x00,\n4,"z\n' + b"5,\xff\n")
    csv = {"table_name": "rows", "file_pattern": r"rows/.*\.csv"}
    connection = connect(service, store, bucket, USERS, csv)
    record = service.sync(connection)
    assert record["status"] == "SUCCESSFUL", record
    counts = {t["table"]: (t["inserted"], t["quarantined"]) for t in record["tables"]}
    assert counts["users"] == (2, 5)
    assert counts["rows"][1] >= 2
    reasons = service.rows(
        "SELECT _line, reason FROM raw_files._fivetran_quarantine "
        "WHERE table_name = 'users' ORDER BY _line"
    )
    assert [line for line, _ in reasons] == [2, 3, 4, 6, 7]
    assert reasons[2][1] == "the primary key 'id' is missing"
    warnings = service.details(connection)["status"]["warnings"]
    assert warnings[0]["code"] == "rows_quarantined"
    assert service.sync(connection)["by_table"]["users"] == (0, 0, 0)


def test_formats(service: Service, store: dict[str, str], bucket: Bucket, tmp_path: Any) -> None:
    import duckdb

    duckdb.sql(
        "SELECT 1::int AS id, 1.50::decimal(9,2) AS price, [1, 2] AS tags, "
        "TIMESTAMPTZ '2025-01-01 00:00:00+00' AS seen"
    ).write_parquet(str(tmp_path / "a.parquet"))
    bucket.put("in/a.parquet", (tmp_path / "a.parquet").read_bytes())
    bucket.put("in/b.json", json.dumps([{"id": 1, "x": "é"}, {"id": 2, "x": 7}]))
    bucket.put("in/c.csv.gz", gzip.compress(b"id,day,n\n1,2025-01-01,01\n2,,2\n"))
    bucket.put("in/broken.csv.gz", b"not gzip")
    files = [
        {"table_name": "a", "file_pattern": r".*\.parquet", "primary_keys": ["id"]},
        {"table_name": "b", "file_pattern": r".*\.json", "primary_keys": ["id"]},
        {"table_name": "c", "file_pattern": r".*\.csv\.gz", "primary_keys": ["id"]},
    ]
    connection = connect(service, store, bucket, *files)
    record = service.sync(connection)
    assert record["by_table"] == {"a": (1, 0, 0), "b": (2, 0, 0), "c": (2, 0, 0)}, record
    assert service.rows("SELECT price::varchar, tags::varchar, seen::varchar FROM raw_files.a") == [
        ("1.50", "[1,2]", "2025-01-01 00:00:00+00")
    ]
    assert service.rows("SELECT x FROM raw_files.b ORDER BY id") == [("é",), ("7",)]
    assert service.rows("SELECT day::varchar, n FROM raw_files.c ORDER BY id") == [
        ("2025-01-01", "01"),
        (None, "2"),
    ]


def test_without_key_a_replaced_file_replaces_its_rows(
    service: Service, store: dict[str, str], bucket: Bucket
) -> None:
    entry = {"table_name": "log", "file_pattern": r".*\.jsonl"}
    bucket.put_lines("log/1.jsonl", {"m": "a"}, {"m": "b"}, {"m": "c"})
    bucket.put_lines("log/2.jsonl", {"m": "d"})
    connection = connect(service, store, bucket, entry)
    assert service.sync(connection)["by_table"] == {"log": (4, 0, 0)}
    bucket.put_lines("log/1.jsonl", {"m": "a"}, {"m": "B"})
    # The row that is alike is touched if the clock of the store, in seconds, moved on.
    inserted, updated, removed = service.sync(connection)["by_table"]["log"]
    assert (inserted, removed) == (0, 1)
    assert updated in (1, 2)
    assert service.rows("SELECT m FROM raw_files.log ORDER BY _file, _line") == [
        ("a",),
        ("B",),
        ("d",),
    ]


def test_an_empty_bucket_and_a_type_that_grows(
    service: Service, store: dict[str, str], bucket: Bucket
) -> None:
    connection = connect(service, store, bucket, USERS)
    assert service.sync(connection)["by_table"] == {"users": (0, 0, 0)}
    bucket.put_lines("users/1.jsonl", {"id": 1, "n": 1, "o": {}})
    assert service.sync(connection)["by_table"] == {"users": (1, 0, 0)}
    bucket.put_lines("users/2.jsonl", {"id": 2, "n": "one", "o": "text"})
    assert service.sync(connection)["by_table"] == {"users": (1, 0, 0)}
    rows = service.rows("SELECT n, o FROM raw_files.users ORDER BY id")
    assert rows == [("1", "{}"), ("one", "text")]


def test_wrong_secret_and_missing_bucket(
    service: Service, store: dict[str, str], bucket: Bucket
) -> None:
    wrong = {**store, "secret_access_key": "wrong-secret"}
    refused = service.details(connect(service, wrong, bucket, USERS))
    assert refused["status"]["setup_state"] == "incomplete"
    assert "refuses the credentials" in refused["status"]["tasks"][0]["message"]
    config = {**store, "schema": "other", "bucket": "nowhere", "files": [USERS]}
    missing = service.details(service.connect("s3", config))
    assert "does not exist" in missing["status"]["tasks"][0]["message"]
