"""A small company with all its dirt, and the raw tables a sync makes of it.

Here lives a hand-sized stand-in for the sources, for tests of the dbt project alone: rows that can
be changed, written to DuckDB in the shape of a synced table and to PostgreSQL as the source. The
demo company that is served by real servers is elsewhere.
"""

from __future__ import annotations

import hashlib
import json
import random
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import duckdb
import pyarrow as pa

Row = dict[str, Any]

# Source table -> (columns with DuckDB types, primary key).
POSTGRES: dict[str, tuple[dict[str, str], tuple[str, ...]]] = {
    "customers": (
        {
            "customer_id": "BIGINT",
            "email": "VARCHAR",
            "first_name": "VARCHAR",
            "last_name": "VARCHAR",
            "phone": "VARCHAR",
            "country": "VARCHAR",
            "status": "VARCHAR",
            "marketing_opt_in": "BOOLEAN",
            "preferences": "JSON",
            "tags": "JSON",
            "created_at": "TIMESTAMPTZ",
            "updated_at": "TIMESTAMPTZ",
        },
        ("customer_id",),
    ),
    "addresses": (
        {
            "customer_id": "BIGINT",
            "kind": "VARCHAR",
            "street": "VARCHAR",
            "city": "VARCHAR",
            "postal_code": "VARCHAR",
            "country": "VARCHAR",
            "updated_at": "TIMESTAMPTZ",
        },
        ("customer_id", "kind"),
    ),
    "products": (
        {
            "product_id": "INTEGER",
            "sku": "VARCHAR",
            "name": "VARCHAR",
            "category": "VARCHAR",
            "price": "DECIMAL(12,2)",
            "currency": "VARCHAR",
            "attributes": "JSON",
            "discontinued": "BOOLEAN",
            "created_at": "TIMESTAMPTZ",
            "updated_at": "TIMESTAMPTZ",
        },
        ("product_id",),
    ),
    "orders": (
        {
            "order_id": "BIGINT",
            "customer_id": "BIGINT",
            "status": "VARCHAR",
            "currency": "VARCHAR",
            "total_amount": "DECIMAL(14,2)",
            "ordered_at": "TIMESTAMPTZ",
            "time_zone": "VARCHAR",
            "shipped_at": "TIMESTAMPTZ",
            "note": "VARCHAR",
            "updated_at": "TIMESTAMPTZ",
        },
        ("order_id",),
    ),
    "order_items": (
        {
            "order_id": "BIGINT",
            "line_number": "INTEGER",
            "product_id": "INTEGER",
            "quantity": "INTEGER",
            "unit_price": "DECIMAL(12,2)",
            "discount": "DECIMAL(5,4)",
            "updated_at": "TIMESTAMPTZ",
        },
        ("order_id", "line_number"),
    ),
    "payments": (
        {
            "order_id": "BIGINT",
            "method": "VARCHAR",
            "amount": "DECIMAL(14,2)",
            "currency": "VARCHAR",
            "paid_at": "TIMESTAMPTZ",
            "reference": "VARCHAR",
            "updated_at": "TIMESTAMPTZ",
        },
        (),
    ),
}

