"""The demo company's rows: the same for the same seed, and true to what they promise."""

from __future__ import annotations

import hashlib
import itertools
import re
import sqlite3
from collections import Counter
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from dataplatform.declarations.errors import UserError
from dataplatform.local.sources import community_store, crm_store, production_store
from dataplatform.local.sources.columns import decimals, to_csv
from dataplatform.local.sources.crm_records import record_id
from dataplatform.local.sources.dice import Dice
from dataplatform.local.sources.production_orders import Orders
from dataplatform.local.sources.production_store import generate
from dataplatform.local.sources.sizes import FIRST_DAY, Sizes, microseconds

SMALL = Sizes(seed=7, scale=0.02)


def _digest(sizes: Sizes) -> str:
    digest = hashlib.sha256()
    for name, rows in generate(sizes):
        digest.update(name.encode() + to_csv(rows))
    return digest.hexdigest()


def _whole(sizes: Sizes) -> dict[str, pa.Table]:
    parts: dict[str, list[pa.Table]] = {}
    for name, rows in generate(sizes):
        parts.setdefault(name, []).append(rows)
    return {name: pa.concat_tables(tables) for name, tables in parts.items()}


@pytest.fixture(scope="module")
def tables() -> dict[str, pa.Table]:
    return _whole(Sizes(seed=7, scale=0.1))


def test_a_seed_always_gives_the_same_bytes() -> None:
    # Written down, so that another machine, or another numpy, that disagrees is noticed.
    assert _digest(SMALL) == "93b1c0dc20ea9d37b293edbc4047fb1306b6ffb8cf4f9e40d016a60d81bc0d36"


def test_another_seed_gives_other_bytes() -> None:
    assert _digest(Sizes(seed=8, scale=0.02)) != _digest(SMALL)


def test_the_size_of_chunks_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    before = _whole(SMALL)
    monkeypatch.setattr(production_store, "_CHUNK", 77)
    after = _whole(SMALL)
    assert all(before[name].equals(after[name].combine_chunks()) for name in before)


@pytest.mark.parametrize(
    ("store", "digest"),
    [
        (crm_store, "f3ff109ac2a38a2abfd2c71dee5d7f547111bce7e16e14829dc1a47cfab8953c"),
        (community_store, "f6d6482d06f4cfee1de9bd730ea2fc03f8a773839e3b7d59f6457386c98c3509"),
    ],
)
def test_the_other_systems_hold_the_same_for_a_seed(
    store: object, digest: str, tmp_path: Path
) -> None:
    store.make(tmp_path, SMALL)  # type: ignore[attr-defined]
    assert _dump(store.file_in(tmp_path)) == digest  # type: ignore[attr-defined]


def _dump(file: Path) -> str:
    with sqlite3.connect(file) as connection:
        return hashlib.sha256("\n".join(connection.iterdump()).encode()).hexdigest()


def test_scale_one_has_the_promised_size() -> None:
    sizes = Sizes(seed=1, scale=1)
    counts = Counter(
        customers=sizes.customers, orders=sizes.orders, products=sizes.products,
        contacts=sizes.customers + sizes.duplicate_contacts,
    )  # fmt: skip
    assert counts == {"customers": 10_000, "orders": 100_000, "products": 500, "contacts": 10_300}
    orders = Orders(sizes)
    ids = np.arange(1, 10_001)
    assert 24_000 < orders.items(ids).num_rows < 26_000
    now = microseconds(FIRST_DAY)
    assert 9_800 < orders.payments(ids, now).num_rows < 10_500


def test_totals_are_the_sum_of_the_items(tables: dict[str, pa.Table]) -> None:
    sums: Counter[int] = Counter()
    for item in tables["order_items"].to_pylist():
        line = item["quantity"] * item["unit_price"] * (1 - item["discount"])
        sums[item["order_id"]] += line.quantize(Decimal("0.01"), rounding="ROUND_HALF_UP")
    orders = tables["orders"]
    totals = zip(orders["order_id"].to_pylist(), orders["total_amount"].to_pylist(), strict=True)
    assert dict(sums) == dict(totals)


