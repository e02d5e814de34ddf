"""Connections applied, synced, reported and looked at again, on real local servers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from dagster import (
    AssetCheckEvaluation,
    AssetKey,
    AssetMaterialization,
    DagsterInstance,
    Definitions,
    ExecuteInProcessResult,
    SensorResult,
    build_sensor_context,
)
from dagster_fivetran import load_fivetran_asset_specs
from typer.testing import CliRunner

from dataplatform.cli.connections import app
from dataplatform.declarations.errors import UserError
from dataplatform.declarations.project import Project, open_project
from dataplatform.ingestion.account.states import connection_states
from dataplatform.ingestion.apply import apply_connections, plan_connections
from dataplatform.ingestion.defs import build_definitions
from dataplatform.keys import Relation
from dataplatform.resources.defs import build_resources
from dataplatform.resources.fivetran.workspace import open_client
from dataplatform.resources.object_store import open_object_store
from dataplatform.resources.project import declared_project
from dataplatform.resources.warehouse import open_warehouse
from dataplatform_tests.ingestion import conftest
from dataplatform_tests.resources.local_servers import served_project
from dataplatform_tests.resources.scripted_server import (
    Answer,
    Request,
    Scripted,
    scripted,
)

pytestmark = pytest.mark.slow

ORDERS = AssetKey(["raw_shop_public", "orders"])
USERS = AssetKey(["raw_site", "users"])


class Site:
    """The site's API: users that a test may change."""

    users: list[dict[str, Any]] = [{"id": 1, "name": "Ada"}, {"id": 2, "name": "Bob"}]

    def __call__(self, request: Request) -> Answer:
        return Answer(self.users)


@pytest.fixture(scope="module")
def site() -> Site:
    return Site()


@pytest.fixture(scope="module")
def api(site: Site) -> Iterator[Scripted]:
    with scripted(site) as server:
        yield server


@pytest.fixture(scope="module")
def served(api: Scripted) -> Iterator[Project]:
    database = ("host", "port", "user", "password", "database")
    shop = conftest.SHOP.replace(
        'config: {host: db, port: 5432, user: u, password: "${DB_PASSWORD}", database: d}',
        "config:\n" + "".join(f'  {name}: "${{local:postgres.{name}}}"\n' for name in database),
    )
    store = {
        "endpoint": "endpoint",
        "access_key_id": "access_key",
        "secret_access_key": "secret_key",
    }
    lines = "".join(
        f'  {name}: "${{local:object_store.{field}}}"\n' for name, field in store.items()
    )
    site = conftest.SITE.replace("  bucket: raw\n", f"  bucket: raw\n{lines}")
    files = {
        "connections/shop.yml": shop,
        "connections/site.yml": site,
        "extracts/site.yml": conftest.EXTRACT.replace("${API_URL}", api.url),
    }
    with served_project(["postgres", "object_store", "fivetran"], files) as project:
        sql(
            project,
            "CREATE TABLE orders (order_id bigint PRIMARY KEY, amount numeric(12, 2))",
        )
        sql(project, 'CREATE TABLE "OrderItems" (order_id bigint)')
        sql(project, "CREATE TABLE audit (id bigint PRIMARY KEY)")
        sql(project, "INSERT INTO orders SELECT i, i FROM generate_series(1, 100) AS i")
        sql(
            project,
            'INSERT INTO "OrderItems" SELECT i FROM generate_series(1, 10) AS i',
        )
        open_object_store(project).ensure_buckets()
        yield project


def sql(project: Project, statement: str) -> None:
    resolve = project.environment.resolve
    names = {"host": "host", "port": "port", "user": "user", "password": "password"}
    settings = {name: resolve(f"${{local:postgres.{field}}}") for name, field in names.items()}
    with psycopg.connect(
        dbname=resolve("${local:postgres.database}"), autocommit=True, **settings
    ) as connection:
        connection.execute(statement)


