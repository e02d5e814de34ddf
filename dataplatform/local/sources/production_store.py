"""The ``production`` database: its tables, its first load, its clock.

The load streams: one chunk of rows exists at a time, whatever the scale, and all of it becomes
visible in one transaction. Rows come from ``production`` and ``production_orders``.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from dataplatform.local.sources.columns import to_csv
from dataplatform.local.sources.dice import Ints
from dataplatform.local.sources.production import DAY, Customers, Products
from dataplatform.local.sources.production_orders import Orders
from dataplatform.local.sources.sizes import FIRST_DAY, HISTORY_START, Sizes, microseconds

if TYPE_CHECKING:
    import psycopg

_CHUNK = 20_000
_LOAD_LOCK = 20_250_101

_TABLES = """
CREATE SCHEMA demo;
CREATE TABLE demo.clock
    (seed bigint NOT NULL, scale double precision NOT NULL, today date NOT NULL);
CREATE TYPE customer_status AS ENUM ('active', 'inactive', 'prospect');
CREATE TYPE address_kind AS ENUM ('billing', 'shipping');
CREATE TYPE order_status AS ENUM
    ('placed', 'paid', 'shipped', 'delivered', 'cancelled', 'returned');
CREATE TYPE payment_method AS ENUM ('card', 'bank_transfer', 'paypal', 'cash');
CREATE TABLE customers (
    customer_id bigint, email text NOT NULL, first_name text NOT NULL, last_name text NOT NULL,
    phone text, country char(2) NOT NULL, status customer_status NOT NULL,
    marketing_opt_in boolean, preferences jsonb, tags text[],
    created_at timestamptz NOT NULL, updated_at timestamptz NOT NULL);
CREATE TABLE addresses (
    customer_id bigint, kind address_kind, street text NOT NULL, city text NOT NULL,
    postal_code text NOT NULL, country char(2) NOT NULL, updated_at timestamptz NOT NULL);
CREATE TABLE products (
    product_id integer, sku text NOT NULL, name text NOT NULL, category text NOT NULL,
    price numeric(12,2) NOT NULL, currency char(3) NOT NULL, attributes jsonb,
    discontinued boolean NOT NULL, created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL);
CREATE TABLE orders (
    order_id bigint, customer_id bigint NOT NULL, status order_status NOT NULL,
    currency char(3) NOT NULL, total_amount numeric(14,2) NOT NULL,
    ordered_at timestamptz NOT NULL, time_zone text NOT NULL, shipped_at timestamptz, note text,
    updated_at timestamptz NOT NULL);
CREATE TABLE order_items (
    order_id bigint, line_number integer, product_id integer NOT NULL, quantity integer NOT NULL,
    unit_price numeric(12,2) NOT NULL, discount numeric(5,4) NOT NULL,
    updated_at timestamptz NOT NULL);
-- No primary key, and no reference to orders: a payment may come for an order nobody knows.
CREATE TABLE payments (
    order_id bigint NOT NULL, method payment_method NOT NULL, amount numeric(14,2) NOT NULL,
    currency char(3) NOT NULL, paid_at timestamptz NOT NULL, reference text NOT NULL,
    updated_at timestamptz NOT NULL);
"""
# Made after the rows: checked once and sorted once.
_KEYS = """
ALTER TABLE customers ADD PRIMARY KEY (customer_id);
ALTER TABLE addresses ADD PRIMARY KEY (customer_id, kind);
ALTER TABLE products ADD PRIMARY KEY (product_id);
ALTER TABLE orders ADD PRIMARY KEY (order_id);
ALTER TABLE order_items ADD PRIMARY KEY (order_id, line_number);
ALTER TABLE addresses ADD FOREIGN KEY (customer_id) REFERENCES customers;
ALTER TABLE orders ADD FOREIGN KEY (customer_id) REFERENCES customers;
ALTER TABLE order_items ADD FOREIGN KEY (order_id) REFERENCES orders;
ALTER TABLE order_items ADD FOREIGN KEY (product_id) REFERENCES products;
CREATE INDEX ON orders (customer_id);
CREATE INDEX ON payments (order_id);
CREATE UNIQUE INDEX ON payments (reference);
"""


@dataclass(frozen=True)
class Clock:
    """What a source system was made from, and which day it is there."""

    seed: int
    scale: float
    today: date


@contextmanager
def connect(postgres: dict[str, Any]) -> Iterator[psycopg.Connection[Any]]:
    """Open the database that a services.json entry describes; commit at the end, or nothing."""
    import psycopg

    with psycopg.connect(
        host=postgres["host"],
        port=postgres["port"],
        user=postgres["user"],
        password=postgres["password"],
        dbname=postgres["database"],
        connect_timeout=10,
        options="-c timezone=UTC",
    ) as connection:
        yield connection


def read_clock(connection: psycopg.Connection[Any]) -> Clock | None:
    """Return the database's clock; None when nothing was loaded yet."""
    found = connection.execute("SELECT to_regclass('demo.clock')").fetchone()
    if found is None or found[0] is None:
        return None
    row = connection.execute("SELECT seed, scale, today FROM demo.clock").fetchone()
    return None if row is None else Clock(*row)


def generate(sizes: Sizes) -> Iterator[tuple[str, pa.Table]]:
    """Yield the history, table by table and chunk by chunk, never more than one at a time."""
    now = microseconds(FIRST_DAY)
    customers, products, orders = Customers(sizes), Products(sizes), Orders(sizes)
    for ids in _chunks(products.total):
        yield "products", products.table(ids)
    for ids in _chunks(customers.total):
        yield "customers", customers.table(ids)
        yield "addresses", customers.addresses(ids)
    for ids in _chunks(orders.total):
        yield "orders", orders.table(ids, now)
        yield "order_items", orders.items(ids)
        yield "payments", orders.payments(ids, now)
    strays = np.arange(1, max(3, orders.total // 2_000) + 1)
    spread = microseconds(HISTORY_START) + strays * (364 * DAY // len(strays))
    yield "payments", orders.orphans(strays, spread)


def _chunks(total: int) -> Iterator[Ints]:
    for first in range(1, total + 1, _CHUNK):
        yield np.arange(first, min(first + _CHUNK, total + 1), dtype=np.int64)


def load(connection: psycopg.Connection[Any], sizes: Sizes) -> None:
    """Make the tables and fill them with the history, all in the caller's transaction.

    A load whose program was killed may still go on in the server: it is waited for, and when it
    came to its end, nothing is left to do.
    """
    connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOAD_LOCK,))
    if read_clock(connection) is not None:
        return
    connection.execute(_TABLES)
    for table, rows in generate(sizes):
        copy_in(connection, table, rows)
    connection.execute(_KEYS)
    connection.execute(
        "INSERT INTO demo.clock VALUES (%s, %s, %s)", (sizes.seed, sizes.scale, FIRST_DAY)
    )


def copy_in(connection: psycopg.Connection[Any], table: str, rows: pa.Table) -> None:
    """Append rows to a table; ``table`` is one of ours, never a user's text."""
    columns = ", ".join(rows.column_names)
    statement = f"COPY {table} ({columns}) FROM STDIN (FORMAT csv)"
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        copy.write(to_csv(rows))
