"""What a change of a contract breaks, who is told, and when a build server stops it."""

from __future__ import annotations

import datetime
import subprocess

import pytest
from typer.testing import CliRunner

from dataplatform.cli.contract import app
from dataplatform.declarations.contract import load_contract
from dataplatform.quality.contract_diff import changes, undeclared
from dataplatform_tests.quality.conftest import REPOSITORY, bare_project

TODAY = datetime.date(2026, 6, 1)
CONTRACT = """\
kind: DataContract
apiVersion: v3.1.0
id: staging.orders
version: 1.4.0
status: active
team: {name: sales}
slaProperties:
  - {property: latency, value: 26, unit: h}
  - {property: retention, value: 3, unit: y, element: ordered_at}
schema:
  - name: orders
    quality:
      - {name: some, metric: rowCount, mustBeBetween: [10, 100]}
      - {name: hint, metric: rowCount, mustBeLessThan: 90, severity: warning}
    properties:
      - {name: order_id, logicalType: integer, required: true, unique: true, primaryKey: true}
      - name: currency
        logicalType: string
        logicalTypeOptions: {maxLength: 3}
        quality:
          - {name: known, metric: invalidValues, arguments: {validValues: [EUR, USD]}, mustBe: 0}
      - name: note
        logicalType: string
        customProperties:
          - {property: deprecatedOn, value: "2026-01-01"}
          - {property: removedAfter, value: "2026-05-31"}
      - {name: ordered_at, logicalType: timestamp}
"""

#: What is changed, the field that is told, and whether it breaks.
CASES = [
    ("{name: order_id, logicalType: integer", "{name: order_id, logicalType: string", "order_id",
     True),
    ("{name: order_id, logicalType: integer", "{name: order_no, logicalType: integer", "order_id",
     True),
    ("required: true, ", "", "order_id", True),
    (", unique: true", "", "order_id", True),
    ("logicalType: timestamp}", "logicalType: timestamp, required: true}", "ordered_at", False),
    ("logicalType: timestamp}", "logicalType: timestamp, classification: restricted}",
     "ordered_at", False),
    ("maxLength: 3", "maxLength: 5", "currency", True),
    ("maxLength: 3", "maxLength: 2", "currency", False),
    ("{maxLength: 3}", "{maxLength: 3, pattern: '^[A-Z]+$'}", "currency", False),
    ("[EUR, USD]", "[EUR, USD, GBP]", "rule known", True),
    ("[EUR, USD]", "[EUR]", "rule known", False),
    ("mustBeBetween: [10, 100]", "mustBeBetween: [5, 100]", "rule some", True),
    ("mustBeBetween: [10, 100]", "mustBeBetween: [20, 50]", "rule some", False),
    ("mustBeBetween: [10, 100]", "mustBeBetween: [10, 100], severity: warning", "rule some", True),
    ("mustBeLessThan: 90", "mustBeLessThan: 900", "rule hint", False),
    ("      - {name: some, metric: rowCount, mustBeBetween: [10, 100]}\n", "", "rule some", True),
    ("value: 26", "value: 48", "promise latency", True),
    ("value: 26", "value: 12", "promise latency", False),
    ("value: 3, unit: y", "value: 1, unit: y", "promise retention", True),
    ("value: 3, unit: y", "value: 5, unit: y", "promise retention", False),
    ("  - {property: latency, value: 26, unit: h}\n", "", "promise latency", True),
    ("status: active", "status: deprecated", "status", False),
    ("status: active", "status: retired", "status", True),
    ("{name: sales}", "{name: shop}", "owner", False),
]  # fmt: skip


@pytest.fixture
def read(tmp_path):
    """Read a contract's text."""
    count = iter(range(100))

    def load(text: str):
        root = tmp_path / str(next(count))
        path = root / "config" / "contracts" / "staging" / "orders.yml"
        path.parent.mkdir(parents=True)
        path.write_text(text)
        return load_contract(path, root)

    return load


@pytest.mark.parametrize(("before", "after", "field", "breaking"), CASES)
def test_a_change_breaks_or_not(read, before, after, field, breaking):
    assert before in CONTRACT
    old, new = read(CONTRACT), read(CONTRACT.replace(before, after, 1))
    found = changes(old, new, TODAY)
    assert breaking in [one.breaking for one in found if one.field == field]
    assert any(one.breaking for one in found) == breaking
    assert (undeclared(old, new, found) is not None) == breaking
    # The other way round, what was loosened is tightened: a change all the same.
    assert changes(new, old, TODAY)


def test_nothing_changed(read):
    assert changes(read(CONTRACT), read(CONTRACT), TODAY) == []