def test_paid_orders_are_paid_in_full_and_others_not_at_all(tables: dict[str, pa.Table]) -> None:
    paid: Counter[int] = Counter()
    for payment in tables["payments"].to_pylist():
        paid[payment["order_id"]] += payment["amount"]
    for order in tables["orders"].to_pylist():
        due = order["total_amount"] if order["status"] not in ("placed", "cancelled") else 0
        assert paid.pop(order["order_id"], 0) == due
    # What is left was paid for orders that are in no book.
    assert 1 <= len(paid) <= 20


def test_nothing_of_the_history_is_later_than_it(tables: dict[str, pa.Table]) -> None:
    horizon = np.datetime64(FIRST_DAY)
    for name, table in tables.items():
        assert table["updated_at"].to_numpy().max() < horizon, name
    shipped = tables["orders"]["shipped_at"].drop_null().to_numpy()
    assert shipped.max() < horizon


def test_the_dirt_is_there(tables: dict[str, pa.Table]) -> None:
    customers = tables["customers"].to_pylist()
    names = [c["first_name"] for c in customers]
    assert any(n != n.strip() for n in names)
    assert any(n.strip().isupper() for n in names)
    forms = {re.sub(r"\d+", "9", c["phone"]) for c in customers if c["phone"]}
    assert len(forms) == 5
    orders = tables["orders"].to_pylist()
    assert {o["currency"] for o in orders} == {"EUR", "USD"}
    assert len({o["time_zone"] for o in orders}) > 3
    by_number = [o["ordered_at"] for o in orders]
    late = sum(a > b for a, b in itertools.pairwise(by_number))
    assert late > 30
    for column in ("phone", "preferences", "tags", "marketing_opt_in"):
        assert tables["customers"][column].null_count > 0, column


def test_mail_addresses_survive_the_dirt(tmp_path: Path) -> None:
    crm_store.make(tmp_path, SMALL)
    with sqlite3.connect(crm_store.file_in(tmp_path)) as connection:
        rows = connection.execute("SELECT Email, Customer_External_Id__c FROM Contact").fetchall()
    assert all(re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", email) for email, _ in rows)
    known = Counter(customer for _, customer in rows)
    assert set(known) == {str(i) for i in range(1, SMALL.customers + 1)}
    assert max(known.values()) == 2


def test_a_customer_orders_only_once_known(tables: dict[str, pa.Table]) -> None:
    created = dict(
        zip(*(tables["customers"][c].to_pylist() for c in ("customer_id", "created_at")))
    )
    orders = tables["orders"].to_pylist()
    early = [o for o in orders if o["ordered_at"] < created[o["customer_id"]]]
    # Late orders were made elsewhere, before their maker was a customer here.
    assert len(early) < len(orders) / 200


def test_record_ids_guard_their_case() -> None:
    # A published pair of a 15- and an 18-character id.
    short, long = "001A0000006Vm9r", "001A0000006Vm9rIAC"
    assert record_id("Contact", 1)[:3] == "003"
    assert len({record_id("Lead", n).upper() for n in range(5_000)}) == 5_000
    from dataplatform.local.sources.crm_records import guarded

    assert guarded(short) == long


@pytest.mark.parametrize(
    ("seed", "scale", "said"),
    [
        (1, 0, "scale is 0"),
        (1, -2, "scale is -2"),
        (1, 1e9, "at most 10000"),
        (-1, 1, "seed is -1"),
    ],
)
def test_impossible_sizes_are_refused(seed: int, scale: float, said: str) -> None:
    with pytest.raises(UserError, match=said):
        Sizes(seed, scale)


def test_decimals_are_exact() -> None:
    column = decimals(np.asarray([0, 1, -1, 10**12 + 1]), 14, 2)
    assert [str(v) for v in column.to_pylist()] == ["0.00", "0.01", "-0.01", "10000000000.01"]


def test_dice_are_even() -> None:
    thrown = Dice(1, "t").below("f", np.arange(60_000), 6)
    assert all(9_500 < count < 10_500 for count in np.bincount(thrown))


def test_dice_samples_are_distinct_and_in_range() -> None:
    sample = Dice(1, "t").sample("f", 50, 100)
    assert len(set(sample.tolist())) == len(sample)
    assert 1 <= sample.min() <= sample.max() <= 100
    assert not Dice(1, "t").sample("f", 5, 0).size