# Object -> {field: (destination column, DuckDB type)}.
_TEXT = "VARCHAR"
SALESFORCE: dict[str, dict[str, tuple[str, str]]] = {
    "Account": {
        "Id": ("id", _TEXT),
        "Name": ("name", _TEXT),
        "Industry": ("industry", _TEXT),
        "BillingCountry": ("billing_country", _TEXT),
        "AnnualRevenue": ("annual_revenue", "DOUBLE"),
        "OwnerId": ("owner_id", _TEXT),
        "IsDeleted": ("is_deleted", "BOOLEAN"),
        "CreatedDate": ("created_date", "TIMESTAMPTZ"),
        "SystemModstamp": ("system_modstamp", "TIMESTAMPTZ"),
    },
    "Contact": {
        "Id": ("id", _TEXT),
        "AccountId": ("account_id", _TEXT),
        "FirstName": ("first_name", _TEXT),
        "LastName": ("last_name", _TEXT),
        "Email": ("email", _TEXT),
        "Phone": ("phone", _TEXT),
        "Birthdate": ("birthdate", "DATE"),
        "Customer_External_Id__c": ("customer_external_id_c", _TEXT),
        "MailingCity": ("mailing_city", _TEXT),
        "IsDeleted": ("is_deleted", "BOOLEAN"),
        "CreatedDate": ("created_date", "TIMESTAMPTZ"),
        "LastModifiedDate": ("last_modified_date", "TIMESTAMPTZ"),
        "SystemModstamp": ("system_modstamp", "TIMESTAMPTZ"),
    },
    "Opportunity": {
        "Id": ("id", _TEXT),
        "AccountId": ("account_id", _TEXT),
        "Name": ("name", _TEXT),
        "StageName": ("stage_name", _TEXT),
        "Amount": ("amount", "DOUBLE"),
        "CurrencyIsoCode": ("currency_iso_code", _TEXT),
        "CloseDate": ("close_date", "DATE"),
        "IsWon": ("is_won", "BOOLEAN"),
        "IsClosed": ("is_closed", "BOOLEAN"),
        "IsDeleted": ("is_deleted", "BOOLEAN"),
        "CreatedDate": ("created_date", "TIMESTAMPTZ"),
        "SystemModstamp": ("system_modstamp", "TIMESTAMPTZ"),
    },
    "Lead": {
        "Id": ("id", _TEXT),
        "FirstName": ("first_name", _TEXT),
        "LastName": ("last_name", _TEXT),
        "Email": ("email", _TEXT),
        "Phone": ("phone", _TEXT),
        "Company": ("company", _TEXT),
        "Status": ("status", _TEXT),
        "LeadSource": ("lead_source", _TEXT),
        "IsConverted": ("is_converted", "BOOLEAN"),
        "IsDeleted": ("is_deleted", "BOOLEAN"),
        "CreatedDate": ("created_date", "TIMESTAMPTZ"),
        "SystemModstamp": ("system_modstamp", "TIMESTAMPTZ"),
    },
}

COMMUNITY: dict[str, dict[str, tuple[str, str]]] = {
    "users": {
        "id": ("id", "BIGINT"),
        "name": ("name", _TEXT),
        "username": ("username", _TEXT),
        "email": ("email", _TEXT),
        "address": ("address", "JSON"),
        "phone": ("phone", _TEXT),
        "website": ("website", _TEXT),
        "company": ("company", "JSON"),
    },
    "posts": {
        "id": ("id", "BIGINT"),
        "userId": ("user_id", "BIGINT"),
        "title": ("title", _TEXT),
        "body": ("body", _TEXT),
    },
    "comments": {
        "id": ("id", "BIGINT"),
        "postId": ("post_id", "BIGINT"),
        "name": ("name", _TEXT),
        "email": ("email", _TEXT),
        "body": ("body", _TEXT),
    },
}