def test_a_major_version_declares_what_breaks(read):
    before, after = "logicalType: timestamp", "logicalType: date"
    old, new = read(CONTRACT), read(CONTRACT.replace(before, after))
    assert undeclared(old, new, changes(old, new, TODAY)) == (
        "1 breaking change is not declared: raise the version of staging.orders from 1.4.0 to "
        "2.0.0, or keep what was promised"
    )
    new = read(CONTRACT.replace(before, after).replace("1.4.0", "2.0.0"))
    assert undeclared(old, new, changes(old, new, TODAY)) is None


@pytest.mark.parametrize(("day", "declared"), [("2026-05-31", False), ("2026-06-01", True)])
def test_what_was_announced_may_go_after_its_day(read, day, declared):
    start = CONTRACT.index("      - name: note")
    end = CONTRACT.index("      - {name: ordered_at")
    old, new = read(CONTRACT), read(CONTRACT[:start] + CONTRACT[end:])
    found = changes(old, new, datetime.date.fromisoformat(day))
    assert [(one.field, one.breaking, one.announced) for one in found] == [("note", True, declared)]
    assert (undeclared(old, new, found) is None) == declared


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A git repository of one contract, three models and a dashboard."""
    bare_project(tmp_path)
    dbt = tmp_path / "dbt_project"
    (dbt / "models" / "staging").mkdir(parents=True)
    macros = ("macros/generate_schema_name.sql", "macros/query_tag.sql")
    for name in ("dbt_project.yml", "profiles.yml", *macros):
        (dbt / name).parent.mkdir(exist_ok=True)
        (dbt / name).write_text((REPOSITORY / "dbt_project" / name).read_text())
    models = {
        "orders": "select 1 as order_id, 'EUR' as currency, 'x' as note, now() as ordered_at",
        "by_currency": "select currency, count(*) as n from {{ ref('orders') }} group by 1",
        "everything": "select * from {{ ref('orders') }}",
        "by_day": "select ordered_at -- not the currency\nfrom {{ ref('orders') }}",
    }
    for name, sql in models.items():
        (dbt / "models" / "staging" / f"{name}.sql").write_text(sql)
    (dbt / "models" / "exposures.yml").write_text(
        "version: 2\nexposures:\n  - name: board\n    type: dashboard\n"
        "    owner: {email: board@example.com}\n    depends_on: [ref('by_currency')]\n"
    )
    path = tmp_path / "config" / "contracts" / "staging" / "orders.yml"
    path.parent.mkdir(parents=True)
    path.write_text(CONTRACT)
    for arguments in (
        ["init", "-q"],
        ["add", "-A"],
        ["-c", "user.name=a", "-c", "user.email=a@b.de", "commit", "-qm", "one"],
    ):
        subprocess.run(["git", "-C", str(tmp_path), *arguments], check=True)
    monkeypatch.setenv("DATAPLATFORM_PROJECT", str(tmp_path))
    return path


@pytest.mark.slow
def test_a_build_server_stops_what_is_not_declared_and_names_who_breaks(project):
    runner = CliRunner()
    assert runner.invoke(app, ["diff", "--against", "HEAD"]).exit_code == 0
    text = CONTRACT.replace("maxLength: 3", "maxLength: 9")
    project.write_text(text)
    outcome = runner.invoke(app, ["diff", "--against", "HEAD"])
    assert outcome.exit_code == 1
    told = outcome.output
    assert (
        "BREAKING  currency: maxLength was 3, is 9  [config/contracts/staging/orders.yml:" in told
    )
    for consumer in ("model by_currency", "model everything", "dashboard board"):
        assert f"breaks {consumer}" in told
    assert "by_day" not in told
    project.write_text(text.replace("1.4.0", "2.0.0"))
    assert runner.invoke(app, ["diff", "--against", "HEAD"]).exit_code == 0
    project.unlink()
    outcome = runner.invoke(app, ["diff", "--against", "HEAD"])
    assert outcome.exit_code == 1
    assert "the contract of staging.orders is gone" in outcome.output
    assert "git cannot tell" in str(runner.invoke(app, ["diff", "--against", "nothing"]).exception)


def test_two_files_are_compared_wherever_they_lie(tmp_path, monkeypatch):
    (tmp_path / "old.yaml").write_text(CONTRACT)
    (tmp_path / "new.yaml").write_text(CONTRACT.replace("value: 26", "value: 12"))
    monkeypatch.setenv("DATAPLATFORM_PROJECT", str(tmp_path))
    outcome = CliRunner().invoke(
        app, ["diff", str(tmp_path / "old.yaml"), str(tmp_path / "new.yaml")]
    )
    assert outcome.exit_code == 0, outcome.output
    assert "ok        promise latency: was 26 hours, is 12" in outcome.output
    assert "note: the version is 1.4.0 still" in outcome.output
