"""``dataplatform access``: what is printed, and how it exits."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner, Result

from dataplatform.access.audit import audit
from dataplatform.cli.access import app
from dataplatform.declarations.errors import UserError
from dataplatform.declarations.project import Project
from dataplatform.resources.warehouse import Warehouse


def _run(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments), catch_exceptions=False)


def test_plan_apply_and_plan_again(project: Project) -> None:
    first = _run("plan", "--sql")
    assert first.exit_code == 3
    assert "+ analyst reads marts.dim_customers as as_analyst__marts.dim_customers" in first.output
    assert 'CREATE OR REPLACE VIEW "as_analyst__marts"."dim_customers"' in first.output
    digest = first.output.partition("--plan ")[2].partition("`")[0]
    with pytest.raises(UserError, match=f"The plan is {digest} by now and not 0123456789"):
        _run("apply", "--plan", "0123456789")
    done = _run("apply", "--json", "--plan", digest)
    assert done.exit_code == 0
    said = json.loads(done.stdout)
    assert {one["action"] for one in said} == {"grant"} and said[0]["statements"]
    again = _run("plan")
    assert (again.exit_code, again.output.strip()) == (0, "As declared.")
    assert "Nothing to apply." in _run("apply").output


def test_nothing_is_taken_away_that_was_not_shown(project: Project, warehouse: Warehouse) -> None:
    _run("apply")
    by_hand = "create view as_analyst__marts.spied as select * from staging.stg_customers"
    warehouse.query(by_hand, "a hand")
    plan = _run("plan").output
    digest = plan.partition("--allow-revoke --plan ")[2].partition("`")[0]
    assert digest and "Without --allow-revoke 1 of them are left." in plan
    with pytest.raises(UserError, match="1 would be taken away, and nobody is here to confirm"):
        _run("apply", "--allow-revoke")
    left = _run("apply")
    assert left.exit_code == 3
    assert "left as it is: analyst reads marts.spied" in left.output
    done = _run("apply", "--allow-revoke", "--plan", digest)
    assert (done.exit_code, "1 applied." in done.output) == (0, True)
    warehouse.query(by_hand, "a hand")
    assert _run("apply", "--allow-revoke", "--yes").exit_code == 0
    assert _run("plan").output.strip() == "As declared."


def test_who_can_and_what_can(project: Project) -> None:
    said = json.loads(_run("who-can", "dim_customers", "--json").stdout)
    found = {one["role"]: one for one in said}
    assert list(found) == ["transformer", "analyst", "analyst_de", "support", "engineer"]
    assert found["analyst"]["hidden"]["email"] == "partial"
    assert found["support"]["hidden"] == {} and found["support"]["through"] == ["analyst"]
    assert found["analyst_de"]["rows"] == ["country = 'DE'"]
    assert "joan@example.com" in found["analyst"]["holders"]
    tables = [one["table"] for one in json.loads(_run("what-can", "analyst_de", "--json").stdout)]
    assert tables == ["marts.daily_sales", "marts.dim_customers"]
    assert "through" in _run("who-can", "marts.dim_customers").output
    with pytest.raises(UserError, match=r"Did you mean 'marts.dim_customers'"):
        _run("who-can", "dim_customer")


def test_a_query_as_a_role(project: Project) -> None:
    asked = _run("query", "select email from dim_customers order by 1", "--as", "analyst", "--json")
    assert json.loads(asked.stdout)[0] == {"email": "a***@uni.example"}
    shown = _run(
        "query", "select customer_id from dim_customers", "--as", "analyst", "--limit", "1"
    )
    assert "More rows: only 1 are shown." in shown.output


def test_an_audit_names_what_is_worth_a_second_look(project: Project) -> None:
    path = project.config / "access.yml"
    text = path.read_text(encoding="utf-8")
    text += "\n  nobody: {reads: [marts]}\n  eve:\n    users: [eve@example.com]\n"
    path.write_text(text + "    writes: [marts]\n    sees: [pii]\n", encoding="utf-8")
    found = audit(Project(project.root))
    assert found["roles"]["engineer"]["inherits"] == ["analyst"]
    assert found["remarks"] == [
        "Nobody holds the role 'nobody'.",
        "The role 'eve' makes tables, and people hold it: eve@example.com.",
        "The role 'eve' is shown pii as it is: eve@example.com.",
        "marts.community_engagement has no contract, so all its columns count as confidential.",
    ]
    assert "support" in _run("audit").output


def test_a_project_without_the_file_is_told_so(project: Project) -> None:
    (project.config / "access.yml").unlink()
    with pytest.raises(UserError, match=r"There is no config/access.yml"):
        _run("plan")