def at(text: str) -> datetime:
    """Return an instant in UTC from ISO text."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@dataclass
class Company:
    """The present rows of the sources, by table; change them freely, then sync."""

    postgres: dict[str, list[Row]] = field(default_factory=lambda: {t: [] for t in POSTGRES})
    crm: dict[str, list[Row]] = field(default_factory=lambda: {t: [] for t in SALESFORCE})
    community: dict[str, list[Row]] = field(default_factory=lambda: {t: [] for t in COMMUNITY})

    def find(self, table: str, **key: Any) -> Row:
        """Return the first row of a PostgreSQL table with these values."""
        return next(
            row
            for row in self.postgres[table]
            if all(row[name] == value for name, value in key.items())
        )

    def remove(self, table: str, **key: Any) -> None:
        """Delete the rows of a PostgreSQL table with these values."""
        self.postgres[table] = [
            row
            for row in self.postgres[table]
            if not all(row[name] == value for name, value in key.items())
        ]


def create_raw_tables(connection: duckdb.DuckDBPyConnection) -> None:
    """Create every raw table, empty."""
    for schema in ("raw_postgres_public", "raw_salesforce", "raw_community"):
        connection.execute(f"create schema if not exists {schema}")
    for schema, table, columns, _ in _shapes():
        declared = ", ".join(f'"{name}" {kind}' for name, kind in columns.items())
        connection.execute(f"create table if not exists {schema}.{table} ({declared})")


def sync(
    connection: duckdb.DuckDBPyConnection,
    company: Company,
    synced_at: datetime,
    written_at: datetime | None = None,
) -> None:
    """Bring the raw tables to the company's present rows, as a sync at that moment does.

    Unchanged rows keep their ``_fivetran_synced``; rows that are gone are marked deleted.
    Community tables get one more file with every row, as the daily extract writes them, at
    ``written_at`` (the moment of the sync when None).
    """
    written_at = written_at or synced_at
    create_raw_tables(connection)
    for schema, table, columns, key in _shapes():
        if schema == "raw_community":
            rows = [
                _stored(row, COMMUNITY[table])
                | {
                    "_file": f"community/{table}/date={written_at:%Y-%m-%d}/0.jsonl",
                    "_line": line,
                    "_modified": written_at,
                    "_fivetran_synced": synced_at,
                }
                for line, row in enumerate(company.community[table])
            ]
            _insert(connection, schema, table, columns, rows)
            continue
        if schema == "raw_salesforce":
            name = next(n for n in SALESFORCE if n.lower() == table)
            rows = [_stored(row, SALESFORCE[name]) for row in company.crm[name]]
        else:
            rows = [dict(row) for row in company.postgres[table]]
            if not key:
                for row in rows:
                    text = json.dumps(row, default=str, sort_keys=True)
                    row["_fivetran_id"] = hashlib.sha256(text.encode()).hexdigest()[:24]
        _merge(connection, schema, table, columns, key or ("_fivetran_id",), rows, synced_at)


def load_postgres(connection: Any, company: Company) -> None:
    """Write the production rows into a PostgreSQL database, replacing what is there."""
    for table, (columns, _) in POSTGRES.items():
        types = {"DOUBLE": "double precision", "JSON": "jsonb", "VARCHAR": "text"}
        declared = ", ".join(f"{n} {types.get(kind, kind)}" for n, kind in columns.items())
        connection.execute(f"drop table if exists public.{table}")
        connection.execute(f"create table public.{table} ({declared})")
        marks = ", ".join(["%s"] * len(columns))
        with connection.cursor() as cursor:
            cursor.executemany(
                f"insert into public.{table} values ({marks})",
                [[row[name] for name in columns] for row in company.postgres[table]],
            )
    connection.commit()


def small_company(seed: int = 7, customers: int = 60, orders: int = 300) -> Company:
    """Return a company with dirt: duplicates, orphans, odd names and phones, two currencies."""
    chance = random.Random(seed)
    company = Company()
    start = at("2025-01-01T00:00:00")
    names = ["  anna  maria", "José", "O'Brien ", "lee\tann", "Zoë", "van  der Berg"]
    phones = ["+1 (555) 010-9988", "555.010.2233", "0049 30 123456", "n/a", None]
    for number in range(1, customers + 1):
        created = start + timedelta(hours=number)
        company.postgres["customers"].append(
            {
                "customer_id": number,
                "email": f" Customer{number}@Example.com ",
                "first_name": chance.choice(names),
                "last_name": chance.choice(names),
                "phone": chance.choice(phones),
                "country": chance.choice(["DE", "US", "fr"]),
                "status": chance.choice(["active", "inactive", "prospect"]),
                "marketing_opt_in": chance.random() < 0.5,
                "preferences": '{"language": "en"}',
                "tags": '["a", "b"]',
                "created_at": created,
                "updated_at": created,
            }
        )
        # Some customers have no contact, some have two.
        for copy in range(chance.choice([0, 1, 1, 1, 2])):
            modified = created + timedelta(days=chance.randrange(50))
            company.crm["Contact"].append(
                {
                    "attributes": {"type": "Contact"},
                    "Id": f"003{number:06d}{copy:06d}AAA",
                    "AccountId": None,
                    "FirstName": chance.choice(names),
                    "LastName": chance.choice(names),
                    "Email": f" Contact{number}.{copy}@Example.com",
                    "Phone": chance.choice(phones),
                    "Birthdate": str(date(1950, 1, 1) + timedelta(days=chance.randrange(20000))),
                    "Customer_External_Id__c": str(number),
                    "MailingCity": " Den  Haag",
                    "IsDeleted": chance.random() < 0.05,
                    "CreatedDate": created.strftime("%Y-%m-%dT%H:%M:%S.000+0000"),
                    "LastModifiedDate": modified.strftime("%Y-%m-%dT%H:%M:%S.000+0000"),
                    "SystemModstamp": modified.strftime("%Y-%m-%dT%H:%M:%S.000+0000"),
                }
            )
    # One born on a leap day, one with a birthday on the day ages are computed, one for nobody.
    for contact, birthdate in zip(
        company.crm["Contact"], ["2000-02-29", "1990-01-01"], strict=False
    ):
        contact["Birthdate"] = birthdate
    company.crm["Contact"][-1] |= {"Customer_External_Id__c": "unknown"}
    for number in range(1, orders + 1):
        add_order(company, number, chance, customers, start)
    company.postgres["payments"].append(company.postgres["payments"][0] | {"order_id": 999_999})
    for number in range(1, 21):
        company.community["users"].append(
            {
                "id": number,
                "name": f"User {number}",
                "username": f"user{number}",
                "email": f"User{number}@example.com",
                "address": {
                    "city": f" City  {number} ",
                    "geo": {"lat": "-37.3159", "lng": "81.1496"},
                },
                "phone": "1-770-736-8031 x56442",
                "website": "example.org",
                "company": {"name": "Romaguera"},
            }
        )
    for number in range(1, 81):
        # Users 19 and 20 write nothing; user 25 does not exist.
        author = 25 if number == 80 else chance.randrange(1, 19)
        company.community["posts"].append(
            {"userId": author, "id": number, "title": "t", "body": "b"}
        )
    for number in range(1, 201):
        company.community["comments"].append(
            {
                "postId": chance.randrange(1, 84),
                "id": number,
                "name": "n",
                "email": f"W{chance.randrange(30)}@example.com",
                "body": "b",
            }
        )
    return company


def add_order(
    company: Company, number: int, chance: random.Random, customers: int, start: datetime
) -> None:
    """Append one order with its items and, mostly, a payment."""
    ordered = start + timedelta(minutes=chance.randrange(60 * 24 * 40))
    currency = chance.choice(["EUR", "USD"])
    total = Decimal(0)
    for line in range(1, chance.randrange(1, 5)):
        price = Decimal(chance.randrange(100, 99999)) / 100
        quantity = chance.randrange(1, 9)
        total += price * quantity
        company.postgres["order_items"].append(
            {
                "order_id": number,
                "line_number": line,
                "product_id": 1,
                "quantity": quantity,
                "unit_price": price,
                "discount": Decimal("0.1250"),
                "updated_at": ordered,
            }
        )
    status = chance.choice(["placed", "paid", "shipped", "delivered", "cancelled", "returned"])
    company.postgres["orders"].append(
        {
            "order_id": number,
            "customer_id": chance.randrange(1, customers + 1),
            "status": status,
            "currency": currency,
            "total_amount": total,
            "ordered_at": ordered,
            "time_zone": "America/New_York",
            "shipped_at": ordered + timedelta(days=2) if status == "shipped" else None,
            "note": None,
            "updated_at": ordered,
        }
    )
    if chance.random() < 0.8:
        company.postgres["payments"].append(
            {
                "order_id": number,
                "method": "card",
                "amount": total,
                "currency": currency,
                "paid_at": ordered,
                "reference": f"R{number}",
                "updated_at": ordered,
            }
        )


def _shapes() -> list[tuple[str, str, dict[str, str], tuple[str, ...]]]:
    synced = {"_fivetran_synced": "TIMESTAMPTZ"}
    deleted = {"_fivetran_deleted": "BOOLEAN"}
    shapes: list[tuple[str, str, dict[str, str], tuple[str, ...]]] = []
    for table, (columns, key) in POSTGRES.items():
        extra = {} if key else {"_fivetran_id": "VARCHAR"}
        shapes.append(("raw_postgres_public", table, columns | extra | synced | deleted, key))
    for name, fields in SALESFORCE.items():
        columns = dict(fields.values()) | synced | deleted
        shapes.append(("raw_salesforce", name.lower(), columns, ("id",)))
    for table, fields in COMMUNITY.items():
        file = {"_file": "VARCHAR", "_line": "BIGINT", "_modified": "TIMESTAMPTZ"}
        shapes.append(("raw_community", table, dict(fields.values()) | file | synced, ()))
    return shapes


def _stored(row: Row, fields: dict[str, tuple[str, str]]) -> Row:
    """Return a source row under its destination names, nested values as JSON text."""
    return {
        column: json.dumps(row[name]) if kind == "JSON" else row[name]
        for name, (column, kind) in fields.items()
    }


def _merge(
    connection: duckdb.DuckDBPyConnection,
    schema: str,
    table: str,
    columns: dict[str, str],
    key: tuple[str, ...],
    rows: list[Row],
    synced_at: datetime,
) -> None:
    """Upsert by key: only rows that differ are touched, absent ones are marked deleted."""
    stamped = [row | {"_fivetran_synced": synced_at, "_fivetran_deleted": False} for row in rows]
    connection.execute(f"create or replace temp table incoming as from {schema}.{table} limit 0")
    _insert(connection, "temp", "incoming", columns, stamped)
    same_key = " and ".join(f"t.{name} = i.{name}" for name in key)
    values = ", ".join(f'"{n}"' for n in columns if n != "_fivetran_synced")
    connection.execute(
        f"delete from incoming as i where exists (select 1 from "
        f"(select {values} from {schema}.{table} intersect select {values} from incoming) as t "
        f"where {same_key})"
    )
    connection.execute(
        f"delete from {schema}.{table} as t where exists "
        f"(select 1 from incoming as i where {same_key})"
    )
    connection.execute(f"insert into {schema}.{table} from incoming")
    _insert_keys(connection, columns, key, stamped)
    connection.execute(
        f"update {schema}.{table} as t set _fivetran_deleted = true, _fivetran_synced = $1 "
        f"where not t._fivetran_deleted and not exists "
        f"(select 1 from present as i where {same_key})",
        [synced_at],
    )


def _insert_keys(
    connection: duckdb.DuckDBPyConnection,
    columns: dict[str, str],
    key: tuple[str, ...],
    rows: list[Row],
) -> None:
    declared = ", ".join(f'"{name}" {columns[name]}' for name in key)
    connection.execute(f"create or replace temp table present ({declared})")
    _insert(connection, "temp", "present", {name: columns[name] for name in key}, rows)


def _insert(
    connection: duckdb.DuckDBPyConnection,
    schema: str,
    table: str,
    columns: dict[str, str],
    rows: list[Row],
) -> None:
    if not rows:
        return
    arrow = pa.table({name: pa.array([row[name] for row in rows]) for name in columns})
    connection.register("arriving", arrow)
    chosen = ", ".join(f'cast("{name}" as {kind})' for name, kind in columns.items())
    connection.execute(f"insert into {schema}.{table} select {chosen} from arriving")
    connection.unregister("arriving")
