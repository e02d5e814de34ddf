"""What a day changes in ``production``: everything between two midnights, in one transaction.

New rows and the orders' next steps follow from ``production`` and ``production_orders``; here
lives what the day does besides: corrections, deletions, price changes, people who move.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dataplatform.local.sources.dice import Dice, Ints
from dataplatform.local.sources.people import People
from dataplatform.local.sources.production import DAY, Customers, Products
from dataplatform.local.sources.production_orders import LIFE_DAYS, METHODS, STATUSES, Orders
from dataplatform.local.sources.production_store import copy_in
from dataplatform.local.sources.sizes import Sizes, day_number, microseconds, next_day

if TYPE_CHECKING:
    import psycopg

_CHUNK = 20_000
_AT = "timestamptz 'epoch' + %s * interval '1 microsecond'"
# What changes twice in a day keeps the later moment.
_LATEST = f"greatest(updated_at, {_AT})"


class Day:
    """One day of ``production``.

    Args:
        connection: an open transaction; the caller commits it.
        sizes: of the demo.
        today: the day that passes.
    """

    def __init__(self, connection: psycopg.Connection[Any], sizes: Sizes, today: date) -> None:
        self._connection = connection
        self._today = today
        self._number = day_number(today)
        self._start = microseconds(today)
        self._end = self._start + DAY
        self._dice = Dice(sizes.seed, f"production day {self._number}")
        self._people = People(sizes.seed)
        self._customers = Customers(sizes)
        self._products = Products(sizes)
        self._orders = Orders(sizes)

    def pass_(self) -> None:
        """Change everything the day changes, and move the clock.

        Does nothing when the clock shows another day by now: a program that was killed may have
        gone on in the server, which finishes what it was told.
        """
        clock = self._connection.execute("SELECT today FROM demo.clock FOR UPDATE").fetchone()
        if clock != (self._today,):
            return
        self._come()
        self._move_orders()
        self._correct_orders()
        self._delete_orders()
        self._change_customers()
        self._change_products()
        self._change_payments()
        self._connection.execute("UPDATE demo.clock SET today = %s", (next_day(self._today),))

    def _new(self, total: int, per_day: int) -> Ints:
        first = total + self._number * per_day + 1
        return np.arange(first, first + per_day, dtype=np.int64)

    def _sample(self, what: str, wanted: float, limit: int) -> list[tuple[int, int]]:
        """Return some of the rows 1 to ``limit``, and the moment today at which each changes."""
        ids = self._dice.sample(what, max(1, round(wanted)), limit)
        moments = self._start + self._dice.below(f"{what} at", ids, DAY)
        return list(zip(ids.tolist(), moments.tolist(), strict=True))

    def _come(self) -> None:
        customers = self._new(self._customers.total, self._customers.per_day)
        copy_in(self._connection, "customers", self._customers.table(customers))
        copy_in(self._connection, "addresses", self._customers.addresses(customers))
        orders = self._new(self._orders.total, self._orders.per_day)
        for first in range(0, len(orders), _CHUNK):
            ids = orders[first : first + _CHUNK]
            copy_in(self._connection, "orders", self._orders.table(ids, self._end))
            copy_in(self._connection, "order_items", self._orders.items(ids))
            copy_in(self._connection, "payments", self._orders.payments(ids, self._end))
        stray = np.asarray([1_000_000 + self._number])
        copy_in(
            self._connection,
            "payments",
            self._orders.orphans(stray, self._start + self._dice.below("stray", stray, DAY)),
        )

    def _move_orders(self) -> None:
        """Let the orders of the last weeks reach whatever they reach today."""
        orders = self._orders
        newest = orders.total + self._number * orders.per_day
        # A day more than a life: the history's pace is not rounded as the days' is.
        oldest = max(1, newest - (LIFE_DAYS + 2) * (orders.per_day + 1))
        for first in range(oldest, newest + 1, _CHUNK):
            ids = np.arange(first, min(first + _CHUNK, newest + 1), dtype=np.int64)
            life = orders.life(ids)
            before, _ = life.at(self._start)
            after, since = life.at(self._end)
            moved = before != after
            shipped = np.where(after >= STATUSES.index("shipped"), life.shipped, 0)
            shipped[life.is_cancelled] = 0
            with self._connection.cursor() as cursor:
                cursor.executemany(
                    "UPDATE orders SET status = %s, shipped_at = CASE WHEN %s > 0 THEN "
                    f"{_AT} END, updated_at = {_LATEST} WHERE order_id = %s",
                    [
                        (STATUSES[status], out, out, at, order)
                        for status, out, at, order in zip(
                            after[moved].tolist(),
                            shipped[moved].tolist(),
                            since[moved].tolist(),
                            ids[moved].tolist(),
                            strict=True,
                        )
                    ],
                )
            self._pay(orders.payments(ids, self._end, self._start))

    def _pay(self, payments: pa.Table) -> None:
        """Add payments, except for orders that were deleted before anybody paid."""
        wanted = pc.unique(payments["order_id"]).to_pylist()
        rows = self._connection.execute(
            "SELECT order_id FROM orders WHERE order_id = ANY(%s)", (wanted,)
        ).fetchall()
        known = pa.array([row[0] for row in rows], type=pa.int64())
        copy_in(
            self._connection, "payments", payments.filter(pc.is_in(payments["order_id"], known))
        )

    def _correct_orders(self) -> None:
        """Correct a few orders of any age: one piece more on the first line, and the total."""
        known = self._orders.total + self._number * self._orders.per_day
        for order, at in self._sample("corrected", self._orders.per_day / 10, known):
            self._connection.execute(
                f"UPDATE order_items SET quantity = quantity + 1, updated_at = {_LATEST} "
                "WHERE order_id = %s AND line_number = 1",
                (at, order),
            )
            self._connection.execute(
                f"UPDATE orders SET updated_at = {_LATEST}, total_amount = (SELECT "
                "sum(round(quantity * unit_price * (1 - discount), 2)) FROM order_items i "
                "WHERE i.order_id = orders.order_id) WHERE order_id = %s",
                (at, order),
            )

    def _delete_orders(self) -> None:
        known = self._orders.total + self._number * self._orders.per_day
        for order, _ in self._sample("deleted", self._orders.per_day / 90, known):
            for table in ("payments", "order_items", "orders"):
                self._connection.execute(f"DELETE FROM {table} WHERE order_id = %s", (order,))

    def _change_customers(self) -> None:
        known = self._customers.total + self._number * self._customers.per_day
        for customer, at in self._sample("called", self._customers.per_day, known):
            phone = self._people.phone(np.asarray([customer]), f"day {self._number}")[0]
            self._connection.execute(
                f"UPDATE customers SET phone = %s, marketing_opt_in = NOT marketing_opt_in, "
                f"updated_at = {_LATEST} WHERE customer_id = %s",
                (phone, at, customer),
            )
        for customer, at in self._sample("left", self._customers.per_day / 9, known):
            self._connection.execute(
                f"UPDATE customers SET status = 'inactive', tags = NULL, updated_at = {_LATEST} "
                "WHERE customer_id = %s AND status = 'active'",
                (at, customer),
            )
        for customer, at in self._sample("moved", self._customers.per_day / 3, known):
            self._connection.execute(
                f"UPDATE addresses SET street = 'New ' || street, updated_at = {_LATEST} "
                "WHERE customer_id = %s AND kind = 'billing'",
                (at, customer),
            )
        for customer, _ in self._sample("one address", self._customers.per_day / 9, known):
            self._connection.execute(
                "DELETE FROM addresses WHERE customer_id = %s AND kind = 'shipping'", (customer,)
            )

    def _change_products(self) -> None:
        known = self._products.total
        for product, at in self._sample("priced", known / 200, known):
            self._connection.execute(
                f"UPDATE products SET price = round(price * 1.03, 2), updated_at = {_LATEST} "
                "WHERE product_id = %s",
                (at, product),
            )
        if self._number % 3 == 0:
            fresh = np.asarray([known + self._number // 3 + 1])
            came = self._start + self._dice.below("new product", fresh, DAY)
            copy_in(self._connection, "products", self._products.table(fresh, came))

    def _change_payments(self) -> None:
        """Book a few payments anew under another method; the table has no key to find them by."""
        for order, at in self._sample("rebooked", self._orders.per_day / 50, self._orders.total):
            self._connection.execute(
                f"UPDATE payments SET method = %s, updated_at = {_LATEST} WHERE reference = %s",
                (METHODS[order % len(METHODS)], at, f"PAY-{order}-1"),
            )
