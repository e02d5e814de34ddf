"""Each incident breaks a table as it says, and only as far as it says."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from dataplatform.declarations.errors import UserError
from dataplatform.keys import Relation
from dataplatform.rehearsal import company, damage_columns, damage_rows
from dataplatform.rehearsal.incidents import INCIDENTS, named
from dataplatform.rehearsal.target import Target

NOW = datetime(2026, 3, 12, 9, 30, tzinfo=UTC)
LATER = NOW + timedelta(minutes=5)
KEYS = {
    "customers": ("customer_id",),
    "orders": ("order_id",),
    "order_items": ("order_id", "line_number"),
}


@pytest.fixture(scope="module")
def company_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("company") / "company.duckdb"
    with duckdb.connect(str(file)) as connection:
        connection.execute("set timezone = 'UTC'")
        company.make(connection, NOW, 10)
    return file


@pytest.fixture
def warehouse(company_file: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'")
        company.attach(connection, company_file, NOW)
        company.deliver(connection)
        yield connection


def target(
    warehouse: duckdb.DuckDBPyConnection, relation: Relation, share: float = 0.3, *prefer: str
) -> Target:
    keys = KEYS.get(relation.table, ())
    return Target(warehouse, relation, keys, LATER, share, prefer)


def one(warehouse: duckdb.DuckDBPyConnection, sql: str) -> Any:
    return warehouse.execute(sql).fetchall()[0][0]


ROWS = [one for one in INCIDENTS if one.damage is not None]


@pytest.mark.parametrize("incident", ROWS, ids=lambda incident: incident.name)
def test_an_incident_changes_its_table_and_no_other(
    warehouse: duckdb.DuckDBPyConnection, incident: Any
) -> None:
    def prints() -> dict[str, Any]:
        return {
            str(table): warehouse.execute(
                f"select count(*), sum(cast(hash(t) as hugeint)) from {table} as t"
            ).fetchall()
            for table in company.relations()
        }

    before = prints()
    said = incident.damage(target(warehouse, incident.table, incident.share, *incident.columns))
    after = prints()
    assert [name for name in before if before[name] != after[name]] == [str(incident.table)]
    assert said.endswith((".", "'"))
    # The stamp of the sync is what tells the platform that the table is another one.
    newest = one(warehouse, f"select max(_fivetran_synced) from {incident.table}")
    assert newest == LATER


@pytest.mark.parametrize("incident", ROWS, ids=lambda incident: incident.name)
def test_an_incident_is_the_same_every_time(
    warehouse: duckdb.DuckDBPyConnection, incident: Any
) -> None:
    said = set()
    for _ in range(2):
        company.deliver(warehouse, [incident.table])
        said.add(
            incident.damage(target(warehouse, incident.table, incident.share, *incident.columns))
        )
    assert len(said) == 1


def test_a_share_is_the_share_of_the_rows(warehouse: duckdb.DuckDBPyConnection) -> None:
    orders = Relation("raw_postgres_public", "orders")
    rows = one(warehouse, f"select count(*) from {orders}")
    damage_rows.volume_drop(target(warehouse, orders, 0.6))
    assert one(warehouse, f"select count(*) from {orders}") / rows == pytest.approx(0.4, abs=0.05)


def test_encoding_damage_is_utf8_read_as_latin1(warehouse: duckdb.DuckDBPyConnection) -> None:
    customers = Relation("raw_postgres_public", "customers")
    before = dict(warehouse.execute(f"select customer_id, last_name from {customers}").fetchall())
    damage_rows.encoding_damage(target(warehouse, customers, 1.0, "last_name"))
    after = dict(warehouse.execute(f"select customer_id, last_name from {customers}").fetchall())
    assert after == {key: name.encode().decode("latin-1") for key, name in before.items()}
    assert "MÃ¼ller" in after.values()


def test_cents_are_a_hundred_times_the_euros(warehouse: duckdb.DuckDBPyConnection) -> None:
    payments = Relation("raw_postgres_public", "payments")
    before = one(warehouse, f"select sum(amount) from {payments}")
    damage_rows.unit_change(target(warehouse, payments, 1.0, "amount"))
    assert one(warehouse, f"select sum(amount) from {payments}") == before * 100


def test_a_renamed_column_keeps_its_values(warehouse: duckdb.DuckDBPyConnection) -> None:
    customers = Relation("raw_postgres_public", "customers")
    before = one(warehouse, f"select count(country) from {customers}")
    damage_columns.column_renamed(target(warehouse, customers, 0.3, "country"))
    assert one(warehouse, f"select count(country_new) from {customers}") == before


def test_orphans_point_at_no_row(warehouse: duckdb.DuckDBPyConnection) -> None:
    orders = Relation("raw_postgres_public", "orders")
    damage_rows.orphaned_references(target(warehouse, orders, 0.3, "customer_id"))
    lost = one(
        warehouse,
        f"select avg(cast(c.customer_id is null as integer)) from {orders} as o "
        "left join raw_postgres_public.customers as c using (customer_id)",
    )
    assert lost == pytest.approx(0.3, abs=0.03)


PLAIN = Relation("raw_shop", "plain")


@pytest.mark.parametrize(
    ("incident", "needs"),
    [
        ("null-spike", "null spike"),
        ("unit-change", "unit change"),
        ("time-zone-shift", "column of moments"),
        ("late-data", "column of moments"),
        ("encoding-damage", "beyond ASCII"),
        ("truncation", "truncation of text"),
        ("orphaned-references", "orphaned references"),
        ("skewed-category", "between 2 and 20"),
        ("test-rows", "no text"),
        ("stuck-value", "stuck value"),
        ("swapped-columns", "2 columns"),
    ],
)
def test_a_table_that_does_not_suit_is_told_so(
    warehouse: duckdb.DuckDBPyConnection, incident: str, needs: str
) -> None:
    warehouse.execute("create schema raw_shop")
    warehouse.execute(
        f"create table {PLAIN} as select i as id, i % 2 = 0 as flag from range(9) r(i)"
    )
    damage = named(incident).damage
    assert damage is not None
    plain = Target(warehouse, PLAIN, ("id", "flag"), NOW, 0.3)
    with pytest.raises(UserError, match=needs):
        damage(plain)


def test_a_table_without_sync_times_can_be_damaged(warehouse: duckdb.DuckDBPyConnection) -> None:
    warehouse.execute("create schema raw_shop")
    warehouse.execute(
        f"create table {PLAIN} as select i as id, 'name ' || i as name from range(100) r(i)"
    )
    plain = Target(warehouse, PLAIN, ("id",), NOW, 1.0)
    assert damage_rows.truncation(plain) == "name was cut to 5 characters in 100 of 100 rows."


@pytest.mark.parametrize("text", ["null spike", "NULL_SPIKE", "null-spike "])
def test_an_incident_is_found_however_it_is_written(text: str) -> None:
    assert named(text).name == "null-spike"


def test_an_unknown_incident_is_told_with_the_nearest_name() -> None:
    with pytest.raises(UserError, match="Did you mean 'duplicated-load'"):
        named("duplicate-load")
