"""What goes wrong with warehouses and buckets: one clear sentence, nothing half done, no secret.

What a sentence cannot mend is tried again where that helps: ``tries`` says how often.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest
from botocore import exceptions
from botocore.stub import Stubber
from snowflake.connector import errors

from dataplatform.declarations.errors import UserError
from dataplatform.ducklake import open_ducklake
from dataplatform.keys import Relation
from dataplatform.resources.object_store import ObjectStore
from dataplatform.resources.warehouse import snowflake_session
from dataplatform.resources.warehouse.duckdb import DuckDBAdapter, DuckDBSession
from dataplatform.resources.warehouse.snowflake import SnowflakeAdapter
from dataplatform_tests.resources.snowflake_script import SETTINGS, Connector

HOST = "Failed to connect to DB: acme-eu.snowflakecomputing.com:443."
REFUSED = errors.DatabaseError
LOST = errors.OperationalError
SQL = errors.ProgrammingError


def sentence_of(act: Callable[[], object], *secrets: str) -> str:
    with pytest.raises(UserError) as caught:
        act()
    text = str(caught.value)
    assert "\n" not in text
    assert text.endswith((".", "?", ")")), text
    for secret in ("hush", *secrets):
        assert secret not in text
    return text


@pytest.mark.parametrize(
    ("kind", "number", "words", "told", "tries"),
    [
        (REFUSED, 250001, f"{HOST} Incorrect username or password was specified.",
         "refuses 'LOADER': the user or the password is wrong.", 1),
        (REFUSED, 250001, (f"{HOST} Your user account has been temporarily locked due to too many "
         "failed attempts."), "has locked the user 'LOADER'", 1),
        (REFUSED, 250001, f"{HOST} JWT token is invalid. [abc]",
         "refuses the key of 'LOADER': set the public key that belongs to /keys/p8", 1),
        (REFUSED, 250001, f"{HOST} OAuth access token expired. [abc]",
         "refuses the OAuth token: it has expired", 1),
        (REFUSED, 250001, f"{HOST} Invalid OAuth access token. [abc]",
         "refuses the OAuth token: it is not one of this account's.", 1),
        (REFUSED, 250001, (f"{HOST} Role 'TRANSFORMER' specified in the connect string is not "
         "granted to this user."), "GRANT ROLE TRANSFORMER TO USER LOADER", 1),
        (REFUSED, 250001, (f"{HOST} Incoming request with IP 1.2.3.4 is not allowed to access "
         "Snowflake."), "its network policy must allow it", 1),
        (REFUSED, 390913, "Your free trial has ended.", "the trial or the contract has ended", 1),
        (REFUSED, 390201, "The requested database does not exist or not authorized.",
         "has no database 'ANALYTICS' that TRANSFORMER may use", 1),
        (errors.InterfaceError, 290404, "290404 (08001): None: 404 Not Found: HTTP 404",
         "the account's name or its region is wrong", 1),
        (errors.ForbiddenError, 290403, "HTTP 403: Forbidden", "refuses access (HTTP 403)", 1),
        (LOST, 250001, "Could not connect to Snowflake backend after 3 attempt(s).",
         "does not answer: ", 1),
        (LOST, 250003, "HTTPSConnectionPool: Connection reset by peer",
         "dropped the session, or the network did", 3),
        (LOST, 290503, "503 Service Unavailable", "dropped the session, or the network did", 3),
        (LOST, 254007, "The certificate is revoked or could not be validated",
         "shows a certificate that is not trusted", 1),
    ],
    ids=lambda value: str(value)[:40],
)  # fmt: skip
def test_snowflake_cannot_be_opened(
    monkeypatch: pytest.MonkeyPatch,
    kind: type[errors.Error],
    number: int,
    words: str,
    told: str,
    tries: int,
) -> None:
    def opens(_: int) -> None:
        raise kind(msg=words, errno=number)

    connector = Connector(opens=opens)
    monkeypatch.setattr(snowflake_session, "WAIT_SECONDS", 0.0)
    monkeypatch.setattr("snowflake.connector.connect", connector)
    warehouse = SnowflakeAdapter(lambda: {**SETTINGS, "private_key_path": "/keys/p8"})
    text = sentence_of(lambda: warehouse.query("SELECT 1", "x"))
    assert text.startswith("The Snowflake account 'acme-eu' ")
    assert told in text
    assert len(connector.given) == tries
    assert not connector.sent


@pytest.mark.parametrize(
    ("kind", "number", "words", "told"),
    [
        (SQL, 3001, "SQL access control error: Insufficient privileges to operate on schema 'M'",
         "does not let TRANSFORMER do this: 003001: SQL access control error"),
        (SQL, 606, "No active warehouse selected in the current session.",
         "GRANT USAGE ON WAREHOUSE TRANSFORMING TO ROLE TRANSFORMER"),
        (SQL, 90073, ("Warehouse 'TRANSFORMING' cannot be resumed because resource monitor 'M' has "
         "exceeded its quota."), "its resource monitor's quota is used up"),
        (SQL, 90109, "Warehouse 'TRANSFORMING' is suspended.", "GRANT OPERATE ON WAREHOUSE"),
        (SQL, 604, "SQL execution canceled", "ended the statement"),
        (SQL, 630, "Statement reached its statement or warehouse timeout of 60 second(s)",
         "longer than STATEMENT_TIMEOUT_IN_SECONDS allows"),
        (SQL, 625, ("Statement 'x' has locked table 'T' in transaction 1 and this lock has not yet "
         "been released."), "waited in vain for another transaction's lock"),
        (LOST, 253006, "File doesn't exist or upload failed", "could not send the file"),
        (LOST, 390114, "Authentication token has expired. The user must authenticate again.",
         "dropped the session"),
    ],
    ids=lambda value: str(value)[:30],
)  # fmt: skip
def test_snowflake_refuses_a_statement(
    monkeypatch: pytest.MonkeyPatch, kind: type[errors.Error], number: int, words: str, told: str
) -> None:
    def answers(_: int, __: str) -> list[Any]:
        raise kind(msg=words, errno=number)

    connector = Connector(answers=answers)
    monkeypatch.setattr("snowflake.connector.connect", connector)
    warehouse = SnowflakeAdapter(lambda: SETTINGS)
    text = sentence_of(lambda: warehouse.query("CREATE TABLE t (n INT)", "x"))
    assert told in text
    # Nobody knows whether a statement that writes was done: it is sent once.
    assert connector.statements == ["CREATE TABLE t (n INT)"]


def test_an_error_of_the_sql_stays_one(monkeypatch: pytest.MonkeyPatch) -> None:
    def answers(_: int, __: str) -> list[Any]:
        raise SQL(msg="SQL compilation error: invalid identifier 'X'", errno=904)

    monkeypatch.setattr("snowflake.connector.connect", Connector(answers=answers))
    with pytest.raises(SQL, match="invalid identifier"):
        SnowflakeAdapter(lambda: SETTINGS).query("SELECT x", "x")


LAKE = {
    "endpoint": None,
    "region": "eu-central-1",
    "access_key": "AKIA",
    "secret_key": "hush",
    "buckets": {"raw": "company-raw"},
}


@pytest.mark.parametrize(
    ("code", "status", "told"),
    [
        ("AccessDenied", 403, "access is denied: the policy of the keys must allow it."),
        ("InvalidAccessKeyId", 403, "the access key or the secret key is wrong."),
        ("SignatureDoesNotMatch", 403, "the access key or the secret key is wrong."),
        ("ExpiredToken", 400, "the keys have expired: fetch new ones."),
        ("RequestTimeTooSkewed", 403, "this machine's clock is wrong."),
        ("PermanentRedirect", 301, "the bucket is in another region: see lake.region."),
        ("AuthorizationHeaderMalformed", 400, "the bucket is in another region: see lake.region."),
        ("NoSuchBucket", 404, "NoSuchBucket"),
        ("QuotaExceeded", 403, "its quota is used up."),
        ("SlowDown", 503, "it asks to be called more slowly, after every try."),
    ],
)
@pytest.mark.parametrize("operation", ["put_object", "get_object"])
def test_a_bucket_refuses(operation: str, code: str, status: int, told: str) -> None:
    store = ObjectStore(lambda: LAKE)
    with Stubber(store._client) as stub:
        stub.add_client_error(operation, code, "its own words", status)
        text = sentence_of(
            lambda: (
                store.put_if_absent("raw", "k", b"x")
                if operation == "put_object"
                else store.get("raw", "k")
            )
        )
    doing = "store k" if operation == "put_object" else "read k"
    assert text.startswith(f"The object store at Amazon S3 could not {doing}: ")
    assert told in text


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (exceptions.EndpointConnectionError(endpoint_url="https://x"), "Could not connect"),
        (exceptions.ReadTimeoutError(endpoint_url="https://x"), "Read timeout"),
        (exceptions.ConnectionClosedError(endpoint_url="https://x"), "Connection was closed"),
        (exceptions.NoCredentialsError(), "it is given no keys: see lake.access_key"),
        (
            exceptions.SSLError(endpoint_url="https://x", error=ValueError("expired")),
            "SSL validation failed",
        ),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_bucket_is_not_reached(
    monkeypatch: pytest.MonkeyPatch, error: Exception, told: str
) -> None:
    store = ObjectStore(lambda: LAKE)

    def fails(**_: object) -> None:
        raise error

    monkeypatch.setattr(store._client, "put_object", fails)
    assert told in sentence_of(lambda: store.put_if_absent("raw", "k", b"x"))


def test_a_busy_bucket_is_asked_again() -> None:
    assert ObjectStore(lambda: LAKE)._client.meta.config.retries == {
        "mode": "standard",
        "total_max_attempts": 5,
    }


@pytest.fixture
def warehouse(tmp_path: Path) -> DuckDBAdapter:
    adapter = DuckDBAdapter(lambda: tmp_path / "w.duckdb")
    with adapter.session("test") as session:
        session.execute("CREATE SCHEMA raw")
        session.execute("CREATE TABLE raw.orders AS SELECT 1 AS id")
    return adapter


def rows(warehouse: DuckDBAdapter) -> list[tuple[Any, ...]]:
    return warehouse.query("FROM raw.orders", "test")


def test_a_lock_held_by_another_process_is_waited_for_and_then_named(
    warehouse: DuckDBAdapter,
) -> None:
    program = (
        "import sys, time; from pathlib import Path; "
        "from dataplatform.duckdb_file import warehouse_lock\n"
        "with warehouse_lock(Path(sys.argv[1]), 'a long load'): print('held', flush=True); "
        "time.sleep(60)"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", program, str(warehouse.path)], stdout=subprocess.PIPE
    )
    try:
        assert holder.stdout is not None
        holder.stdout.readline()

        def open_it() -> None:
            with warehouse.session("test", 0.2):
                raise AssertionError("opened")

        text = sentence_of(open_it)
        assert f"is in use by a long load (process {holder.pid})" in text
    finally:
        holder.kill()
        holder.wait()
    assert rows(warehouse) == [(1,)]


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "w.duckdb").write_bytes(b"not a database" * 1000)
    text = sentence_of(lambda: DuckDBAdapter(lambda: tmp_path / "w.duckdb").query("SELECT 1", "x"))
    assert "w.duckdb is no DuckDB file: put a copy of it back" in text


def test_a_program_that_holds_the_file_outside_our_lock(warehouse: DuckDBAdapter) -> None:
    program = (
        "import duckdb, sys, time; c = duckdb.connect(sys.argv[1]); print('held', flush=True); "
        "time.sleep(60)"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", program, str(warehouse.path)], stdout=subprocess.PIPE
    )
    try:
        assert holder.stdout is not None
        holder.stdout.readline()
        text = sentence_of(lambda: rows(warehouse))
        assert f"is held by another program (process {holder.pid}): end it" in text
    finally:
        holder.kill()
        holder.wait()


@pytest.mark.parametrize(
    "content", [b"", b"PAR1 broken", b"PAR1" + b"\x00" * 64 + b"PAR1"], ids=["empty", "cut", "zero"]
)
def test_a_broken_file_leaves_the_table_as_it_was(
    warehouse: DuckDBAdapter, tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "broken.parquet").write_bytes(content)
    path = tmp_path / "broken.parquet"
    text = sentence_of(lambda: warehouse.load_parquet(Relation("raw", "orders"), path))
    assert text.startswith(f"{path} cannot be loaded into raw.orders: ")
    assert rows(warehouse) == [(1,)]


def test_a_load_that_is_killed_leaves_the_table_as_it_was(
    warehouse: DuckDBAdapter, tmp_path: Path
) -> None:
    program = (
        "import os, sys, threading; from pathlib import Path\n"
        "from dataplatform.keys import Relation\n"
        "from dataplatform.resources.warehouse.duckdb import DuckDBAdapter\n"
        "threading.Timer(0.15, lambda: os._exit(9)).start()\n"
        "it = DuckDBAdapter(lambda: Path(sys.argv[1]))\n"
        "while True: it.load_parquet(Relation('raw', 'orders'), Path(sys.argv[2]))"
    )
    path = tmp_path / "many.parquet"
    duckdb.execute(f"COPY (SELECT 1 AS id FROM range(3000000)) TO '{path}'")
    ended = subprocess.run(
        [sys.executable, "-c", program, str(warehouse.path), str(path)], check=False
    )
    assert ended.returncode == 9
    assert len(rows(warehouse)) in (1, 3_000_000)


LAKEHOUSE = {
    "catalog": {
        **{"host": "127.0.0.1", "port": 9, "user": "u", "password": "hush"},
        "database": "catalog",
    },
    "files": {
        **{"url": "s3://lake/", "endpoint": "http://127.0.0.1:9", "region": "us-east-1"},
        **{"access_key": "AKIA", "secret_key": "hush"},
    },
}


def test_a_lakes_catalog_that_nobody_answers_for() -> None:
    def open_it() -> None:
        with open_ducklake(LAKEHOUSE):
            raise AssertionError("opened")

    text = sentence_of(open_it)
    assert "with its catalog in catalog at 127.0.0.1:9" in text
    assert "Connection refused" in text


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (duckdb.IOException("IO Error: No space left on device"), "has no room left on its disk"),
        (duckdb.OutOfMemoryException("Out of Memory Error: 1 GB"), "needs more memory"),
        (duckdb.HTTPException("HTTP Error: HTTP 403 on 's3://lake/x'"), "see access_key"),
        (duckdb.HTTPException("HTTP Error: 404 NoSuchBucket"), "has no such bucket"),
        (duckdb.IOException("IO Error: Connection refused"), "does not reach its object store"),
        (duckdb.HTTPException("Request returned HTTP 500 for HTTP PUT"), "does not reach its obj"),
        (
            duckdb.IOException("server closed the connection unexpectedly"),
            "lost the connection to its catalog",
        ),
        (
            duckdb.TransactionException('Failed to commit: Failed to execute query "ROLLBACK": '),
            "lost the connection to its catalog; nothing was half done: run it again.",
        ),
        (
            duckdb.IOException('Unable to connect to Postgres at "": Connection refused'),
            "does not reach its catalog: see catalog.host",
        ),
    ],
    ids=lambda value: str(value)[:40],
)
def test_the_world_around_a_duckdb_fails(error: Exception, told: str) -> None:
    class Connection:
        def execute(self, *_: object) -> None:
            raise error

    session = DuckDBSession(Connection())  # type: ignore[arg-type]
    assert told in sentence_of(lambda: session.execute("INSERT INTO t VALUES (1)"))


def test_an_error_of_duckdbs_sql_stays_one(warehouse: DuckDBAdapter) -> None:
    with pytest.raises(duckdb.BinderException):
        warehouse.query("SELECT nothing FROM raw.orders", "test")