def run(project: Project, instance: DagsterInstance, **more: Any) -> ExecuteInProcessResult:
    # A worker reads the declarations anew; so does this process for each run.
    declared_project.cache_clear()
    definitions = Definitions.merge(
        build_definitions(project), Definitions(resources=build_resources(project))
    )
    job = definitions.get_implicit_global_asset_job_def()
    return job.execute_in_process(instance=instance, **more)


def reported(result: ExecuteInProcessResult) -> dict[AssetKey, AssetMaterialization]:
    found = {}
    for event in result.get_asset_materialization_events():
        materialization = event.materialization
        found[materialization.asset_key] = materialization
    return found


def version(materialization: AssetMaterialization) -> str:
    return (materialization.tags or {})["dagster/data_version"]


def test_the_account_is_planned_applied_and_then_settled(served: Project) -> None:
    sentences = [change.sentence() for change in plan_connections(served)]
    assert sentences[:2] == ["create group shop", "create destination shop"]
    made = {change.name for change in apply_connections(served) if change.action == "create"}
    assert made == {"shop", "site"}
    assert plan_connections(served) == []
    assert apply_connections(served) == []
    assert {state.name: state.state for state in connection_states(served)} == {
        "shop": "scheduled",
        "site": "scheduled",
    }


def test_runs_report_rows_columns_times_and_versions(served: Project) -> None:
    with DagsterInstance.ephemeral() as instance:
        apply_connections(served)
        first = run(served, instance)
        found = reported(first)
        orders = found[ORDERS]
        assert orders.metadata["dagster/row_count"].value == 100
        assert orders.metadata["dataplatform/rows_inserted"].value == 100
        assert "dataplatform/sync_started" in orders.metadata
        assert "/v1/connections/" in str(orders.metadata["dagster/url"].value)
        columns = orders.metadata["dagster/column_schema"].value.columns
        assert {column.name: column.type for column in columns}["amount"] == "DECIMAL(12,2)"
        assert found[USERS].metadata["dagster/row_count"].value == 2
        verdicts = first.get_asset_check_evaluations()
        # Columns of three tables, and the account of two connections.
        assert len(verdicts) == 5 and all(verdict.passed for verdict in verdicts)
        warehouse = open_warehouse(served.environment, served)
        assert warehouse.columns(Relation("raw_shop_public", "audit")) is None

        again = reported(run(served, instance))
        assert {key: version(one) for key, one in again.items()} == {
            key: version(one) for key, one in found.items()
        }
        assert again[ORDERS].metadata["dataplatform/rows_inserted"].value == 0
        store = open_object_store(served)
        assert len(list(store.list("raw", "site/users/"))) == 1

        sql(served, "INSERT INTO orders VALUES (1000, 1)")
        store.put_if_absent("raw", "site/users/by-hand.jsonl", b"[]")
        changed = reported(run(served, instance))
        assert changed[USERS].metadata["dataplatform/rows_quarantined"].value == 1
        assert version(changed[ORDERS]) != version(found[ORDERS])
        assert version(changed[USERS]) == version(found[USERS])


def test_changed_rows_of_an_extract_make_one_new_object(served: Project, site: Site) -> None:
    with DagsterInstance.ephemeral() as instance:
        store = open_object_store(served)
        before = len(list(store.list("raw", "site/users/")))
        site.users = [*site.users, {"id": 3, "name": "Cy"}]
        found = reported(run(served, instance))
        assert found[USERS].metadata["dagster/row_count"].value == 3
        assert len(list(store.list("raw", "site/users/"))) == before + 1
        # Back to what it was, on the same day: the newest object must say so again.
        site.users = site.users[:2]
        run(served, instance)
        assert len(list(store.list("raw", "site/users/"))) == before + 2


