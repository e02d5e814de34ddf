"""Whatever happens to the files of a bucket, a table ends as its files are."""

from __future__ import annotations

import csv
import io
import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataplatform.local.fivetran.destination import open_destination
from dataplatform.local.fivetran.model import SyncFailure
from dataplatform.local.fivetran.services import s3
from dataplatform.local.fivetran.services.buckets import Object
from dataplatform.local.fivetran.services.csv_rows import Dialect, csv_rows
from dataplatform.local.fivetran.services.rows import Row
from dataplatform.local.fivetran.sync import run_sync

pytestmark = pytest.mark.slow
AMOUNTS = [8, pytest.param(150, marks=pytest.mark.prove)]
Rows = list[dict[str, Any]]


class MemoryBucket:
    """A bucket in memory, whose clock goes on by a second with each change."""

    def __init__(self) -> None:
        self.files: dict[str, tuple[int, bytes]] = {}
        self.changes = 0
        # After so many fetches the connection breaks, once.
        self.breaks_after: int | None = None
        self.fetched = 0
        # Bytes handed over, fetch by fetch.
        self.given: list[int] = []

    def put(self, key: str, body: bytes) -> None:
        self.changes += 1
        self.files[key] = (self.changes, body)

    def listed(self, prefix: str) -> list[Object]:
        return [
            Object(key, str(number), f"2025-01-01T00:{number // 60:02}:{number % 60:02}+00:00")
            for key, (number, _) in self.files.items()
            if key.startswith(prefix)
        ]

    def fetch(self, key: str, path: Path, first: int | None = None) -> bool:
        if self.breaks_after is not None:
            if self.breaks_after == 0:
                self.breaks_after = None
                raise SyncFailure("The connection broke.")
            self.breaks_after -= 1
        self.fetched += 1
        if key not in self.files:
            return False
        self.given.append(path.write_bytes(self.files[key][1][:first]))
        return True


class Landing:
    """A connection of the bucket's files to a warehouse file."""

    def __init__(self, bucket: MemoryBucket, folder: Path, entry: dict[str, Any]) -> None:
        self.bucket = bucket
        self.folder = folder
        files = [{"table_name": "t", "file_pattern": ".*", **entry}]
        self.connection: dict[str, Any] = {
            "id": "c", "service": "s3", "schema": "raw", "config": {"bucket": "b", "files": files},
        }  # fmt: skip
        self.warehouse = folder / "warehouse.duckdb"

    def sync(self) -> Any:
        scratch = self.folder / "scratch"
        destination = open_destination("duckdb", {"path": str(self.warehouse)}, scratch)
        keep = lambda config: self.connection.update(schema_config=config)  # noqa: E731
        results = run_sync(self.connection, destination, scratch, keep)
        return results[0] if results else None

    def rows(self, columns: str) -> list[tuple[Any, ...]]:
        import duckdb

        with duckdb.connect(str(self.warehouse), read_only=True) as engine:
            if not engine.execute("FROM duckdb_tables() WHERE table_name = 't'").fetchall():
                return []
            return engine.execute(f"SELECT {columns} FROM raw.t ORDER BY ALL").fetchall()


@contextmanager
def landing(entry: dict[str, Any]) -> Iterator[tuple[MemoryBucket, Landing]]:
    folder = Path(tempfile.mkdtemp(prefix="files-"))
    bucket = MemoryBucket()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(s3, "S3Bucket", lambda _: bucket)
        try:
            yield bucket, Landing(bucket, folder, entry)
        finally:
            shutil.rmtree(folder)


def lines(rows: Rows) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


names = st.sampled_from(["a.jsonl", "b.jsonl", "c.jsonl"])
values = st.none() | st.integers(-5, 5) | st.sampled_from([1.5, "x", "2025-01-01", True, [1]])
content = st.lists(st.fixed_dictionaries({"id": st.integers(1, 4), "v": values}), max_size=4)
step = st.one_of(
    st.tuples(st.just("put"), names, content),
    st.tuples(st.just("delete"), names),
    st.tuples(st.just("sync")),
    st.tuples(st.just("resync")),
    st.tuples(st.just("break"), st.integers(0, 2)),
)


