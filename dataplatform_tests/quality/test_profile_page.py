"""The command ``profile`` and its page: on disk, masked where classified, attached on demand."""

from __future__ import annotations

import json
import re

import pytest
from ruamel.yaml import YAML
from typer.testing import CliRunner

from dataplatform.cli.main import app
from dataplatform.duckdb_file import open_duckdb
from dataplatform.keys import Relation
from dataplatform.quality.profile.model import Bar, ColumnProfile, TableProfile, Value
from dataplatform.quality.profile.page import render_profile
from dataplatform.quality.profile.paste import compact
from dataplatform.quality.report import gather
from dataplatform_tests.quality.test_report import NASTY, Page

ROWS = ", ".join(f"({n}, 'a{n}@example.com', {20 + n % 50})" for n in range(60))


@pytest.fixture
def ask(shop_run, monkeypatch):
    """Run the command on a shop of sixty customers; gives what it printed."""
    monkeypatch.setenv("DATAPLATFORM_PROJECT", str(shop_run.project.root))
    monkeypatch.setenv("COLUMNS", "200")
    with open_duckdb(shop_run.project.state / "warehouse.duckdb", purpose="test") as connection:
        connection.execute("create schema raw_shop")
        connection.execute(
            "create table raw_shop.customers as "
            f"select * from (values {ROWS}) as t(customer_id, email, age)"
        )

    def run(*arguments: str, code: int = 0) -> str:
        found = CliRunner().invoke(app, ["profile", *arguments])
        assert found.exit_code == code, (found.output, found.exception)
        return found.stdout if code == 0 else str(found.exception)

    return run


def test_the_command_prints_and_lays_a_page_into_the_report(ask, shop_run):
    printed = ask("customers")
    assert "raw_shop.customers · 60 rows" in printed
    assert re.search(r"email +VARCHAR +none +60 .*email", printed)
    page = shop_run.project.state / "report" / "profiles" / "raw_shop.customers.html"
    text = Page(page.read_text()).text
    assert "60 rows, 3 columns" in text
    assert "As a contract, to paste" in text
    report = gather(shop_run.project, shop_run.instance)
    (table,) = [t for t in report.tables if t.relation == Relation("raw_shop", "customers")]
    assert table.profile


def test_what_programs_and_contracts_get(ask, tmp_path):
    found = json.loads(ask("raw_shop.customers", "--json"))
    assert found["rows"] == 60
    assert [column["name"] for column in found["columns"]] == ["customer_id", "email", "age"]
    schema = YAML(typ="safe").load(ask("raw_shop/customers", "--rules"))["schema"][0]
    assert schema["physicalName"] == "raw_shop.customers"
    assert schema["properties"][0]["primaryKey"] is True
    alone = tmp_path / "alone" / "p.html"
    ask("customers", "--html", str(alone))
    page = Page(alone.read_text())
    assert (alone.parent / "assets" / "plotly.min.js").exists()
    assert {link for link in page.links if "html" in link} == set()
    for link in page.links:
        assert link.startswith("#") or (alone.parent / link).exists() or "report" in link


def test_a_classified_column_is_masked(ask, shop_run):
    contract = shop_run.project.root / "config/contracts/raw_shop/customers.yml"
    yaml = YAML()
    document = yaml.load(contract.read_text())
    email = next(c for c in document["schema"][0]["properties"] if c["name"] == "email")
    email["classification"] = "PII"
    with contract.open("w") as handle:
        yaml.dump(document, handle)
    printed = ask("customers")
    page = shop_run.project.state / "report" / "profiles" / "raw_shop.customers.html"
    assert "masked" in printed
    assert "a7@example.com" not in printed + page.read_text()


def test_a_wrong_name_is_one_sentence(ask):
    assert "Did you mean 'raw_shop.customers'?" in ask("raw_shop.custmers", code=1)
    assert "'orders' does not exist yet." in ask("orders", code=1)
    assert "is not a table of this project." in ask("nothing_like_it", code=1)


def test_a_recorded_profile_is_metadata_and_no_sign_of_freshness(ask, shop_run):
    before = gather(shop_run.project, shop_run.instance, now=2e9)
    ask("customers", "--record")
    from dataplatform.keys import asset_key
    from dataplatform.resources.profile_metadata import PROFILE
    from dataplatform.runtime.home import open_instance

    with open_instance(shop_run.project) as instance:
        key = asset_key(Relation("raw_shop", "customers"))
        (record,) = instance.fetch_observations(key, limit=1).records
        metadata = record.asset_observation.metadata
        assert [row.data["column"] for row in metadata[PROFILE].records] == [
            "customer_id", "email", "age",
        ]  # fmt: skip
        from dataplatform.resources.check_history import table_changes, table_states

        state = table_states(instance)[Relation("raw_shop", "customers")]
        assert state.confirmed is None
        assert table_changes(instance, 0.0) == {}
    assert before.tables


def test_the_page_of_odd_columns_is_sound():
    profile = TableProfile(
        Relation("raw_x", "y"), 5, 5,
        (
            ColumnProfile(NASTY, NASTY, "text", 0, 5, True, NASTY, NASTY, 2.0, lengths=(1, 9),
                          top_values=(Value(NASTY, 5, 1.0),), patterns=(Value(NASTY, 5, 1.0),)),
            ColumnProfile("n", "DOUBLE", "number", 5, 0, True),
            ColumnProfile("d", "DATE", "date", 0, 2, True, "0001-01-01", "9999-12-31",
                          quantiles={0.05: 0.0, 0.25: 0.0, 0.5: 0.0, 0.75: 1.0, 0.95: 1.0},
                          histogram=(Bar(0.0, 86400.0, 4), Bar(86400.0, 172800.0, 1))),
            ColumnProfile("b", "BLOB", "binary", 0, None, lengths=(0, 0)),
        ),
        "duckdb",
    )  # fmt: skip
    text = render_profile(profile, "local", 0.0)
    page = Page(text)
    assert "<img" not in text and "<script>" not in text
    assert "1 Jan 1970" in text and "5 rows, 4 columns" in page.text
    assert compact(profile)[1]["empty"] == "100.0 %"


def test_the_page_of_an_empty_table():
    profile = TableProfile(Relation("a", "b"), 0, 0, (ColumnProfile("c", "DATE", "date", 0),), "")
    page = Page(render_profile(profile, "local", 0.0, alone=True))
    assert "0 rows, 1 column" in page.text
    assert "plotly" not in "".join(page.links)