def test_the_sensor_tells_of_foreign_syncs_once_and_never_of_ours(
    served: Project,
) -> None:
    with DagsterInstance.ephemeral() as instance:
        run(served, instance)
        definitions = Definitions.merge(
            build_definitions(served), Definitions(resources=build_resources(served))
        )
        repository = definitions.get_repository_def()
        sensor = repository.get_sensor_def("fivetran_syncs")

        def tick(cursor: str | None) -> Any:
            context = build_sensor_context(
                instance=instance,
                cursor=cursor,
                repository_def=repository,
                resources=build_resources(served),
            )
            return sensor.evaluate_tick(context)

        ours = tick(None)
        assert not ours.asset_events and ours.cursor
        sql(served, "INSERT INTO orders VALUES (2000, 1)")
        client = open_client(served)
        group = next(g for g in client.get_groups()["items"] if g["name"] == "shop")
        shop = next(
            c for c in client.list_connectors_for_group(group["id"]) if c["service"] == "postgres"
        )
        client.sync_and_poll(shop["id"])
        theirs = tick(ours.cursor)
        tables = {ORDERS, AssetKey(["raw_shop_public", "order_items"])}
        arrived = [e for e in theirs.asset_events if isinstance(e, AssetMaterialization)]
        judged = [e for e in theirs.asset_events if isinstance(e, AssetCheckEvaluation)]
        assert {event.asset_key for event in arrived} == tables
        assert all(event.tags["dagster/data_version"] for event in arrived)
        assert {event.asset_key for event in judged if event.passed} == tables
        assert not tick(theirs.cursor).asset_events
        assert isinstance(theirs, SensorResult) or theirs.cursor


def test_a_changed_setting_is_planned_and_applied(served: Project) -> None:
    file = served.root / "config" / "connections" / "shop.yml"
    text = file.read_text(encoding="utf-8")
    try:
        file.write_text(text.replace("sync_frequency: 60", "sync_frequency: 120"))
        edited = open_project(served.root)
        assert [change.field for change in plan_connections(edited)] == ["sync_frequency"]
        assert len(apply_connections(edited)) == 1
        assert plan_connections(edited) == []
    finally:
        file.write_text(text)
    apply_connections(open_project(served.root))


def test_a_table_that_is_not_in_the_source_is_named(served: Project) -> None:
    file = served.root / "config" / "connections" / "shop.yml"
    text = file.read_text(encoding="utf-8")
    try:
        file.write_text(text + "  public.ghosts:\n    columns: {id: bigint}\n")
        with pytest.raises(UserError, match=r"offers no public\.ghosts"):
            apply_connections(open_project(served.root))
    finally:
        file.write_text(text)


def test_drift_of_a_column_fails_its_gate(served: Project) -> None:
    with DagsterInstance.ephemeral() as instance:
        file = served.root / "config" / "connections" / "shop.yml"
        text = file.read_text(encoding="utf-8")
        try:
            file.write_text(
                text.replace("order_id: bigint, amount", "missing: bigint, amount").replace(
                    "primary_key: [order_id]", "primary_key: [missing]"
                )
            )
            result = run(open_project(served.root), instance)
            failed = [v for v in result.get_asset_check_evaluations() if not v.passed]
            assert [verdict.asset_key for verdict in failed] == [ORDERS]
            assert "missing: missing" in str(failed[0].description)
        finally:
            file.write_text(text)


def test_the_command_line_plans_with_exit_code_three(
    served: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATAPLATFORM_PROJECT", str(served.root))
    command = CliRunner()
    apply_connections(open_project(served.root))
    assert command.invoke(app, ["plan"]).exit_code == 0
    shown = command.invoke(app, ["status", "--json"])
    assert {one["name"] for one in json.loads(shown.stdout)} == {"shop", "site"}
    file = served.root / "config" / "connections" / "site.yml"
    text = file.read_text(encoding="utf-8")
    try:
        file.write_text(text + "paused: true\n")
        planned = command.invoke(app, ["plan", "--json"])
        assert planned.exit_code == 3
        assert [one["field"] for one in json.loads(planned.stdout)] == ["paused"]
    finally:
        file.write_text(text)


def test_dagster_fivetrans_own_loader_works_on_the_workspace(served: Project) -> None:
    declared_project.cache_clear()
    specs = load_fivetran_asset_specs(build_resources(served)["fivetran"])
    keys = {spec.key.to_user_string() for spec in specs}
    assert {"raw_shop_public/orders", "raw_site/users"} <= keys
    assert "raw_shop_public/audit" not in keys