def play(bucket: MemoryBucket, landed: Landing, steps: list[tuple[Any, ...]]) -> dict[str, Rows]:
    """Do the steps and a last sync; return what the files hold at the end."""
    held: dict[str, Rows] = {}
    for kind, *arguments in [*steps, ("sync",)]:
        if kind == "put":
            name, rows = arguments
            held[name] = rows
            bucket.put(name, lines(rows))
        elif kind == "delete":
            held.pop(arguments[0], None)
            bucket.files.pop(arguments[0], None)
        elif kind == "break":
            bucket.breaks_after = arguments[0]
            with suppress(SyncFailure):
                landed.sync()
            bucket.breaks_after = None
        else:
            landed.connection["resync"] = "all" if kind == "resync" else []
            landed.sync()
    return held


def as_text(value: Any) -> str | None:
    """Return a value as a comparison sees it: types may have widened on the way."""
    if value is None:
        return None
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return json.dumps(value).replace(" ", "")
    text = str(value).replace(" ", "")
    return text.removesuffix(".0")


@pytest.mark.parametrize("examples", AMOUNTS)
def test_rows_by_file_are_those_of_the_files(examples: int) -> None:
    settings(max_examples=examples, deadline=None, derandomize=True)(by_file)()


@given(st.lists(step, max_size=8))
def by_file(steps: list[tuple[Any, ...]]) -> None:
    with landing({"deleted_files": "delete"}) as (bucket, landed):
        held = play(bucket, landed, steps)
        wanted = sorted(
            (name, number, row["id"], as_text(row["v"]) or "")
            for name, rows in held.items()
            for number, row in enumerate(rows, start=1)
        )
        found = sorted(
            (name, line, key, as_text(value) or "")
            for name, line, key, value in landed.rows("_file, _line, id, v")
        ) if landed.rows("_file") else []  # fmt: skip
        assert found == wanted
        before = bucket.fetched
        again = landed.sync()
        assert (again.inserted, again.updated, again.deleted) == (0, 0, 0)
        # The newest file is looked at for its columns; no other is fetched again.
        assert not found or bucket.fetched - before <= 1


@pytest.mark.parametrize("examples", AMOUNTS)
def test_rows_by_key_are_those_of_the_latest_file(examples: int) -> None:
    settings(max_examples=examples, deadline=None, derandomize=True)(by_key)()


@given(st.lists(st.tuples(st.just("put"), names, content) | st.just(("sync",)), max_size=8))
def by_key(steps: list[tuple[Any, ...]]) -> None:
    with landing({"primary_keys": ["id"]}) as (bucket, landed):
        latest: dict[int, str] = {}
        waiting: list[tuple[str, Rows]] = []
        for kind, *arguments in [*steps, ("sync",)]:
            if kind == "put":
                name, rows = arguments
                bucket.put(name, lines(rows))
                # What is replaced before any sync was never there.
                waiting = [*((n, r) for n, r in waiting if n != name), (name, rows)]
            else:
                landed.sync()
                for _, rows in waiting:
                    latest |= {row["id"]: as_text(row["v"]) or "" for row in rows}
                waiting = []
        found = {key: as_text(value) or "" for key, value in landed.rows("id, v")} if latest else {}
        assert found == latest


def test_columns_are_told_from_the_beginning_of_a_large_file() -> None:
    with landing({"file_pattern": r".*\.jsonl"}) as (bucket, landed):
        rows = [{"id": number, "pad": "x" * 1000} for number in range(6000)]
        bucket.put("a.jsonl", lines(rows))
        assert landed.sync().inserted == 6000
        assert bucket.given == [4 * 1024 * 1024, len(lines(rows))]


text = st.text(
    st.characters(exclude_categories=("Cs",), exclude_characters="\x00"), min_size=1, max_size=8
)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(
    st.lists(st.lists(text, min_size=2, max_size=2), max_size=5),
    st.sampled_from([",", ";", "\t", "|"]),
    st.sampled_from(["utf-8", "utf-16", "utf-8-sig"]),
)
def test_delimited_text_comes_back_as_it_was_written(
    rows: list[list[str]], delimiter: str, encoding: str
) -> None:
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=delimiter, quoting=csv.QUOTE_ALL).writerows([["a", "b"], *rows])
    stream = io.BytesIO(out.getvalue().encode(encoding))
    found = list(csv_rows(stream, Dialect(delimiter=delimiter)))
    assert all(isinstance(row, Row) for row in found), found
    read = [[value for value, _ in row.values.values()] for row in found if isinstance(row, Row)]
    told = [[c.lower() if c.lower() in ("true", "false") else c for c in row] for row in rows]
    assert read == told
