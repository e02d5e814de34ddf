"""On DuckDB: plan, apply, plan empty; drift is found; a role sees masked values."""

from __future__ import annotations

import pytest

from dataplatform.access.opening import open_engine
from dataplatform.access.plan import Plan, carry_out, make_plan
from dataplatform.access.reading import ask_as
from dataplatform.declarations.errors import UserError
from dataplatform.declarations.project import Project
from dataplatform.resources.warehouse import Warehouse


def _plan(project: Project) -> Plan:
    return make_plan(project, open_engine(project))


def _apply(project: Project, *, allow_revoke: bool = False) -> list[str]:
    engine = open_engine(project)
    plan = make_plan(project, engine)
    done = carry_out(engine, plan, allow_revoke=allow_revoke)
    return [change.sentence() for change in done]


def test_a_first_plan_shows_every_view_and_applying_it_leaves_nothing(project: Project) -> None:
    planned = [change.item.key[1] for change in _plan(project).changes]
    assert "as_analyst__marts.dim_customers" in planned
    assert "as_analyst_de__marts.fact_orders" not in planned
    assert not [name for name in planned if name.startswith(("as_loader", "as_transformer"))]
    assert len(_apply(project)) == len(planned)
    assert _plan(project).changes == []
    assert _apply(project) == []


def test_a_view_shows_a_role_what_it_may_see(project: Project, warehouse: Warehouse) -> None:
    _apply(project)
    analyst = warehouse.query(
        "select first_name, email, phone, age from as_analyst__marts.dim_customers order by 1", ""
    )
    assert analyst == [
        ("A***", "a***@uni.example", "4***", 36),
        ("E***", None, None, None),
        ("G***", "g***@navy.example", "1***", 85),
    ]
    support = warehouse.query("select email from as_support__marts.dim_customers order by 1", "")
    assert support[0] == ("ada@uni.example",)
    german = warehouse.query(
        "select customer_id from as_analyst_de__marts.dim_customers order by 1", ""
    )
    assert german == [(1,), (3,)]
    # A column that no contract promises is confidential until one does.
    new = warehouse.query("select added_without_a_contract from as_analyst__marts.daily_sales", "")
    assert new == [("l***",)]


def test_a_changed_view_a_copy_and_a_foreign_view_are_drift(
    project: Project, warehouse: Warehouse
) -> None:
    _apply(project)
    for statement in (
        "create or replace view as_analyst__marts.dim_customers as from marts.dim_customers",
        "create view as_analyst__marts.secrets as select * from staging.stg_customers",
        "create table as_analyst_de__marts.kept as select * from marts.fact_orders",
        "drop view as_support__marts.fact_orders",
    ):
        warehouse.query(statement, "a hand")
    plan = _plan(project)
    assert sorted((change.action, change.item.key[1]) for change in plan.changes) == [
        ("change", "as_analyst__marts.dim_customers"),
        ("grant", "as_support__marts.fact_orders"),
        ("revoke", "as_analyst__marts.secrets"),
        ("revoke", "as_analyst_de__marts.kept"),
    ]
    assert len(plan.about("marts.dim_customers")) == 1
    # Nothing is taken away that was not allowed to be.
    assert len(_apply(project)) == 2
    assert [change.action for change in _plan(project).changes] == ["revoke", "revoke"]
    assert len(_apply(project, allow_revoke=True)) == 2
    assert _plan(project).changes == []


def test_a_right_that_is_taken_from_the_file_is_a_revoke(project: Project) -> None:
    _apply(project)
    path = project.config / "access.yml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("marts.dim_customers, marts.daily_sales", "marts.dim_customers"))
    again = Project(project.root)
    plan = _plan(again)
    assert [change.sentence() for change in plan.revokes] == [
        "analyst_de reads marts.daily_sales as as_analyst_de__marts.daily_sales: is not declared"
    ]


def test_a_query_as_a_role_is_masked_without_any_view(kept: Project) -> None:
    answer = ask_as(kept, "analyst_de", "select email, country from dim_customers order by 1")
    assert answer.rows == [("a***@uni.example", "DE"), (None, "DE")]
    counted = ask_as(kept, "analyst", "select count(*) as n from marts.dim_customers")
    assert (counted.columns, counted.rows) == (("n",), [(3,)])
    # A condition cannot find out what is hidden.
    found = ask_as(kept, "analyst", "select 1 from dim_customers where email like 'ada%'")
    assert found.rows == []
    some = ask_as(kept, "analyst", "select customer_id from dim_customers", limit=2)
    assert (len(some.rows), some.more) == (2, True)


@pytest.mark.parametrize(
    ("role", "query", "said"),
    [
        ("analyst", "select * from staging.stg_customers", "may not read staging.stg_customers"),
        ("analyst_de", "select * from fact_orders", "may not read marts.fact_orders; it reads"),
        ("analyst", "select * from versions.dim_customers", "may not read versions.dim_customers"),
        ("analyst", "select * from duckdb_views()", "not call duckdb_views()"),
        ("analyst", "select * from read_csv('/etc/passwd')", "not call read_csv()"),
        ("analyst", "select * from '/tmp/x.parquet'", "not the file"),
        ("analyst", "select * from query_table('staging.stg_customers')", "query_table"),
        ("analyst", "delete from marts.dim_customers", "one SELECT"),
        ("analyst", "select 1; select 2", "one SELECT"),
        ("analyst", "select from where", "cannot be read"),
        ("analyst", "select nothing from dim_customers", "nothing"),
        ("analyst", "with x as (select * from staging.stg_customers) select * from x", "staging"),
        ("analyst", "select (select max(email) from staging.stg_customers)", "staging"),
        ("analist", "select 1", "declares no role 'analist'. Did you mean 'analyst'?"),
        ("engineer", "select * from staging.stg_orders", "no table staging.stg_orders"),
    ],
)
def test_what_a_role_may_not_ask_is_refused(
    kept: Project, role: str, query: str, said: str
) -> None:
    with pytest.raises(UserError) as caught:
        ask_as(kept, role, query)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
