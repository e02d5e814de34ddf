"""The rows of ``production`` that stand for themselves: customers, addresses, products.

Every row follows from the seed and its number alone. Orders and what hangs on them are in
``production_orders``; how rows reach PostgreSQL is in ``production_store``.
"""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa

from dataplatform.local.sources import words
from dataplatform.local.sources.columns import decimals, moments, texts
from dataplatform.local.sources.dice import Dice, Ints, pick
from dataplatform.local.sources.people import People, smudge
from dataplatform.local.sources.sizes import (
    FIRST_DAY,
    HISTORY_MICROSECONDS,
    HISTORY_START,
    Sizes,
    microseconds,
)

DAY = 86_400_000_000
_DIRTY = 0.06

_PREFERENCES = tuple(
    json.dumps({"channel": channel, "language": language, "limits": {"monthly": limit}})
    for channel in words.CHANNELS
    for language in words.LANGUAGES
    for limit in (50, 250, 1000)
)
CURRENCIES = tuple(country[1] for country in words.COUNTRIES)
TIME_ZONES = tuple(country[2] for country in words.COUNTRIES)
_CODES = tuple(country[0] for country in words.COUNTRIES)


def born(dice: Dice, ids: Ints, total: int, per_day: int) -> Ints:
    """Return when each row came to be, in microseconds since 1970.

    Args:
        dice: of the rows' table.
        ids: row numbers from 1; those above ``total`` came after the history.
        total: how many rows the history holds, spread evenly over it.
        per_day: how many rows each later day adds.
    """
    jitter = dice.unit("born", ids)
    in_history = (ids - 1 + jitter) / total * HISTORY_MICROSECONDS
    later = microseconds(FIRST_DAY) + (ids - total - 1) // per_day * DAY
    return np.where(
        ids <= total,
        microseconds(HISTORY_START) + in_history.astype(np.int64),
        later + (jitter * DAY).astype(np.int64),
    )


class Customers:
    """Customers and their addresses."""

    def __init__(self, sizes: Sizes) -> None:
        self._dice = Dice(sizes.seed, "customers")
        self._people = People(sizes.seed)
        self.total = sizes.customers
        self.per_day = sizes.per_day(sizes.customers)

    def born(self, ids: Ints) -> Ints:
        return born(self._dice, ids, self.total, self.per_day)

    def table(self, ids: Ints) -> pa.Table:
        """Return the customers with these numbers, as they were when they came."""
        dice, people, created = self._dice, self._people, self.born(ids)
        country = people.country(ids)
        # Customers whose number ends in 0 never order: they are prospects, or gone.
        idle = np.where(dice.chance("prospect", ids, 0.5), 2, 1)
        status = np.where(ids % 10 == 0, idle, dice.chance("inactive", ids, 0.08).astype(int))
        return pa.table(
            {
                "customer_id": ids,
                "email": people.email(ids),
                "first_name": smudge(people.first_name(ids), dice, "first", ids, _DIRTY),
                "last_name": smudge(people.last_name(ids), dice, "last", ids, _DIRTY),
                "phone": pa.array(
                    people.phone(ids), mask=dice.chance("no phone", ids, 0.05), type=pa.string()
                ),
                "country": texts(_CODES, country),
                "status": texts(("active", "inactive", "prospect"), status),
                "marketing_opt_in": pa.array(
                    dice.chance("opt in", ids, 0.4), mask=dice.chance("never asked", ids, 0.1)
                ),
                "preferences": texts(
                    _PREFERENCES,
                    dice.below("preferences", ids, len(_PREFERENCES)),
                    dice.chance("no preferences", ids, 0.15),
                ),
                "tags": texts(
                    words.TAG_SETS,
                    dice.choose("tags", ids, (60, 12, 20, 4, 4)),
                    dice.chance("no tags", ids, 0.1),
                ),
                "created_at": moments(created),
                "updated_at": moments(created),
            }
        )

    def addresses(self, ids: Ints) -> pa.Table:
        """Return the addresses of these customers: one to bill, and often one to ship to."""
        shipped_to = ids[self._dice.chance("ships elsewhere", ids, 0.6)]
        owner = np.concatenate([ids, shipped_to])
        kind = np.concatenate([np.zeros(len(ids), int), np.ones(len(shipped_to), int)])
        order = np.lexsort((kind, owner))
        owner, kind = owner[order], kind[order]
        rows = owner * 2 + kind
        dice = self._dice
        street = pick(words.STREETS, dice.below("street", rows, len(words.STREETS)))
        number = (1 + dice.below("number", rows, 180)).astype(str).astype(object)
        postal_code = (10_000 + dice.below("postal code", rows, 89_999)).astype(str)
        return pa.table(
            {
                "customer_id": owner,
                "kind": texts(("billing", "shipping"), kind),
                "street": street + " " + number,
                "city": smudge(self._people.city(owner), dice, "city", rows, 0.03),
                "postal_code": postal_code.astype(object),
                "country": texts(_CODES, self._people.country(owner)),
                "updated_at": moments(self.born(owner)),
            }
        )


class Products:
    """The wares, and what they cost."""

    def __init__(self, sizes: Sizes) -> None:
        self._dice = Dice(sizes.seed, "products")
        self.total = sizes.products

    def cents(self, ids: Ints) -> Ints:
        """Return list prices in cents of the product's own currency."""
        return 199 + self._dice.below("price", ids, 24_000)

    def in_dollars(self, ids: Ints) -> Ints:
        """Return 1 where a product is priced in US dollars and 0 where in euros."""
        return self._dice.chance("in dollars", ids, 0.3).astype(np.int64)

    def table(self, ids: Ints, created: Ints | None = None) -> pa.Table:
        """Return the products with these numbers.

        Args:
            ids: product numbers from 1.
            created: microseconds since 1970; the history's first hours when None.
        """
        dice = self._dice
        if created is None:
            created = microseconds(HISTORY_START) + ids * 1_000_000
        category = dice.below("category", ids, len(words.CATEGORIES))
        adjective = pick(words.ADJECTIVES, dice.below("adjective", ids, len(words.ADJECTIVES)))
        ware = pick(words.WARES, dice.below("ware", ids, len(words.WARES)))
        colour = dice.below("colour", ids, len(words.COLOURS)).tolist()
        weight = (50 + dice.below("weight", ids, 5_000)).tolist()
        attributes = [
            json.dumps({"colour": words.COLOURS[c], "weight_grams": w, "labels": ["new"] * (w % 3)})
            for c, w in zip(colour, weight, strict=True)
        ]
        return pa.table(
            {
                "product_id": ids,
                "sku": [f"SKU-{i:06d}" for i in ids.tolist()],
                "name": smudge(adjective + " " + ware, dice, "name", ids, 0.03),
                "category": texts(words.CATEGORIES, category),
                "price": decimals(self.cents(ids), 12, 2),
                "currency": texts(("EUR", "USD"), self.in_dollars(ids)),
                "attributes": pa.array(attributes, mask=dice.chance("bare", ids, 0.1)),
                "discontinued": dice.chance("discontinued", ids, 0.05),
                "created_at": moments(created),
                "updated_at": moments(created),
            }
        )
