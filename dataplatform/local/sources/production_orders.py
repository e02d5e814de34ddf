"""Orders, their items and their payments, as they stand at any moment.

An order's whole life follows from its number: when it is placed, paid, shipped, delivered, sent
back. Its row at a moment is that life so far, which is how both the history and each later day
are made. What a day changes besides (corrections, deletions) is in ``production_days``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dataplatform.local.sources import words
from dataplatform.local.sources.columns import decimals, moments, texts
from dataplatform.local.sources.dice import Dice, Flags, Ints
from dataplatform.local.sources.people import People
from dataplatform.local.sources.production import (
    CURRENCIES,
    DAY,
    TIME_ZONES,
    Customers,
    Products,
    born,
)
from dataplatform.local.sources.sizes import HISTORY_START, Sizes, microseconds

STATUSES = ("placed", "paid", "shipped", "delivered", "cancelled", "returned")
METHODS = ("card", "bank_transfer", "paypal", "cash")
#: No order's life is longer than this, so older orders need no second look.
LIFE_DAYS = 26
_HOUR = DAY // 24
_ITEM_COUNTS = (25, 32, 22, 12, 6, 3)
_DISCOUNTS = np.asarray([0, 500, 1000, 2500])  # ten-thousandths
_CENTS_PER_EURO_IN_DOLLARS = 108
_ORPHANS_FROM = 900_000_000_000


@dataclass(frozen=True)
class Life:
    """The moments of orders, in microseconds since 1970; the last one depends on how it ends."""

    placed: Ints
    cancelled: Ints
    paid: Ints
    shipped: Ints
    delivered: Ints
    returned: Ints
    is_cancelled: Flags
    is_returned: Flags

    def at(self, now: int) -> tuple[Ints, Ints]:
        """Return each order's status, as an index of STATUSES, and since when it has it."""
        status = np.zeros(len(self.placed), np.int64)
        since = self.placed.copy()
        steps = ((1, self.paid), (2, self.shipped), (3, self.delivered))
        for step, moment in steps:
            reached = ~self.is_cancelled & (moment < now)
            status[reached], since[reached] = step, moment[reached]
        for step, moment, happens in (
            (4, self.cancelled, self.is_cancelled),
            (5, self.returned, self.is_returned),
        ):
            reached = happens & (moment < now)
            status[reached], since[reached] = step, moment[reached]
        return status, since


