"""Time passing at the demo company: the same for a seed, whole days or nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
import pytest

from dataplatform.declarations.errors import UserError
from dataplatform.local.sources import (
    community_store,
    crm_store,
    demo,
    production_days,
    production_store,
    sqlite_store,
)
from dataplatform.local.sources.production_store import connect
from dataplatform_tests.servers import Servers, copy_project, running

pytestmark = pytest.mark.slow

TABLES = ("customers", "addresses", "products", "orders", "order_items", "payments")


@contextmanager
def _demo(scale: float = 0.05) -> Iterator[Servers]:
    # The CRM and the community site keep files: no server is needed to move them.
    with running(scale=scale, only=("postgres", "crm", "community")) as found:
        yield found


def _state(own: Servers) -> dict[str, str]:
    """Return a digest of everything each table of each system holds."""
    digests = {}
    with connect(own.services["postgres"]) as connection:
        for table in TABLES:
            rows = connection.execute(f"SELECT t::text FROM {table} t ORDER BY 1").fetchall()
            digests[table] = hashlib.sha256(repr(rows).encode()).hexdigest()
    for store, folder in ((crm_store, "crm"), (community_store, "community")):
        with sqlite_store.reading(store.file_in(own.project.state / folder)) as connection:
            dump = "\n".join(connection.iterdump())
        digests[folder] = hashlib.sha256(dump.encode()).hexdigest()
    return digests


def _rows(own: Servers, sql: str) -> list[Any]:
    with connect(own.services["postgres"]) as connection:
        return connection.execute(sql).fetchall()


def test_days_are_the_same_however_they_pass_and_are_interrupted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with _demo() as one, _demo() as other:
        assert _state(one) == _state(other)
        before = _state(one)
        assert demo.advance(one.project, 3) == date(2026, 1, 4)
        after = _state(one)
        assert all(after[name] != before[name] for name in after)

        demo.advance(other.project, 1)
        settled = _state(other)
        with monkeypatch.context() as broken:
            broken.setattr(production_days.Day, "_change_payments", lambda self: 1 / 0)
            with pytest.raises(ZeroDivisionError):
                demo.advance(other.project, 1)
        # The day was lost whole in production.
        clocks = demo.status(other.project)
        assert clocks["production"].today == date(2026, 1, 2)
        assert {name: _state(other)[name] for name in TABLES} == {
            name: settled[name] for name in TABLES
        }
        with monkeypatch.context() as broken:
            broken.setattr(community_store, "pass_day", lambda *_: 1 / 0)
            with pytest.raises(ZeroDivisionError):
                demo.advance(other.project, 1)
        # Now production and the CRM are a day ahead: asking again evens them out.
        ahead = demo.status(other.project)
        assert ahead["production"].today > ahead["community"].today
        goal = max(clock.today for clock in ahead.values())
        demo.advance(other.project, max(1, (date(2026, 1, 4) - goal).days))
        assert {clock.today for clock in demo.status(other.project).values()} == {date(2026, 1, 4)}
        assert _state(other) == after


def test_a_day_inserts_updates_deletes_and_corrects(monkeypatch: pytest.MonkeyPatch) -> None:
    with _demo(0.5) as own:
        old = dict(_rows(own, "SELECT order_id, total_amount FROM orders"))
        demo.advance(own.project, 5)
        new = dict(_rows(own, "SELECT order_id, total_amount FROM orders"))
        assert set(new) - set(old)
        assert set(old) - set(new)
        corrected = [order for order in old if order in new and new[order] != old[order]]
        assert corrected
        touched = _rows(
            own,
            "SELECT count(*) FROM orders WHERE updated_at < '2026-01-01' AND order_id = ANY("
            f"ARRAY{corrected}::bigint[])",
        )
        assert touched == [(0,)]
        wrong_totals = _rows(
            own,
            "SELECT count(*) FROM orders o WHERE total_amount <> (SELECT sum(round(quantity * "
            "unit_price * (1 - discount), 2)) FROM order_items i WHERE i.order_id = o.order_id)",
        )
        assert wrong_totals == [(0,)]
        # Orders went on: nothing stays placed or paid for weeks.
        stuck = _rows(
            own,
            "SELECT count(*) FROM orders WHERE status IN ('placed', 'paid') "
            "AND updated_at < '2025-12-29'",
        )
        assert stuck == [(0,)]
        statuses = _rows(own, "SELECT DISTINCT status::text FROM orders")
        assert len(statuses) == 6
        late = _rows(
            own, "SELECT count(*) FROM orders WHERE order_id > 50000 AND ordered_at < '2026-01-01'"
        )
        assert late[0][0] > 0
        future = _rows(own, "SELECT count(*) FROM orders WHERE updated_at >= '2026-01-06'")
        assert future == [(0,)]
        doubled = _rows(own, "SELECT count(*) - count(DISTINCT reference) FROM payments")
        assert doubled == [(0,)]
        changed = _crm_changes(own)
        assert changed["Contact"] > 20
        assert changed["Opportunity"] > 5


def _crm_changes(own: Servers) -> dict[str, int]:
    file = crm_store.file_in(own.project.state / "crm")
    with sqlite_store.reading(file) as connection:
        return {
            name: connection.execute(
                f"SELECT count(*) FROM {name} WHERE SystemModstamp >= '2026' "
                "AND SystemModstamp < '2026-01-06'"
            ).fetchone()[0]
            for name in ("Contact", "Opportunity")
        }


def test_a_demo_is_made_whole_once_and_from_one_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    with running(only=("postgres", "crm", "community"), seeded=False) as own:
        with pytest.raises(UserError, match="no demo data in production yet"):
            demo.advance(own.project, 1)
        with monkeypatch.context() as broken:
            broken.setattr(production_store, "_KEYS", "SELECT 1/0")
            with pytest.raises(psycopg.errors.DivisionByZero):
                demo.seed(own.project)
        assert demo.status(own.project)["production"] is None
        assert demo.seed(own.project)
        assert not demo.seed(own.project)
        with pytest.raises(UserError, match=r"scale 0\.02, but seed 42 and scale 3 .*make clean"):
            demo.seed(own.project, scale=3)
        with pytest.raises(UserError, match=r"seed 42 .* seed 5"):
            demo.seed(own.project, seed=5)
        with pytest.raises(UserError, match="by 1 day or more, not by 0"):
            demo.advance(own.project, 0)
        assert not demo.seed_if_asked(own.project)


def test_servers_that_are_down_are_named(tmp_path: Path) -> None:
    project = copy_project(tmp_path)
    for act in (demo.seed, demo.advance, demo.status):
        with pytest.raises(UserError, match="start them with `make start`"):
            act(project)


def test_an_environment_without_sources_has_no_demo(tmp_path: Path) -> None:
    project = copy_project(tmp_path, only=("object_store", "fivetran"))
    assert not demo.seed_if_asked(project)
    with pytest.raises(UserError, match="no local source systems"):
        demo.advance(project, 1)
