"""The columns of the sources, and of the raw tables that a sync makes of them."""

from __future__ import annotations

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


def raw_shapes() -> list[tuple[str, str, dict[str, str], tuple[str, ...]]]:
    """Return schema, table, columns with DuckDB types, and primary key of every raw table."""
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
