"""Whatever happens to the source and to the syncs, what is in the warehouse equals the source.

Hypothesis makes up sequences of changes, syncs, aborts, real kills and re-syncs. After every sync
the live rows are the source's rows, in every mode and by both ways of reading PostgreSQL; after
every sync that was stopped the warehouse is what it was.
"""

from __future__ import annotations

import base64
import hashlib
import shutil
from collections import Counter
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st
from psycopg import sql

from dataplatform_tests.local.fivetran.replica import LATE, SALT, Replica

Step = tuple[Any, ...]

_TABLES = ("with_key", "without")
_TYPES = ("integer", "bigint", "numeric(8,2)", "numeric(20,4)", "text", "boolean", "date")
_KEYS = ("id", "id, sub", "")
_MODES = ("SOFT_DELETE", "HISTORY", "LIVE")
_LIVE = {"SOFT_DELETE": "NOT _fivetran_deleted", "HISTORY": "_fivetran_active", "LIVE": "true"}
_VALUES = {
    "integer": ("1", "-7", "2000000000"),
    "bigint": ("1", "5000000000"),
    "numeric(8,2)": ("1.00", "123456.78"),
    "numeric(20,4)": ("1.0000", "1234567890123456.7891"),
    "text": ("a", "", "ü 'q' \"d\""),
    "boolean": ("true", "false"),
    "date": ("2025-01-02", "1999-12-31"),
}

_table = st.sampled_from(_TABLES)
_row = st.integers(0, 7)
_column = st.integers(0, 3)
_pick = st.integers(0, 3)
_moment = st.sampled_from([LATE, 0, 1, 2, 3, 4, 5, 6, 7])
_changes = [
    st.tuples(st.just("insert"), _table, _row, _pick),
    st.tuples(st.just("update"), _table, _row, _column, _pick),
    st.tuples(st.just("delete"), _table, _row),
    st.tuples(st.just("move"), _table, _row, _row),
    st.tuples(st.just("truncate"), _table),
    st.tuples(st.just("add"), _table, _column, st.sampled_from(_TYPES), st.booleans()),
    st.tuples(st.just("drop"), _table, _column),
    st.tuples(st.just("rename"), _table, _column, _column),
    st.tuples(st.just("retype"), _table, _column, st.sampled_from(_TYPES)),
    st.tuples(st.just("retype_key"), _table, st.sampled_from(["bigint", "text"])),
    st.tuples(st.just("key"), _table, st.sampled_from(_KEYS)),
]
_choices = [
    st.tuples(st.just("mode"), _table, st.sampled_from(_MODES)),
    st.tuples(st.just("hash"), _table, _column, st.booleans()),
    st.tuples(st.just("block"), _table, _column, st.booleans()),
]
_syncs = [
    st.tuples(st.just("sync")),
    st.tuples(st.just("resync"), st.sampled_from(["all", *(["public." + t] for t in _TABLES)])),
    st.tuples(st.just("abort"), _moment),
]
_step = st.one_of(*_changes, *_changes, *_choices, *_syncs, *_syncs, *_syncs)
_killed = st.one_of(_step, _step, st.tuples(st.just("kill"), _moment))


