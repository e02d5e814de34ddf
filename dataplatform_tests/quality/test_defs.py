"""Check steps of raw tables: what Dagster is told before and after."""

from __future__ import annotations

from dagster import AssetCheckKey, AssetKey

GOOD = "(1, 'a@b.c', 10), (2, 'b@b.c', 30), (3, 'c@d.e', 40)"
BAD = "(1, 'a@b.c', 10), (1, 'b@', 300), (3, null, 40)"
TABLE = AssetKey(["raw_shop", "customers"])


def test_one_step_judges_every_rule_of_a_raw_table(shop_run):
    result = shop_run.run(GOOD)
    assert result.success
    found = {e.check_name: e for e in result.get_asset_check_evaluations()}
    assert len(found) == 9
    assert all(evaluation.passed for evaluation in found.values())
    assert {event.step_key for event in result.all_events if event.step_key} >= {
        "check_raw_shop_customers"
    }


def test_a_broken_rule_is_reported_with_what_a_person_needs(shop_run):
    result = shop_run.run(BAD)
    assert result.success, "a broken rule is a verdict, not a crash"
    found = {e.check_name: e for e in result.get_asset_check_evaluations()}
    unique = found["customer_id_unique"]
    assert not unique.passed
    data = {name: value.value for name, value in unique.metadata.items()}
    assert data["failing_count"] == 2
    assert data["row_count"] == 3
    assert data["sample_keys"] == ["1", "1"]
    assert data["owner"] == "team:data"
    assert data["dataplatform/rule"].startswith("config/contracts/raw_shop/customers.yml:")
    assert "select * from" in data["sql"]
    assert data["dataplatform/gate"] is True
    assert "2 of 3 rows fail" in unique.description
    assert found["email_filled"].passed


def test_specs_carry_the_gate_but_never_block_in_dagsters_way(shop_run):
    shop_run.run(GOOD)
    graph = shop_run.definitions.resolve_asset_graph()
    spec = graph.get_check_spec(AssetCheckKey(TABLE, "email_filled"))
    assert spec.blocking is False
    assert spec.metadata["dataplatform/gate"] is False
    assert spec.metadata["dataplatform/severity"] == "WARN"
    gate = graph.get_check_spec(AssetCheckKey(TABLE, "customer_id_unique"))
    assert gate.metadata["dataplatform/gate"] is True


def test_a_missing_table_is_an_error_of_every_rule(shop_run):
    from dataplatform.checks.contract_rules import checks_of
    from dataplatform.duckdb_file import open_duckdb
    from dataplatform.quality.raw_scan import judge
    from dataplatform.resources.warehouse import open_warehouse

    project = shop_run.project
    with open_duckdb(project.state / "warehouse.duckdb", purpose="test"):
        pass
    checks = checks_of(project.contracts[0])
    verdicts = judge(open_warehouse(project.environment, project), checks, {}).verdicts
    assert verdicts
    assert not any(verdict.passed for verdict in verdicts)
    assert "does not exist" in verdicts[0].error


def test_a_check_is_selected_and_run_alone(shop_run):
    shop_run.run(GOOD)
    result = shop_run.run("", alone="customer_id_unique")
    assert result.success
    found = result.get_asset_check_evaluations()
    assert [evaluation.check_name for evaluation in found] == ["customer_id_unique"]
    assert found[0].passed
    assert not result.get_asset_materialization_events()
