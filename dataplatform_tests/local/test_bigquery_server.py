"""The stand-in for BigQuery through Google's client: a case for each thing put right in it."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import requests
from google.auth.transport.requests import AuthorizedSession
from pyarrow import parquet

from dataplatform import bigquery_jobs
from dataplatform.access.bigquery_api import BigQueryEngine, ClientDatasets
from dataplatform.access.items import differences
from dataplatform.access.rights import Rights
from dataplatform.bigquery_load import merge_parquet
from dataplatform.cost.bigquery_jobs import usages_of
from dataplatform.declarations.access import Access, Role
from dataplatform.declarations.errors import UserError
from dataplatform.keys import Relation
from dataplatform.resources.warehouse import work
from dataplatform.resources.warehouse.bigquery import BigQueryAdapter
from dataplatform.resources.warehouse.bigquery_client import open_client
from dataplatform.resources.warehouse.bigquery_swap import literal
from dataplatform.resources.warehouse.publication import Note
from dataplatform_tests.bigquery import bigquery
from dataplatform_tests.warehouse_facts import fingerprint

pytestmark = pytest.mark.slow

ORDERS = Relation("raw", "orders")


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[dict[str, Any], Path]]:
    with bigquery() as found:
        yield found


@pytest.fixture(scope="module")
def settings(served: tuple[dict[str, Any], Path]) -> dict[str, Any]:
    return served[0]


@pytest.fixture(scope="module")
def warehouse(settings: dict[str, Any]) -> BigQueryAdapter:
    return BigQueryAdapter(lambda: settings)


def _orders(folder: Path) -> Path:
    table = pa.table(
        {
            "id": pa.array([1, 2, 3], pa.int32()),
            "amount": pa.array([Decimal("1.10"), None, Decimal("3.00")], pa.decimal128(14, 2)),
            "seen_at": pa.array([datetime(2026, 1, 2, 3, 4, 5, 6, UTC), None, None]),
            "said_at": pa.array([datetime(2026, 1, 2), None, None], pa.timestamp("us")),
            "name": ["it's", "back\\slash", "ü"],
            "day": [date(2026, 1, 1)] * 3,
            "good": [True, None, False],
            "share": [1.5, None, 0.1],
        }
    )
    parquet.write_table(table, folder / "orders.parquet")
    return folder / "orders.parquet"


def test_parquet_goes_in_and_comes_out(warehouse: BigQueryAdapter, tmp_path: Path) -> None:
    file = _orders(tmp_path)
    assert warehouse.load_parquet(ORDERS, file) == 3
    assert warehouse.columns(ORDERS) == {
        "id": "INT64", "amount": "NUMERIC", "seen_at": "TIMESTAMP", "said_at": "DATETIME",
        "name": "STRING", "day": "DATE", "good": "BOOL", "share": "FLOAT64",
    }  # fmt: skip
    assert warehouse.export_parquet(ORDERS, tmp_path / "out.parquet") == 3
    rows = parquet.read_table(tmp_path / "out.parquet").to_pylist()
    assert rows == parquet.read_table(file).to_pylist()


def test_json_is_read_from_its_text(warehouse: BigQueryAdapter, tmp_path: Path) -> None:
    import duckdb

    file, users = tmp_path / "users.parquet", Relation("raw", "users")
    duckdb.sql(
        'copy (select 1 as id, \'{"geo": {"lat": "1.5"}}\'::json as address '
        f"union all select 2, null::json) to '{file}' (format parquet)"
    )
    assert warehouse.load_parquet(users, file) == 2
    assert warehouse.columns(users) == {"id": "INT64", "address": "JSON"}
    found = warehouse.query(
        "select id, json_value(address, '$.geo.lat') from raw.users order by id", "test"
    )
    assert found == [(1, "1.5"), (2, None)]
    assert warehouse.swap.relations(_session(warehouse)) >= {users}
    assert Relation("raw", "_dataplatform_load_users") not in warehouse.relations()


def _session(warehouse: BigQueryAdapter) -> Any:
    with warehouse.session("test") as session:
        return session


def test_a_load_may_change_the_columns(warehouse: BigQueryAdapter, tmp_path: Path) -> None:
    wide, place = tmp_path / "wide.parquet", Relation("raw", "changing")
    parquet.write_table(pa.table({"a": [1], "b": ["x"]}), wide)
    warehouse.load_parquet(place, wide)
    narrow = tmp_path / "narrow.parquet"
    parquet.write_table(pa.table({"c": [1.5, 2.5]}), narrow)
    assert warehouse.load_parquet(place, narrow) == 2
    assert warehouse.columns(place) == {"c": "FLOAT64"}


def test_a_load_that_is_cut_shows_the_old_rows_until_it_is_done_again(
    warehouse: BigQueryAdapter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, file = Relation("raw", "cut"), tmp_path / "cut.parquet"
    parquet.write_table(pa.table({"id": [1, 2, 3]}), file)
    warehouse.load_parquet(place, file)
    parquet.write_table(pa.table({"id": [7], "name": ["new"]}), file)
    send, cuts = AuthorizedSession.request, [20]

    def gone(self: Any, method: str, url: str, *args: Any, **more: Any) -> Any:
        if "/upload/" in url and method == "PUT" and cuts[0]:
            cuts[0] -= 1
            assert warehouse.row_count(place) == 3
            raise requests.ConnectionError("Network is unreachable")
        return send(self, method, url, *args, **more)

    monkeypatch.setattr(AuthorizedSession, "request", gone)
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    with monkeypatch.context() as hurried, pytest.raises(UserError, match="cannot be reached"):
        hurried.setattr(bigquery_jobs, "PATIENCE_SECONDS", 0.0)
        warehouse.load_parquet(place, file)
    assert warehouse.row_count(place) == 3
    assert 0 < cuts[0] < 20
    assert warehouse.load_parquet(place, file) == 1
    assert warehouse.query("select * from raw.cut", "test") == [(7, "new")]
    assert cuts == [0]


def test_a_decimal_of_38_digits_is_kept(warehouse: BigQueryAdapter, tmp_path: Path) -> None:
    file, place = tmp_path / "wide.parquet", Relation("raw", "wide")
    big = Decimal("12345678901234567890123456789")
    parquet.write_table(pa.table({"n": pa.array([big], pa.decimal128(38, 0))}), file)
    warehouse.load_parquet(place, file)
    assert warehouse.query("select n from raw.wide", "test") == [(big,)]


def test_rows_are_merged_by_key(warehouse: BigQueryAdapter, tmp_path: Path) -> None:
    file, place = tmp_path / "rows.parquet", Relation("raw", "merged")
    parquet.write_table(pa.table({"id": [1, 2], "name": ["old", "kept"]}), file)
    warehouse.load_parquet(place, file)
    parquet.write_table(pa.table({"id": [1, 3], "name": ["new", "added"]}), file)
    merge_parquet(_session(warehouse).client, "raw", "merged", file, ["id"])
    found = warehouse.query("select id, name from raw.merged order by id", "test")
    assert found == [(1, "new"), (2, "kept"), (3, "added")]


def test_a_fingerprint_changes_with_the_rows_alone(
    warehouse: BigQueryAdapter, tmp_path: Path
) -> None:
    warehouse.load_parquet(ORDERS, _orders(tmp_path))
    before = fingerprint(warehouse, ORDERS)
    assert fingerprint(warehouse, ORDERS) == before
    warehouse.query("insert into raw.orders (id, name) values (4, 'x'), (4, 'x')", "test")
    twice = fingerprint(warehouse, ORDERS)
    warehouse.query("update raw.orders set name = 'y' where id = 4", "test")
    assert len({before, twice, fingerprint(warehouse, ORDERS)}) == 3
    assert warehouse.row_count(ORDERS) == 5


def test_tables_are_published_together_and_rolled_back(
    warehouse: BigQueryAdapter, tmp_path: Path
) -> None:
    candidate, target = Relation("candidate", "orders"), Relation("marts", "orders")
    for schema in ("candidate", "marts", "versions"):
        warehouse.query(f"create schema if not exists {schema}", "test")
    warehouse.query("create or replace table candidate.orders as select 1 as id, 'it' as s", "test")
    # What stands in the way may be a view.
    warehouse.query("create or replace view marts.orders as select 0 as id", "test")
    assert warehouse.publish(candidate, target).row_count == 1
    warehouse.query("insert into candidate.orders values (2, 'x')", "test")
    warehouse.publish(candidate, target, exclude=["s"])
    assert warehouse.query("select * from marts.orders order by id", "test") == [(1,), (2,)]
    warehouse.published.roll_back(target, None, Note(who="me", why="o'clock \\ late"))
    assert warehouse.query("select * from marts.orders", "test") == [(1, "it")]
    newest, oldest = warehouse.published.versions(target)
    assert (newest.current, oldest.current) == (False, True)


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("partition by day", ("DAY", "day", None)),
        ("partition by date_trunc(day, month)", ("MONTH", "day", None)),
        ("partition by timestamp_trunc(at, hour)", ("HOUR", "at", None)),
        ("partition by date(at)", ("DAY", "at", None)),
        ("partition by range_bucket(id, generate_array(0, 100, 10))", (None, "id", (0, 100, 10))),
    ],
)
def test_what_consumers_read_is_laid_out_as_the_model_says(
    warehouse: BigQueryAdapter, said: str, told: tuple[Any, ...]
) -> None:
    candidate, target = Relation("candidate", "laid_out"), Relation("marts", "laid_out")
    for schema in ("candidate", "marts", "versions"):
        warehouse.query(f"create schema if not exists {schema}", "test")
    strict = told[0] is not None
    warehouse.query(
        f"/* by dbt */ create or replace table candidate.laid_out {said} cluster by name, id "
        "options(description='what it is', labels=[('group', 'sales'), ('tier', 'gold')]"
        f"{', require_partition_filter=true' if strict else ''}) as (select 1 as id, "
        "date '2026-01-02' as day, timestamp '2026-01-02 03:00:00+00' as at, 'x' as name)",
        "test",
    )
    warehouse.publish(candidate, target)
    with warehouse.session("look") as session:
        for relation in (candidate, target):
            table: Any = session.table(relation)  # type: ignore[attr-defined]
            days, spans = table.time_partitioning, table.range_partitioning
            by = days or spans
            ends = (spans.range_.start, spans.range_.end, spans.range_.interval) if spans else None
            assert (days.type_ if days else None, by.field, ends) == told
            assert table.clustering_fields == ["name", "id"]
            assert table.labels == {"group": "sales", "tier": "gold"}
            assert bool(table.require_partition_filter) == strict
            assert table.description == "what it is"


def test_a_text_is_a_text_whatever_it_holds(warehouse: BigQueryAdapter) -> None:
    for text in ("it's", "back\\slash", "two\nlines", "a `tick`", "--", "\\'; drop"):
        assert warehouse.query(f"select {literal(text)}", "test") == [(text,)]
        with warehouse.session("test") as session:
            assert session.execute("select ?", [text]) == [(text,)]


def test_an_error_names_what_is_wrong(settings: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"key file .*missing.json cannot be read"):
        BigQueryAdapter(
            lambda: {**settings, "token": None, "key_file": str(tmp_path / "missing.json")}
        ).query("select 1", "test")
    with pytest.raises(UserError, match="refuses the token: it has expired"):
        BigQueryAdapter(lambda: {**settings, "token": "old"}).query("select 1", "test")
    with pytest.raises(UserError, match=r"has no table raw\.nothing"):
        BigQueryAdapter(lambda: settings).row_count(Relation("raw", "nothing"))


def test_jobs_say_what_asked_for_them_and_what_they_may_read(
    warehouse: BigQueryAdapter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work, "_current", work.Work("8f2c-1", "Hourly Sales"))
    told = {"app": "dataplatform", "run": "8f2c-1", "pipeline": "hourly-sales"}
    with warehouse.session("Check raw.orders") as session:
        session.execute("select 'labelled'")
        warehouse.load_parquet(ORDERS, _orders(tmp_path))
        client: Any = session.client  # type: ignore[attr-defined]
        listed = [job for job in client.list_jobs() if job.labels.get("run") == "8f2c-1"]
        kept = {job.job_type: client.get_job(job.job_id) for job in listed}
    query, load = kept["query"], kept["load"]
    assert query.labels == {**told, "asset": "raw__orders", "purpose": "check-raw-orders"}
    assert query.maximum_bytes_billed == 10**12
    assert load.labels == {**told, "asset": "raw__orders", "purpose": "load-raw-orders"}
    row = (date(2026, 1, 1), "p", "anon1", *map(load.labels.get, ("asset", "pipeline", "run")))
    (used,) = usages_of([(*row, 1, 1, 1, 0, 1)])
    assert (used.asset, used.pipeline, used.run) == ("raw.orders", "hourly-sales", "8f2c-1")


def test_dagsters_own_resource_speaks_to_it(
    served: tuple[dict[str, Any], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    from dagster_gcp import BigQueryResource
    from google.auth.credentials import CredentialsWithRegionalAccessBoundary as Bounded

    # Else it would ask Google itself where the account may be used.
    monkeypatch.setattr(Bounded, "_is_regional_access_boundary_lookup_required", lambda _: False)
    settings, key_file = served
    monkeypatch.setenv("BIGQUERY_EMULATOR_HOST", settings["endpoint"])
    key = base64.b64encode(key_file.read_bytes()).decode()
    resource = BigQueryResource(project=settings["project"], gcp_credentials=key)
    with resource.get_client() as client:
        assert [tuple(row) for row in client.query("select 1 + 1").result()] == [(2,)]


def test_a_numeric_has_its_digits_and_a_cast_takes_none(warehouse: BigQueryAdapter) -> None:
    ((wide,),) = warehouse.query("select cast(12345678901234567890 as numeric)", "test")
    assert wide == Decimal("12345678901234567890")
    ((exact,),) = warehouse.query("select cast('1.123456789' as numeric)", "test")
    assert exact == Decimal("1.123456789")
    with pytest.raises(Exception, match="not allowed in CAST expressions"):
        warehouse.query("select cast(1 as numeric(14, 2))", "test")


def test_a_table_of_a_query_has_the_columns_that_are_declared(warehouse: BigQueryAdapter) -> None:
    place = Relation("raw", "declared")
    warehouse.query("create schema if not exists raw", "test")
    warehouse.query(
        "create or replace table raw.declared (id int64, amount numeric(14, 2), doc json) "
        "options(description='what it is') as (select * from (select '1' as id, 2 as amount, "
        "parse_json('{}') as doc) as model_subq)",
        "test",
    )
    assert warehouse.columns(place) == {"id": "INT64", "amount": "NUMERIC", "doc": "JSON"}


def test_a_role_is_let_into_views_that_hide_values_and_rows(
    warehouse: BigQueryAdapter, settings: dict[str, Any]
) -> None:
    customers = Relation("marts", "customers")
    access = Access(
        roles={
            "german": Role(
                "german",
                users=("emmy@example.com",),
                reads=("marts",),
                rows={customers: "country = 'DE'"},
            )
        },
        masking={"pii": "partial"},
    )
    columns = {"id": "internal", "email": "pii", "country": "internal"}
    rights = Rights(access, (customers,), {customers: columns})
    with warehouse.session("test") as session:
        session.execute("CREATE SCHEMA IF NOT EXISTS marts")
        session.execute(
            "CREATE OR REPLACE TABLE marts.customers AS SELECT 1 AS id, "
            "'ada@uni.example' AS email, 'DE' AS country UNION ALL SELECT 2, 'eve@x.example', 'US'"
        )
    engine = BigQueryEngine(warehouse, lambda: settings)
    engine.carry_out(differences(*engine.compare(rights)), lambda change: None)
    shown = warehouse.query("SELECT id, email FROM as_german__marts.customers", "test")
    assert shown == [(1, "a***@uni.example")]
    entries = ClientDatasets(open_client(settings)).entries("as_german__marts")
    assert {"role": "READER", "userByEmail": "emmy@example.com"} in entries
