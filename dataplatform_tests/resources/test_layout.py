"""What the platform keeps for itself: an older layout is brought up, a newer one refused."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from dataplatform.declarations.errors import UserError
from dataplatform.ingestion.account.kept import KeptFile
from dataplatform.ingestion.webhooks.spool import spool_of
from dataplatform.keys import PLATFORM, Relation
from dataplatform.resources.monitor_store import MonitorStore
from dataplatform.resources.warehouse import layout
from dataplatform.resources.warehouse.duckdb import DuckDBSession
from dataplatform.resources.warehouse.journal import Journal
from dataplatform.resources.warehouse.swap import Swap

#: The journal as it was first written, before there was a number; and a row of that time.
FIRST = """
create schema dataplatform;
create table dataplatform.publications (
    publication varchar, target varchar, action varchar, state varchar, version varchar,
    data_version varchar, held_version varchar, row_count bigint, who varchar, why varchar,
    run_id varchar, keep bigint
);
insert into dataplatform.publications values
    ('20261101T020000-1', 'marts.orders', 'publish', 'done', '20261101T020000-1',
     'build 1', '', 12, '', '', 'run 1', 5);
"""


@pytest.fixture
def session() -> DuckDBSession:
    return DuckDBSession(duckdb.connect())


def _tables(session: DuckDBSession) -> set[str]:
    return Swap().tables(session, PLATFORM)


def test_a_journal_of_the_first_days_is_read_and_written_on(session: DuckDBSession) -> None:
    session.execute(FIRST)
    book = Journal(session, Swap())
    assert book.exists()
    (old,) = book.entries()
    assert (old.relation, old.row_count, old.keep) == (Relation("marts", "orders"), 12, 5)
    book.make()
    book.write([old])
    assert len(book.entries()) == 2
    assert layout.marker(layout.VERSION).table in _tables(session)


def test_older_tables_are_brought_up_once(
    session: DuckDBSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    session.execute(FIRST)
    table = "dataplatform.publications"
    steps: dict[int, Callable[[Swap], list[str]]] = {
        2: lambda swap: [f"alter table {table} add column if not exists place {swap.text_type}"],
        3: lambda swap: [f"update {table} set place = 'here'"],
    }
    monkeypatch.setattr(layout, "STEPS", steps)
    monkeypatch.setattr(layout, "VERSION", 3)
    layout.ready(session, Swap())
    assert session.execute(f"select place from {table}") == [("here",)]
    session.execute(f"update {table} set place = 'there'")
    layout.ready(session, Swap())
    assert session.execute(f"select place from {table}") == [("there",)]
    monkeypatch.undo()
    with pytest.raises(UserError, match="layout 3, of a newer version; this one knows layout 1"):
        Journal(session, Swap()).exists()


def test_every_layout_has_the_step_that_leads_to_it() -> None:
    assert set(layout.STEPS) == set(range(2, layout.VERSION + 1))


def test_what_a_newer_version_wrote_is_refused(session: DuckDBSession) -> None:
    layout.ready(session, Swap())
    session.execute("create table dataplatform.layout_2 (since varchar)")
    book, monitors = Journal(session, Swap()), MonitorStore(session, "duckdb")
    asked: list[Callable[[], object]] = [book.exists, book.make, lambda: monitors.ready]
    for ask in asked:
        with pytest.raises(UserError, match=r"layout 2, .* Use the newer image again"):
            ask()
    assert "publications" not in _tables(session)


def test_a_new_warehouse_is_marked_and_asked_little(session: DuckDBSession) -> None:
    assert layout.ready(session, Swap()) == set()
    assert _tables(session) == {"layout_1"}
    assert layout.ready(session, Swap()) == {"layout_1"}


def test_kept_events_of_a_newer_version_are_refused(tmp_path: Path) -> None:
    spool = spool_of(tmp_path)
    assert spool.put(b"{}", {"event": "sync_end"})
    file = next(tmp_path.rglob("*.sqlite"))
    with sqlite3.connect(file) as database:
        assert database.execute("pragma user_version").fetchone() == (1,)
        # Of the days before the number.
        database.execute("pragma user_version = 0")
    assert [one.name for one in spool.waiting()] == ["sync_end"]
    with sqlite3.connect(file) as database:
        database.execute("pragma user_version = 2")
    with pytest.raises(UserError, match="layout 2, of a newer version"):
        spool.waiting()


def test_kept_settings_of_a_newer_version_are_refused_and_older_ones_read(tmp_path: Path) -> None:
    file = tmp_path / "sent.json"
    file.write_text(json.dumps({"local/demo": {"production": {"password": "abc"}}}))
    assert KeptFile(file, "local/demo").content == {"production": {"password": "abc"}}
    KeptFile(file, "local/other").update("x", {"y": 1})
    assert json.loads(file.read_text())["_layout"] == 1
    assert KeptFile(file, "local/demo").content == {"production": {"password": "abc"}}
    file.write_text(json.dumps({"_layout": 2, "local/demo": {}}))
    with pytest.raises(UserError, match="layout 2, of a newer version"):
        _ = KeptFile(file, "local/demo").content