class World:
    """A source, its replica, and what may happen to them."""

    def __init__(
        self, source: psycopg.Connection[Any], settings_: dict[str, Any], folder: Path, method: str
    ) -> None:
        self.source = source
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        self.replica = Replica(folder, settings_, update_method=method)
        source.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        for table in _TABLES:
            source.execute(
                f"CREATE TABLE {table} (id int NOT NULL, sub int NOT NULL DEFAULT 0, c0 text);"
                f"ALTER TABLE {table} REPLICA IDENTITY FULL;"
                f"INSERT INTO {table} SELECT i, 0, 'v' || i FROM generate_series(1, 3) i"
            )
        source.execute("ALTER TABLE with_key ADD PRIMARY KEY (id)")
        self.replica.sync()
        self.resync: Any = []
        self.rekeyed: set[str] = set()

    def columns(self, table: str) -> dict[str, str]:
        rows = self.source.execute(
            "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute "
            "WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
            (table,),
        ).fetchall()
        return dict(rows)

    def entry(self, table: str) -> dict[str, Any]:
        config = self.replica.connection["schema_config"]
        found: dict[str, Any] = config["schemas"]["public"]["tables"][table]
        return found

    def do(self, step: Step) -> None:
        """Let one thing happen; what the source itself refuses does not."""
        name, *how = step
        try:
            getattr(self, name)(*how)
        except psycopg.Error:
            return

    def insert(self, table: str, row: int, pick: int) -> None:
        values = {"id": str(row), "sub": str(pick % 2)}
        for column, kind in self.columns(table).items():
            choices = _VALUES[kind]
            values.setdefault(column, choices[pick] if pick < len(choices) else None)  # type: ignore[arg-type]
        names = sql.SQL(", ").join(map(sql.Identifier, values))
        holes = sql.SQL(", ").join(sql.Placeholder() * len(values))
        statement = sql.SQL("INSERT INTO {} ({}) VALUES ({})")
        self.source.execute(
            statement.format(sql.Identifier(table), names, holes), list(values.values())
        )

    def update(self, table: str, row: int, column: int, pick: int) -> None:
        kind = self.columns(table).get(f"c{column}")
        if kind is not None:
            choices = _VALUES[kind]
            value = choices[pick] if pick < len(choices) else None
            self.source.execute(
                f"UPDATE {table} SET c{column} = %s WHERE id = %s", (value, str(row))
            )

    def delete(self, table: str, row: int) -> None:
        self.source.execute(f"DELETE FROM {table} WHERE id = %s", (str(row),))

    def move(self, table: str, row: int, to: int) -> None:
        self.source.execute(f"UPDATE {table} SET id = %s WHERE id = %s", (str(to), str(row)))

    def truncate(self, table: str) -> None:
        self.source.execute(f"TRUNCATE {table}")

    def add(self, table: str, column: int, kind: str, filled: bool) -> None:
        default = f" DEFAULT '{_VALUES[kind][0]}'" if filled else ""
        self.source.execute(f"ALTER TABLE {table} ADD COLUMN c{column} {kind}{default}")

    def drop(self, table: str, column: int) -> None:
        self.source.execute(f"ALTER TABLE {table} DROP COLUMN c{column}")

    def rename(self, table: str, column: int, to: int) -> None:
        self.source.execute(f"ALTER TABLE {table} RENAME COLUMN c{column} TO c{to}")

    def retype(self, table: str, column: int, kind: str) -> None:
        self.source.execute(
            f"ALTER TABLE {table} ALTER COLUMN c{column} DROP DEFAULT, "
            f"ALTER COLUMN c{column} TYPE {kind} USING c{column}::text::{kind}"
        )

    def retype_key(self, table: str, kind: str) -> None:
        self.source.execute(f"ALTER TABLE {table} ALTER COLUMN id TYPE {kind}")

    def key(self, table: str, key: str) -> None:
        self.rekeyed.add(table)
        with self.source.transaction():
            self.source.execute(f"ALTER TABLE {table} DROP CONSTRAINT IF EXISTS {table}_pkey")
            if key:
                self.source.execute(f"ALTER TABLE {table} ADD PRIMARY KEY ({key})")

    def mode(self, table: str, mode: str) -> None:
        self.replica.table(table, sync_mode=mode)

    def hash(self, table: str, column: int, on: bool) -> None:
        self.choose(table, column, {"hashed": on})

    def block(self, table: str, column: int, on: bool) -> None:
        self.choose(table, column, {"enabled": not on})

    def choose(self, table: str, column: int, change: dict[str, Any]) -> None:
        if f"c{column}" in self.entry(table)["columns"]:
            self.replica.table(table, columns={f"c{column}": change})

    def sync(self) -> None:
        self.replica.sync(self.resync)
        self.resync = []
        self.compare()

    def resync_(self, tables: Any) -> None:
        self.resync = tables
        self.sync()

    def abort(self, moment: int) -> None:
        self.stopped(self.replica.abort, moment)

    def kill(self, moment: int) -> None:
        self.stopped(self.replica.kill, moment)

    def stopped(self, stop: Any, moment: int) -> None:
        before = self.held()
        if stop(moment, self.resync) and moment != LATE:
            assert self.held() == before, "a sync that was stopped has changed the warehouse"
        else:
            # It was stopped after the commit, or ended before that step: either way it is done.
            self.compare()

    def held(self) -> dict[str, list[tuple[Any, ...]]]:
        return {
            table: self.replica.rows(f"SELECT * FROM raw_public.{table} ORDER BY ALL")
            for table in _TABLES
        }

    def compare(self) -> None:
        """The live rows are the source's; versions neither overlap nor repeat."""
        for table in _TABLES:
            self.compare_table(table)

    def compare_table(self, table: str) -> None:
        entry = self.entry(table)
        kept = {
            name: entry["columns"].get(name, {}).get("hashed", False)
            for name in self.columns(table)
            if entry["columns"].get(name, {}).get("enabled", True)
            or entry["columns"][name]["is_primary_key"]
        }
        texts = ", ".join(f"{name}::text" for name in kept)
        wanted = Counter(
            tuple(_seen(value, hashed) for value, hashed in zip(row, kept.values(), strict=True))
            for row in self.source.execute(f"SELECT {texts} FROM {table}").fetchall()
        )
        casts = ", ".join(f"CAST({name} AS VARCHAR)" for name in kept)
        found = Counter(
            tuple(
                value if hashed else _plain(value)
                for value, hashed in zip(row, kept.values(), strict=True)
            )
            for row in self.replica.rows(
                f"SELECT {casts} FROM raw_public.{table} WHERE {_LIVE[entry['sync_mode']]}"
            )
        )
        assert found == wanted, (
            f"{table}: {found - wanted} not in the source, {wanted - found} lost"
        )
        # Under another key before, several closed rows may bear one key of today.
        if entry["sync_mode"] == "HISTORY" and table not in self.rekeyed:
            self.compare_versions(table)

    def compare_versions(self, table: str) -> None:
        names = "id" if table == "with_key" else "_fivetran_id"
        wrong = self.replica.rows(
            f"SELECT {names}, _fivetran_start FROM (SELECT *, lead(_fivetran_start) OVER "
            f"(PARTITION BY {names} ORDER BY _fivetran_start) AS next FROM raw_public.{table}) "
            "WHERE _fivetran_end < _fivetran_start "
            "OR next <= _fivetran_end OR next = _fivetran_start "
            "OR (_fivetran_active <> (_fivetran_end > '9999-01-01'))"
        )
        assert not wrong, f"{table}: versions overlap: {wrong}"

    def close(self) -> None:
        self.replica.close()


