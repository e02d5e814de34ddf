"""``config/access.yml``: what it says, and each way to write it wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from dataplatform.access.rights import Rights
from dataplatform.declarations.access import Access, load_access
from dataplatform.declarations.access_rows import columns_of, row_condition
from dataplatform.declarations.errors import DeclarationError
from dataplatform.keys import Relation

ORDERS = Relation("marts", "fact_orders")
CUSTOMERS = Relation("marts", "dim_customers")
STAGED = Relation("staging", "stg_orders")
MADE = (ORDERS, CUSTOMERS, STAGED, Relation("raw_shop", "orders"), Relation("curated", "x"))


def _load(folder: Path, text: str) -> Access:
    path = folder / "config" / "access.yml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return load_access(path, folder, MADE)


def _rights(access: Access) -> Rights:
    columns = {
        CUSTOMERS: {"email": "pii", "name": "confidential", "country": "internal"},
        ORDERS: {"order_id": "public"},
        STAGED: {"note": "unheard of"},
    }
    return Rights(access, (CUSTOMERS, ORDERS, STAGED), columns)


def test_without_a_file_nobody_is_granted_anything(tmp_path: Path) -> None:
    access = load_access(tmp_path / "config" / "access.yml", tmp_path, MADE)
    assert (access.file, dict(access.roles)) == (None, {})


def test_rights_are_a_role_s_own_and_those_it_inherits(tmp_path: Path) -> None:
    rights = _rights(
        _load(
            tmp_path,
            """
            masking: {confidential: partial, pii: hash, secret: null}
            roles:
              reader: {reads: [marts.fact_orders], users: [a@b.example]}
              german:
                reads: [marts.dim_customers]
                rows: {marts.dim_customers: country = 'DE'}
              support: {inherits: [reader, german], sees: [confidential], users: [c@d.example]}
              boss: {inherits: [support], reads: [marts]}
              open_only: {reads_only: {marts: [public, internal]}}
              maker: {writes: [staging], service_accounts: [dbt]}
            """,
        )
    )
    assert rights.closure("boss") == ("boss", "support", "reader", "german")
    assert rights.reads("support", CUSTOMERS) and not rights.reads("reader", CUSTOMERS)
    assert rights.reads("maker", STAGED) and not rights.reads("boss", STAGED)
    # Of a layer, only the tables whose every column is open.
    assert rights.reads("open_only", ORDERS) and not rights.reads("open_only", CUSTOMERS)
    assert rights.hidden("reader", CUSTOMERS, "EMAIL") == "hash"
    assert rights.hidden("support", CUSTOMERS, "name") is None
    assert rights.hidden("reader", CUSTOMERS, "new") == "partial"
    assert rights.hidden("boss", STAGED, "note") == "null"
    assert rights.hidden("reader", CUSTOMERS, "country") is None
    assert rights.rows("support", CUSTOMERS) == ("country = 'DE'",)
    # Who reads the table by another way without a condition is shown all of it.
    assert rights.rows("boss", CUSTOMERS) is None
    assert rights.holders("reader") == ("a@b.example", "c@d.example")
    assert rights.strictest(CUSTOMERS) == "pii"


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("roles: {}", 1, "names no role"),
        ("roles:\n  A-b: {}", 2, "'A-b' is not a safe name for a role"),
        ("roles:\n  a:\n    read: [marts]", 3, "'read' is not a setting of 'a'"),
        ("roles:\n  a:\n    reads: [mart]", 3, "'mart' is not a layer or a table. Did you mean"),
        ("roles:\n  a:\n    reads: [marts.fact_order]", 3, "Did you mean 'marts.fact_orders'?"),
        ("roles:\n  a:\n    reads: [curated.x]", 3, "is not a layer or a table"),
        ("roles:\n  a:\n    reads: [marts, marts]", 3, "'marts' is named twice"),
        ("roles:\n  a:\n    writes: [marts.fact_orders]", 3, "is not a layer"),
        ("roles:\n  a:\n    sees: [privat]", 3, "'privat' is not a classification"),
        ("roles:\n  a:\n    users: [ada]", 3, "'ada' is no e-mail address"),
        ('roles:\n  a:\n    users: ["x\\"@y.example"]', 3, "is no e-mail address"),
        ("roles:\n  a:\n    service_accounts: [a b]", 3, "is no name of a service account"),
        ("roles:\n  a:\n    warehouses: [a;b]", 3, "is no name of a warehouse"),
        ("roles:\n  a:\n    inherits: [b]", 3, "'b' is not a role"),
        ("roles:\n  a:\n    inherits: [a]", 3, "'a' is not a role"),
        ("roles:\n  a: {inherits: [b]}\n  b:\n    inherits: [a]", 4, "in a circle: a → b → a"),
        ("roles:\n  a:\n    reads: [marts]\n    reads_only: {marts: [public]}", 4, "as a whole"),
        (
            "roles:\n  a:\n    rows: {marts.fact_orders: x = 1}",
            3,
            "does not read marts.fact_orders",
        ),
        ("masking: {public: rot13}\nroles: {a: {}}", 1, "'rot13' is not a method"),
        ("masking: {open: hash}\nroles: {a: {}}", 1, "'open' is not a classification"),
        ("unclassified: none\nroles: {a: {}}", 1, "'none' is not a classification"),
        ("roles:\n  a:\n    reads: marts", 3, "must be a list"),
    ],
)
def test_each_mistake_is_told_with_its_line(
    tmp_path: Path, text: str, line: int, said: str
) -> None:
    with pytest.raises(DeclarationError) as caught:
        _load(tmp_path, text)
    assert str(caught.value).startswith(f"config/access.yml:{line}: ")
    assert said in str(caught.value)


@pytest.mark.parametrize(
    "condition",
    [
        "country", "1", "1 = 1", "country = 'DE'; drop table x", "country = 'DE' limit 1",
        "country in (select 1)", "upper(country) = 'DE'", "t.country = 'DE'", "(", "",
        "country = 'DE' union select 1", "country = getenv('X')", "country = current_user",
        "country = 'DE' -- or 1=1\n or true) or (1=1", "exists (select 1)",
    ],
)  # fmt: skip
def test_a_condition_only_compares_columns_with_values(tmp_path: Path, condition: str) -> None:
    with pytest.raises(ValueError):
        columns_of(condition)
    rows = {"marts.fact_orders": condition}
    with pytest.raises(DeclarationError, match=r"access\.yml:1"):
        _load(tmp_path, f"roles: {{a: {{reads: [marts], rows: {rows!r}}}}}")


@pytest.mark.parametrize(
    ("condition", "dialect", "written"),
    [
        ("country = 'DE'", "duckdb", "\"country\" = 'DE'"),
        ("country = 'DE'", "snowflake", "\"COUNTRY\" = 'DE'"),
        ("country = 'O''Neil'", "bigquery", "`country` = 'O\\'Neil'"),
        ("not (a between 1 and 2) or b is null", "duckdb",
         'NOT ("a" BETWEEN 1 AND 2) OR "b" IS NULL'),
        ("a in ('x', 'y') and b <> -1", "snowflake", "\"A\" IN ('x', 'y') AND \"B\" <> -1"),
    ],
)  # fmt: skip
def test_a_condition_is_written_in_each_dialect(condition: str, dialect: str, written: str) -> None:
    assert row_condition(condition, dialect) == written