class Orders:
    """The orders of one demo."""

    def __init__(self, sizes: Sizes) -> None:
        self._dice = Dice(sizes.seed, "orders")
        self._items = Dice(sizes.seed, "order_items")
        self._payments = Dice(sizes.seed, "payments")
        self._people = People(sizes.seed)
        self._customers = Customers(sizes)
        self._products = Products(sizes)
        self.total = sizes.orders
        self.per_day = sizes.per_day(sizes.orders)

    def life(self, ids: Ints) -> Life:
        """Return when everything happens to these orders."""
        dice = self._dice

        def after(moment: Ints, field: str, least: int, most: int) -> Ints:
            delay: Ints = (least + dice.unit(field, ids) * (most - least)).astype(np.int64)
            moved: Ints = moment + delay
            return moved

        placed = born(dice, ids, self.total, self.per_day)
        paid = after(placed, "until paid", _HOUR // 60, 20 * _HOUR)
        shipped = after(paid, "until shipped", 4 * _HOUR, 3 * DAY)
        delivered = after(shipped, "until delivered", DAY, 5 * DAY)
        is_cancelled = dice.chance("is cancelled", ids, 0.04)
        return Life(
            placed=placed,
            cancelled=after(placed, "until cancelled", _HOUR, 2 * DAY),
            paid=paid,
            shipped=shipped,
            delivered=delivered,
            returned=after(delivered, "until returned", DAY, 14 * DAY),
            is_cancelled=is_cancelled,
            is_returned=~is_cancelled & dice.chance("is returned", ids, 0.03),
        )

    def customers(self, ids: Ints) -> Ints:
        """Return who placed each order: somebody who was a customer before it was placed."""
        known, daily = self._customers.total, self._customers.per_day
        days_after = np.maximum(0, (ids - self.total - 1) // self.per_day)
        limit = np.where(
            ids <= self.total,
            np.maximum(1, (ids - 1) * known // self.total),
            known + days_after * daily,
        )
        # Half of all orders come from regulars: the first quarter of the customers.
        share = self._dice.unit("customer", ids)
        regular = self._dice.chance("regular", ids, 0.5)
        chosen = 1 + np.floor(np.where(regular, share / 4, share) * limit).astype(np.int64)
        found: Ints = np.where(chosen % 10 == 0, chosen - 1, chosen)
        return found

    def table(self, ids: Ints, now: int) -> pa.Table:
        """Return the orders as they stand at a moment (microseconds since 1970)."""
        dice, life = self._dice, self.life(ids)
        status, since = life.at(now)
        customers = self.customers(ids)
        country = self._people.country(customers)
        # A late order was made elsewhere and reaches the books days afterwards.
        delay = dice.below("delay", ids, 20 * DAY) * dice.chance("is late", ids, 0.01)
        ordered = np.maximum(life.placed - delay, microseconds(HISTORY_START))
        _, _, cents = self._lines(ids)
        return pa.table(
            {
                "order_id": ids,
                "customer_id": customers,
                "status": texts(STATUSES, status),
                "currency": texts(CURRENCIES, country),
                "total_amount": decimals(cents, 14, 2),
                "ordered_at": moments(ordered),
                "time_zone": texts(TIME_ZONES, country),
                "shipped_at": moments(life.shipped, life.is_cancelled | (life.shipped >= now)),
                "note": texts(
                    words.NOTES,
                    dice.below("note", ids, len(words.NOTES)),
                    ~dice.chance("has note", ids, 0.05),
                ),
                "updated_at": moments(since),
            }
        )

    def _lines(self, ids: Ints) -> tuple[Ints, pa.Table, Ints]:
        """Return item counts, the items without their moment, and the orders' totals in cents."""
        counts = 1 + self._dice.choose("items", ids, _ITEM_COUNTS)
        orders = np.repeat(ids, counts)
        starts = np.repeat(np.cumsum(counts) - counts, counts)
        line = np.arange(len(orders)) - starts + 1
        rows = orders * 16 + line
        dice = self._items
        share = dice.unit("product", rows)
        product = 1 + np.floor(share * share * self._products.total).astype(np.int64)
        quantity = 1 + dice.choose("quantity", rows, (70, 20, 7, 3))
        discount = _DISCOUNTS[dice.choose("discount", rows, (80, 10, 7, 3))]
        price = self._prices(product, np.repeat(self.customers(ids), counts))
        cents = (quantity * price * (10_000 - discount) + 5_000) // 10_000
        totals = np.add.reduceat(cents, np.cumsum(counts) - counts) if len(ids) else cents
        table = pa.table(
            {
                "order_id": orders,
                "line_number": line,
                "product_id": product,
                "quantity": quantity,
                "unit_price": decimals(price, 12, 2),
                "discount": decimals(discount, 5, 4),
            }
        )
        return counts, table, totals

    def _prices(self, products: Ints, customers: Ints) -> Ints:
        """Return list prices in cents, converted where the customer pays in another currency."""
        cents = self._products.cents(products)
        priced = self._products.in_dollars(products)
        paid = np.asarray([c == "USD" for c in CURRENCIES])[self._people.country(customers)]
        to_dollars = (cents * _CENTS_PER_EURO_IN_DOLLARS + 50) // 100
        to_euros = (cents * 100 + 54) // _CENTS_PER_EURO_IN_DOLLARS
        return np.where(priced == paid, cents, np.where(paid, to_dollars, to_euros))

    def items(self, ids: Ints) -> pa.Table:
        """Return the items of these orders, as first placed."""
        counts, table, _ = self._lines(ids)
        placed = born(self._dice, ids, self.total, self.per_day)
        return table.append_column("updated_at", moments(np.repeat(placed, counts)))

    def payments(self, ids: Ints, now: int, since: int = 0) -> pa.Table:
        """Return what was paid for these orders from ``since`` until before ``now``."""
        life = self.life(ids)
        due = ~life.is_cancelled & (life.paid < now) & (life.paid >= since)
        ids, paid = ids[due], life.paid[due]
        _, _, totals = self._lines(ids)
        parts = 1 + self._payments.chance("in two parts", ids, 0.06).astype(np.int64)
        first = np.where(parts == 2, totals * 3 // 10, totals)
        order = np.repeat(ids, parts)
        part = np.arange(len(order)) - np.repeat(np.cumsum(parts) - parts, parts) + 1
        amount = np.where(part == 1, np.repeat(first, parts), np.repeat(totals - first, parts))
        return self._payment_table(order, part, amount, np.repeat(paid, parts))

    def orphans(self, numbers: Ints, paid: Ints) -> pa.Table:
        """Return payments for orders that are in no book."""
        amount = 500 + self._payments.below("orphan", numbers, 20_000)
        return self._payment_table(_ORPHANS_FROM + numbers, np.ones_like(numbers), amount, paid)

    def _payment_table(self, order: Ints, part: Ints, amount: Ints, paid: Ints) -> pa.Table:
        country = self._people.country(self.customers(np.minimum(order, _ORPHANS_FROM)))
        reference = pc.binary_join_element_wise(
            "PAY", pa.array(order).cast(pa.string()), pa.array(part).cast(pa.string()), "-"
        )
        rows = order * 4 + part
        return pa.table(
            {
                "order_id": order,
                "method": texts(METHODS, self._payments.choose("method", rows, (55, 20, 20, 5))),
                "amount": decimals(amount, 14, 2),
                "currency": texts(CURRENCIES, country),
                "paid_at": moments(paid),
                "reference": reference,
                "updated_at": moments(paid),
            }
        )