def _plain(text: str | None) -> Any:
    try:
        return None if text is None else Decimal(text).normalize()
    except InvalidOperation:
        return text


def _seen(text: str | None, hashed: bool) -> Any:
    if not hashed or text is None:
        return _plain(text)
    return base64.b64encode(hashlib.sha256((SALT + text).encode()).digest()).decode()


def _live_through(
    steps: list[Step],
    source: psycopg.Connection[Any],
    postgres: dict[str, Any],
    folder: Path,
    method: str,
) -> None:
    world = World(source, postgres, folder, method)
    try:
        for name, *how in steps:
            world.do(({"resync": "resync_"}.get(name, name), *how))
        world.sync()
    finally:
        world.close()


_COMMON: dict[str, Any] = {
    "deadline": None,
    "database": None,
    "print_blob": True,
    "suppress_health_check": list(HealthCheck),
}
# Lives that were once found to end badly.
_COMES_AGAIN: list[Step] = [
    ("drop", "with_key", 0),
    ("kill", LATE),
    ("add", "with_key", 0, "text", False),
    ("mode", "with_key", "LIVE"),
    ("abort", 0),
    ("abort", 3),
]
_methods = pytest.mark.parametrize("method", ["QUERY_BASED", "WAL_PGOUTPUT"])


@pytest.mark.slow
@_methods
@settings(**_COMMON, max_examples=10, derandomize=True, phases=[Phase.explicit, Phase.generate])
@example(steps=_COMES_AGAIN)
@given(steps=st.lists(_killed, min_size=6, max_size=14))
def test_a_sample_of_lives(
    steps: list[Step],
    source: psycopg.Connection[Any],
    postgres: dict[str, Any],
    tmp_path: Path,
    method: str,
) -> None:
    _live_through(steps, source, postgres, tmp_path / "life", method)


@pytest.mark.prove
@_methods
@settings(**_COMMON, max_examples=500)
@given(steps=st.lists(_killed, min_size=1, max_size=25))
def test_five_hundred_lives(
    steps: list[Step],
    source: psycopg.Connection[Any],
    postgres: dict[str, Any],
    tmp_path: Path,
    method: str,
) -> None:
    _live_through(steps, source, postgres, tmp_path / "life", method)
