"""Rules about new rows alone: what is new, what is looked at again, and what the verdict says."""

from __future__ import annotations

from pathlib import Path

import pytest

from dataplatform.declarations.errors import DeclarationError
from dataplatform.declarations.project import open_project
from dataplatform_tests.checks.declared import column, gx, library, write_contract
from dataplatform_tests.quality.conftest import Shop, bare_project


def contract(root: Path, relation: str, scope: str = "increment") -> Path:
    """Write a contract with one rule about new rows, a runbook and a classified column."""
    rule = gx("age_of_new", "expect_column_values_to_be_between", max_value=120)
    rule["customProperties"] = [{"property": "scope", "value": scope}]
    rule["dimension"] = "accuracy"
    path = write_contract(
        root,
        relation,
        [
            column("customer_id", "integer"),
            column(
                "email",
                "string",
                library("filled", "missingValues", arguments={"missingValues": [""]}, mustBe=0),
                primaryKey=True,
                classification="confidential",
            ),
            column("age", "integer", rule),
        ],
    )
    with path.open("a", encoding="utf-8") as handle:
        handle.write(
            "authoritativeDefinitions:\n- {type: runbook, url: 'https://example.com/customers'}\n"
        )
    return path


@pytest.fixture
def shop(tmp_path):
    shop = Shop(tmp_path, contract)
    yield shop
    shop.instance.dispose()


def judged(shop, *rows, check="age_of_new"):
    """Fill the table with rows of (id, age, day of March) and judge it."""
    listed = ", ".join(
        f"({i}, 'user{i}@b.c', {age}, timestamptz '2025-03-0{day} 08:00:00+00')"
        for i, age, day in rows
    )
    result = shop.run(listed, more=", _fivetran_synced")
    return next(one for one in result.get_asset_check_evaluations() if one.check_name == check)


def test_a_rule_about_new_rows_looks_at_those_since_it_passed(shop):
    first = judged(shop, (1, 500, 1), (2, 20, 1))
    assert not first.passed, "the first time, every row is new"
    assert "rows" not in first.metadata
    whole = judged(shop, (1, 50, 1), (2, 20, 1))
    assert whole.passed
    assert whole.metadata["dataplatform/judged_until"].value.startswith("2025-03-01 08:00")
    part = judged(shop, (1, 500, 1), (2, 20, 2), (3, 30, 3))
    assert not part.passed, "rows of the last sync are looked at again"
    assert part.metadata["rows"].value == "since 2025-03-01 08:00"
    assert judged(shop, (1, 50, 1), (2, 20, 2), (3, 30, 3)).passed
    later = judged(shop, (1, 500, 1), (2, 500, 2), (3, 30, 3), (4, 40, 4))
    assert later.passed, "rows of before are as they were judged"
    assert later.metadata["row_count"].value == 2
    assert "On the 2 rows since 2025-03-03 08:00." in later.description
    broken = judged(shop, (3, 30, 3), (4, 40, 4), (5, 500, 5))
    assert not broken.passed
    again = judged(shop, (3, 30, 3), (4, 40, 4), (5, 500, 5), (6, 60, 6))
    assert not again.passed, "what failed is looked at until it is mended"
    assert again.metadata["failing_count"].value == 1


def test_a_table_without_a_time_has_no_new_rows(shop):
    result = shop.run("(1, 'a@b.c', 10)")
    found = {one.check_name: one for one in result.get_asset_check_evaluations()}
    assert not found["age_of_new"].passed
    assert "neither a column _fivetran_synced" in found["age_of_new"].metadata["error"].value
    assert found["filled"].passed


def test_a_verdict_says_what_a_person_needs_and_no_classified_value(shop):
    found = judged(shop, (1, 500, 1), (2, 600, 1), (3, 30, 1))
    data = {name: value.value for name, value in found.metadata.items()}
    assert data["expected"] == "every age at most 120"
    assert (data["observed"], data["failing_count"], data["row_count"]) == (2, 2, 3)
    assert data["failing_share"] == pytest.approx(2 / 3)
    assert data["sample_keys"] == ["***", "***"]
    assert data["sql"].startswith("```sql\nselect * from")
    assert (data["owner"], data["dimension"]) == ("team:data", "accuracy")
    assert data["runbook"] == "https://example.com/customers"


def test_a_scope_that_does_not_exist_is_refused(tmp_path):
    bare_project(tmp_path)
    (tmp_path / "config" / "connections").mkdir()
    from dataplatform_tests.quality.conftest import SHOP

    (tmp_path / "config" / "connections" / "shop.yml").write_text(SHOP)
    contract(tmp_path, "raw_shop.customers", scope="incremental")
    from dataplatform.checks.contract_rules import checks_of

    with pytest.raises(DeclarationError, match=r"customers.yml:\d+: .*scope must be 'increment'"):
        [checks_of(one) for one in open_project(tmp_path).contracts]
