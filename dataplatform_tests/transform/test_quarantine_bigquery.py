"""Rows brought back where no transaction outlives its job, cut wherever they can be."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from dataplatform.declarations.project import open_project
from dataplatform.resources.warehouse import Session
from dataplatform.resources.warehouse.bigquery import BigQueryAdapter
from dataplatform.transform.quarantine import Quarantine
from dataplatform_tests.bigquery import bigquery
from dataplatform_tests.transform.conftest import ENVIRONMENT
from dataplatform_tests.transform.test_quarantine import CONTRACT

pytestmark = [pytest.mark.slow, pytest.mark.prove]

#: How many statements a replay is.
STATEMENTS = 5
TABLES = """
create or replace table staging.stg_things as
  select 1 as id, date '2025-01-01' as day, 10 as amount union all select 4, date '2025-01-01', 40;
create or replace table quarantine.staging__stg_things as
  select id, day, amount, 'amount_is_small' as _rule, current_timestamp() as _quarantined_at,
    'run' as _run_id, cast(id as string) as _key, to_hex(md5(cast(id as string))) as _original,
    cast(null as timestamp) as _replayed_at
  from (select 2 as id, date '2025-01-01' as day, 25 as amount
    union all select 3, date '2025-01-01', 9999 union all select 4, date '2025-01-01', 9999);
drop table if exists dataplatform.replays
"""


class Cut(BigQueryAdapter):
    """A warehouse whose transaction fails after some of its statements."""

    after: int | None = None

    def together(self, session: Session, statements: Sequence[str]) -> None:
        if self.after is not None:
            wrong = "select error('cut')"
            statements = [*statements[: self.after], wrong, *statements[self.after :]]
        assert len(statements) == STATEMENTS + (self.after is not None)
        super().together(session, statements)


@pytest.fixture(scope="module")
def warehouse() -> Iterator[Cut]:
    with bigquery() as (settings, _):
        found = Cut(lambda: settings)
        for schema in ("staging", "quarantine", "dataplatform"):
            found.query(f"create schema {schema}", "test")
        yield found


@pytest.fixture
def quarantine(warehouse: Cut, tmp_path: Path) -> Quarantine:
    for name, text in {
        "config/environments/local.yml": ENVIRONMENT,
        "config/contracts/staging/stg_things.yml": CONTRACT,
        "dbt_project/models/staging/stg_things.sql": "select 1 as id",
    }.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    warehouse.after = None
    for statement in TABLES.split(";"):
        warehouse.query(statement, "test")
    return Quarantine(open_project(tmp_path), warehouse)


def _table(warehouse: Cut) -> list[tuple[Any, ...]]:
    return warehouse.query("select id, amount from staging.stg_things order by id", "test")


def _set_aside(warehouse: Cut) -> list[tuple[Any, ...]]:
    return warehouse.query(
        "select id, _key, _replayed_at is null from quarantine.staging__stg_things order by id",
        "test",
    )


def test_rows_that_keep_the_rule_now_go_back_once(warehouse: Cut, quarantine: Quarantine) -> None:
    done = quarantine.replay("stg_things", "o'anna")
    assert (done.returned, done.settled, done.waiting) == (1, 1, 1)
    assert _table(warehouse) == [(1, 10), (2, 25), (4, 40)]
    again = quarantine.replay("stg_things", "o'anna")
    assert (again.returned, again.settled, again.waiting) == (0, 0, 1)
    assert _table(warehouse) == [(1, 10), (2, 25), (4, 40)]
    written = "select target, who, row_count from dataplatform.replays"
    assert warehouse.query(written, "test") == [("staging.stg_things", "o'anna", 1)]


def test_a_replay_that_is_cut_anywhere_changes_nothing(
    warehouse: Cut, quarantine: Quarantine
) -> None:
    table, aside = _table(warehouse), _set_aside(warehouse)
    for after in range(STATEMENTS + 1):
        warehouse.after = after
        with pytest.raises(Exception, match="cut"):
            quarantine.replay("stg_things", "anna")
        assert (_table(warehouse), _set_aside(warehouse)) == (table, aside)
        assert warehouse.query("select * from dataplatform.replays", "test") == []
    warehouse.after = None
    assert quarantine.replay("stg_things", "anna").returned == 1
