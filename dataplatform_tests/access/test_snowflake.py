"""On Snowflake: what is sent, what is read back, and that both agree after one application."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from dataplatform.access.items import Change, differences
from dataplatform.access.rights import Rights
from dataplatform.access.snowflake import compared
from dataplatform.access.snowflake_answers import shown
from dataplatform.access.snowflake_names import answered
from dataplatform.access.snowflake_rows import protection
from dataplatform.declarations.errors import UserError
from dataplatform.keys import Relation
from dataplatform_tests.access.account import DB, Account

CUSTOMERS = {"customer_id": "NUMBER", "email": "TEXT", "country": "TEXT", "odd": "TEXT"}
DIM = Relation("marts", "dim_customers")


@pytest.fixture
def account() -> Account:
    return Account(
        {
            "marts.dim_customers": dict(CUSTOMERS),
            "marts.fact_orders": {"order_id": "NUMBER"},
            "staging.stg_customers": {"email": "TEXT"},
            "raw_salesforce.contact": {"email": "TEXT"},
            "versions.dim_customers_1": dict(CUSTOMERS),
        },
        views=["staging.stg_customers"],
    )


def _plan(account: Account, rights: Rights) -> list[Change]:
    return differences(*compared(account, rights, DB))


def _apply(account: Account, rights: Rights, *, revoke: bool = True) -> list[Change]:
    changes = [one for one in _plan(account, rights) if revoke or one.action != "revoke"]
    for change in changes:
        for statement in change.statements:
            account.execute(statement)
    return changes


def test_applying_once_leaves_nothing_to_do(account: Account, rights: Rights) -> None:
    # The first application makes the platform's own schema, so its grants come with the second.
    _apply(account, rights)
    _apply(account, rights)
    before = len(account.statements)
    assert _plan(account, rights) == []
    assert _apply(account, rights) == []
    assert len(account.statements) == before


def test_the_statements_are_least_privilege_and_cover_what_is_to_come(
    account: Account, rights: Rights
) -> None:
    _apply(account, rights)
    sent = account.statements
    assert 'GRANT SELECT ON FUTURE TABLES IN SCHEMA "ANALYTICS"."MARTS" TO ROLE "ANALYST"' in sent
    assert 'GRANT SELECT ON TABLE "ANALYTICS"."MARTS"."FACT_ORDERS" TO ROLE "ANALYST"' in sent
    assert 'GRANT ROLE "ANALYST" TO USER "ADA@EXAMPLE.COM"' in sent
    assert 'GRANT ROLE "ANALYST" TO ROLE "SUPPORT"' in sent
    assert 'GRANT USAGE ON WAREHOUSE "REPORTING" TO ROLE "ANALYST"' in sent
    german = [one for one in sent if one.endswith('TO ROLE "ANALYST_DE"')]
    assert sorted(german) == [
        'GRANT SELECT ON TABLE "ANALYTICS"."MARTS"."DIM_CUSTOMERS" TO ROLE "ANALYST_DE"',
        'GRANT USAGE ON DATABASE "ANALYTICS" TO ROLE "ANALYST_DE"',
        'GRANT USAGE ON SCHEMA "ANALYTICS"."MARTS" TO ROLE "ANALYST_DE"',
        'GRANT USAGE ON WAREHOUSE "REPORTING" TO ROLE "ANALYST_DE"',
    ]
    analyst = [one for one in sent if one.endswith('TO ROLE "ANALYST"')]
    assert not [one for one in analyst if "STAGING" in one or "INSERT" in one or "RAW" in one]
    assert not [one for one in sent if "VERSIONS" in one and "TRANSFORMER" not in one]
    assert not [one for one in sent if "ALL PRIVILEGES" in one or '"PUBLIC"' in one]


def test_everything_is_masked_before_anything_is_granted(account: Account, rights: Rights) -> None:
    _apply(account, rights)
    sent = account.statements
    first = next(i for i, one in enumerate(sent) if one.startswith("GRANT SELECT"))
    last = max(i for i, one in enumerate(sent) if "POLICY" in one or "SET TAG" in one)
    assert last < first
    assert account.tag_values["ANALYTICS.MARTS"] == "confidential"
    assert account.tag_values["ANALYTICS.MARTS.DIM_CUSTOMERS#EMAIL"] == "confidential"
    assert account.tag_values["ANALYTICS.MARTS.DIM_CUSTOMERS#COUNTRY"] == "internal"
    assert "ANALYTICS.MARTS.DIM_CUSTOMERS#ODD" not in account.tag_values
    body = account.policies["MASKING", "MASK_VARCHAR"]
    tag = "SYSTEM$GET_TAG_ON_CURRENT_COLUMN('ANALYTICS.DATAPLATFORM.CLASSIFICATION')"
    assert f"WHEN {tag} = 'confidential' AND (IS_ROLE_IN_SESSION('LOADER')" in body
    assert "IS_ROLE_IN_SESSION('SUPPORT')) THEN VAL" in body
    assert f"WHEN {tag} = 'pii' THEN SHA2(VAL, 256)" in body
    assert body.endswith("ELSE CAST(NULL AS VARCHAR) END")
    assert "SHA2" not in account.policies["MASKING", "MASK_NUMBER"]


def test_a_row_policy_shows_each_role_its_rows(account: Account, rights: Rights) -> None:
    _apply(account, rights)
    (name,) = [name for kind, name in account.policies if kind == "ROW ACCESS"]
    assert account.row_policies == {"ANALYTICS.MARTS.DIM_CUSTOMERS": name}
    body = account.policies["ROW ACCESS", name]
    assert "IS_ROLE_IN_SESSION('ANALYST') OR " in body
    assert "(IS_ROLE_IN_SESSION('ANALYST_DE') AND (\"COUNTRY\" = 'DE'))" in body
    assert "SUPPORT" not in body  # it inherits analyst, who is in its session


def test_another_column_in_a_row_rule_replaces_the_policy_in_one_statement(
    account: Account, rights: Rights
) -> None:
    _apply(account, rights)
    role = rights.access.roles["analyst_de"]
    other = replace(role, rows={DIM: "country = 'DE' and customer_id > 0"})
    access = replace(rights.access, roles={**rights.access.roles, "analyst_de": other})
    changed = replace(rights, access=access)
    changes = _apply(account, changed)
    (bond,) = [one for one in changes if one.item.key[0] == "row policy on"]
    assert bond.action == "change" and len(bond.statements) == 1
    assert "DROP ROW ACCESS POLICY" in bond.statements[0] and ", ADD ROW" in bond.statements[0]
    _apply(account, changed)
    assert _plan(account, changed) == []
    assert len([kind for kind, _ in account.policies if kind == "ROW ACCESS"]) == 1


@pytest.mark.parametrize(
    ("drift", "sentence"),
    [
        (
            lambda a: a.grants.add(("ANALYST", "SELECT", "VIEW", f"{DB}.STAGING.STG_CUSTOMERS")),
            "analyst: SELECT on view analytics.staging.stg_customers: is not declared",
        ),
        (
            lambda a: a.grants.add(("PUBLIC", "USAGE", "SCHEMA", f"{DB}.MARTS")),
            "PUBLIC: USAGE on schema analytics.marts: is not declared",
        ),
        (
            lambda a: a.future.add(("ANALYST", "SELECT", "TABLE", f"{DB}.STAGING")),
            "analyst: SELECT on every table that staging will hold: is not declared",
        ),
        (
            lambda a: a.members.add(("SUPPORT", "USER", "EVE@EXAMPLE.COM")),
            "eve@example.com holds support: is not declared",
        ),
        (
            lambda a: a.members.discard(("ANALYST", "USER", "ADA@EXAMPLE.COM")),
            "ada@example.com holds analyst: is missing",
        ),
        (
            lambda a: a.policies.update({("MASKING", "MASK_VARCHAR"): "VAL"}),
            "the masking of VARCHAR: is not as declared",
        ),
        (
            lambda a: a.tag_policies.discard("MASK_VARCHAR"),
            '"ANALYTICS"."DATAPLATFORM"."CLASSIFICATION" masks VARCHAR: is missing',
        ),
        (
            lambda a: a.tag_values.update({f"{DB}.MARTS.DIM_CUSTOMERS#EMAIL": "public"}),
            "marts.dim_customers.email is confidential: is not as declared",
        ),
        (
            lambda a: a.tag_values.update({f"{DB}.MARTS.DIM_CUSTOMERS#ODD": "public"}),
            "marts.dim_customers.odd is public: is not declared",
        ),
        (
            lambda a: a.row_policies.clear(),
            "marts.dim_customers shows only some rows to some: is missing",
        ),
        (
            lambda a: a.tag_values.pop(f"{DB}.MARTS"),
            "what no contract promises in marts is confidential: is missing",
        ),
    ],
)
def test_what_a_hand_changed_is_found_and_mended(
    account: Account, rights: Rights, drift: Callable[[Account], object], sentence: str
) -> None:
    _apply(account, rights)
    _apply(account, rights)
    drift(account)
    assert [change.sentence() for change in _plan(account, rights)] == [sentence]
    _apply(account, rights)
    assert _plan(account, rights) == []


def test_an_owner_needs_no_grant_and_what_lies_outside_is_only_told(
    account: Account, rights: Rights
) -> None:
    account.roles.add("TRANSFORMER")
    account.grants |= {
        ("TRANSFORMER", "OWNERSHIP", "TABLE", f"{DB}.MARTS.FACT_ORDERS"),
        ("TRANSFORMER", "SELECT", "TABLE", "OTHER.PUBLIC.THINGS"),
        ("STRANGER", "USAGE", "DATABASE", DB),
    }
    declared, found = compared(account, rights, DB)
    changes = differences(declared, found)
    mine = [one for one in changes if '"FACT_ORDERS" TO ROLE "TRANSFORMER"' in str(one.statements)]
    assert mine == []
    assert not [one for one in changes if one.action == "revoke"]
    assert any("outside of this database: left alone" in note for note in found.notes)
    assert any("STRANGER" in note and "no file declares" in note for note in found.notes)
    assert any("intermediate is not there yet" in note for note in declared.notes)


def test_a_copy_that_is_to_be_published_is_protected_as_its_table_is(rights: Rights) -> None:
    columns = {"customer_id": "NUMBER", "email": "VARCHAR", "country": "VARCHAR", "odd": "VARCHAR"}
    copy = Relation("versions", "dim_customers_1")
    statements = protection(rights, DB, DIM, copy, columns)
    *tags, policy, bond = statements
    assert all(
        one.startswith('ALTER TABLE "ANALYTICS"."VERSIONS"."DIM_CUSTOMERS_1"')
        for one in (*tags, bond)
    )
    # Before the first publication no plan can have made the table's policy.
    assert policy.startswith("CREATE ROW ACCESS POLICY IF NOT EXISTS")
    assert len([one for one in statements if "SET TAG" in one]) == 3
    assert bond.endswith('ON ("COUNTRY")')


def test_a_first_publication_needs_no_second_application(rights: Rights) -> None:
    """Applied to an empty database, then published: everything is as declared."""
    account = Account({"candidate.dim_customers": dict(CUSTOMERS)})
    _apply(account, rights)
    account.tables["versions.dim_customers_1"] = dict(CUSTOMERS)
    columns = {"customer_id": "NUMBER", "email": "VARCHAR", "country": "VARCHAR"}
    for statement in protection(rights, DB, DIM, Relation("versions", "dim_customers_1"), columns):
        account.execute(statement)
    made = account.row_policies["ANALYTICS.VERSIONS.DIM_CUSTOMERS_1"]
    # A clone carries the tags and the policy of what it is made from.
    account.tables["marts.dim_customers"] = dict(CUSTOMERS)
    account.schemas |= {"marts", "versions"}
    account.row_policies["ANALYTICS.MARTS.DIM_CUSTOMERS"] = made
    changed = [change for change in _plan(account, rights) if change.item.key[0] == "row policy"]
    assert changed == []


def test_a_rule_on_a_masked_column_is_refused(account: Account, rights: Rights) -> None:
    role = replace(rights.access.roles["analyst_de"], rows={DIM: "email like '%.de'"})
    access = replace(rights.access, roles={**rights.access.roles, "analyst_de": role})
    with pytest.raises(UserError, match=r"config/access.yml: .*'email', which is masked"):
        compared(account, replace(rights, access=access), DB)


def test_an_account_that_cannot_answer_is_told_in_one_sentence() -> None:
    class Silent:
        def execute(self, sql: str, parameters: object = ()) -> list[tuple[object, ...]]:
            raise RuntimeError("SQL compilation error\nline two")

    with pytest.raises(UserError, match="does not answer `SHOW ROLES`: SQL compilation error"):
        shown(Silent(), "SHOW ROLES", ["name"])


def test_names_are_read_as_snowflake_answers_them() -> None:
    assert answered('ANALYTICS.MARTS."odd ""name"""') == ("ANALYTICS", "MARTS", 'odd "name"')
    assert answered("ANALYTICS.MARTS.<TABLE>") == ("ANALYTICS", "MARTS", "<TABLE>")
    assert answered('"EVE@EXAMPLE.COM"') == ("EVE@EXAMPLE.COM",)
