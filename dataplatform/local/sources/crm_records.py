"""The CRM's records, made from the seed: accounts, contacts, opportunities, leads.

A record is a tuple in the order of its object's fields in ``crm_objects``. Contacts are the
customers of ``production`` as the sales people typed them, some of them twice.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np

from dataplatform.local.sources import words
from dataplatform.local.sources.dice import Dice, Flags, Ints, pick
from dataplatform.local.sources.people import People, smudge
from dataplatform.local.sources.production import DAY, Customers, born
from dataplatform.local.sources.sizes import FIRST_DAY, Sizes, microseconds

Record = tuple[Any, ...]

_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_CHECK = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
_PREFIX = {"Account": "001", "Contact": "003", "User": "005", "Opportunity": "006", "Lead": "00Q"}
#: Contacts entered a second time are numbered from here.
SECOND_ENTRIES = 1_000_000_000
_LAST_MOMENT = microseconds(FIRST_DAY)
_OPEN_STAGES = 4


def record_id(kind: str, number: int) -> str:
    """Return the 18-character id of a record: 15 characters, and 3 that guard their case."""
    digits = []
    for _ in range(10):
        number, digit = divmod(number, 62)
        digits.append(_DIGITS[digit])
    return guarded(_PREFIX[kind] + "Dp" + "".join(reversed(digits)))


def guarded(short: str) -> str:
    """Return a 15-character id with the 3 characters that say which of its letters are capital."""
    checks = (
        sum(1 << place for place, letter in enumerate(short[i : i + 5]) if letter.isupper())
        for i in (0, 5, 10)
    )
    return short + "".join(_CHECK[check] for check in checks)


def stamp(moment: int) -> str:
    """Return a moment (microseconds since 1970) as Salesforce writes it, to the second."""
    seconds = datetime.fromtimestamp(moment // 1_000_000, tz=UTC)
    return seconds.strftime("%Y-%m-%dT%H:%M:%S.000+0000")


class CrmRecords:
    """The CRM's records of one demo."""

    def __init__(self, sizes: Sizes) -> None:
        self.sizes = sizes
        self.people = People(sizes.seed)
        self.customers = Customers(sizes)
        self._dice = {kind: Dice(sizes.seed, f"crm {kind}") for kind in _PREFIX}

    def _moments(self, dice: Dice, ids: Ints, created: Ints) -> Iterator[tuple[str, str]]:
        """Return created and modified stamps; what history made, it also last touched."""
        old = created < _LAST_MOMENT
        touched = np.where(old, created + dice.below("touched", ids, 30 * DAY), created)
        # What would be touched after the history ends was touched in its last hours instead.
        last = _LAST_MOMENT - (1 + dice.below("last", ids, 7_200)) * 1_000_000
        modified = np.where(old, np.maximum(created, np.minimum(touched, last)), created)
        for first, second in zip(created.tolist(), modified.tolist(), strict=True):
            yield stamp(first), stamp(max(first, second))

    def account_name(self, ids: Ints) -> Sequence[str]:
        dice = self._dice["Account"]
        first = pick(words.COMPANY_WORDS, dice.below("first word", ids, len(words.COMPANY_WORDS)))
        second = pick(words.COMPANY_WORDS, dice.below("second", ids, len(words.COMPANY_WORDS)))
        kind = pick(words.COMPANY_KINDS, dice.below("kind", ids, len(words.COMPANY_KINDS)))
        names: list[str] = (first + " " + second + " " + kind).tolist()
        return names

    def accounts(self, ids: Ints) -> Iterator[Record]:
        """Yield Account records."""
        dice, sizes = self._dice["Account"], self.sizes
        names = smudge(np.asarray(self.account_name(ids), dtype=object), dice, "name", ids, 0.04)
        industry = pick(words.INDUSTRIES, dice.below("industry", ids, len(words.INDUSTRIES)))
        country = self.people.country(ids + 7)
        revenue = 50_000 + dice.below("revenue", ids, 40_000_000)
        silent = dice.chance("no revenue", ids, 0.1)
        owner = dice.below("owner", ids, 12)
        gone = dice.chance("gone", ids, 0.01)
        created = born(dice, ids, sizes.accounts, sizes.per_day(sizes.accounts))
        stamps = self._moments(dice, ids, created)
        for i, number in enumerate(ids.tolist()):
            yield (
                record_id("Account", number), names[i], industry[i],
                words.COUNTRIES[country[i]][0], None if silent[i] else float(revenue[i]),
                record_id("User", int(owner[i])), int(gone[i]), *next(stamps),
            )  # fmt: skip

    def contacts(self, ids: Ints) -> Iterator[Record]:
        """Yield Contact records; numbers above SECOND_ENTRIES are customers entered twice."""
        dice = self._dice["Contact"]
        again = ids > SECOND_ENTRIES
        total = self.customers.total
        customer = np.where(again, 1 + dice.below("twice", ids, total), ids)
        created = self._entered(ids, customer, again)
        first = smudge(self.people.first_name(customer), dice, "first", ids, 0.1)
        last = smudge(self.people.last_name(customer), dice, "last", ids, 0.1)
        email = self.people.email(customer)
        shouted = dice.chance("shouted mail", ids, 0.05)
        phone = self.people.phone(customer, "contact" if not again.any() else "second contact")
        no_phone = dice.chance("no phone", ids, 0.04)
        account = 1 + dice.below("account", ids, self.sizes.accounts)
        private = dice.chance("private", ids, 0.1)
        age_days = 19 * 365 + dice.below("age", customer, 71 * 365)
        ageless = dice.chance("no birthday", ids, 0.02)
        city = smudge(self.people.city(customer), dice, "city", ids, 0.05)
        gone = dice.chance("gone", ids, 0.005)
        stamps = self._moments(dice, ids, created)
        for i, number in enumerate(ids.tolist()):
            made, touched = next(stamps)
            birthday = FIRST_DAY - timedelta(days=int(age_days[i]))
            yield (
                record_id("Contact", number),
                None if private[i] else record_id("Account", int(account[i])),
                first[i], last[i], email[i].upper() if shouted[i] else email[i],
                None if no_phone[i] else phone[i],
                None if ageless[i] else birthday.isoformat(),
                str(customer[i]), city[i], int(gone[i]), made, touched, touched,
            )  # fmt: skip

    def _entered(self, ids: Ints, customer: Ints, again: Flags) -> Ints:
        """Return when contacts were made: the day their customer came, or came up again."""
        came = self.customers.born(customer)
        rest_of_day = DAY - came % DAY
        entered = came + self._dice["Contact"].below("entered after", ids, rest_of_day)
        total = self.sizes.duplicate_contacts
        second = born(
            Dice(self.sizes.seed, "second entries"), np.where(again, ids - SECOND_ENTRIES, 1),
            total, self.sizes.per_day(total),
        )  # fmt: skip
        return np.where(again, np.maximum(entered, second), entered)

    def opportunities(self, ids: Ints) -> Iterator[Record]:
        """Yield Opportunity records."""
        dice, sizes = self._dice["Opportunity"], self.sizes
        account = 1 + dice.below("account", ids, sizes.accounts)
        company = self.account_name(account)
        ware = pick(words.WARES, dice.below("ware", ids, len(words.WARES)))
        old = ids <= sizes.opportunities
        stage = np.where(
            old, dice.choose("stage", ids, (8, 8, 8, 6, 45, 25)), dice.below("new", ids, 2)
        )
        amount = 1_000 + dice.below("amount", ids, 9_000_000) / 100
        unpriced = dice.chance("no amount", ids, 0.05)
        dollars = dice.chance("dollars", ids, 0.35)
        created = born(dice, ids, sizes.opportunities, sizes.per_day(sizes.opportunities))
        days = 10 + dice.below("until closed", ids, 90)
        gone = dice.chance("gone", ids, 0.005)
        stamps = self._moments(dice, ids, created)
        for i, number in enumerate(ids.tolist()):
            made, touched = next(stamps)
            close = date.fromisoformat(made[:10]) + timedelta(days=int(days[i]))
            yield (
                record_id("Opportunity", number), record_id("Account", int(account[i])),
                f"{company[i]} \u2013 {ware[i]}", words.STAGES[stage[i]],
                None if unpriced[i] else round(float(amount[i]), 2),
                "USD" if dollars[i] else "EUR", close.isoformat(), int(stage[i] == _OPEN_STAGES),
                int(stage[i] >= _OPEN_STAGES), int(gone[i]), made, touched,
            )  # fmt: skip

    def leads(self, ids: Ints) -> Iterator[Record]:
        """Yield Lead records: people who are no customers."""
        dice, sizes = self._dice["Lead"], self.sizes
        strangers = ids + 2_000_000_000
        first = smudge(self.people.first_name(strangers), dice, "first", ids, 0.08)
        last = smudge(self.people.last_name(strangers), dice, "last", ids, 0.08)
        email = self.people.email(strangers)
        phone = self.people.phone(strangers, "lead")
        no_phone = dice.chance("no phone", ids, 0.2)
        company = self.account_name(ids + 100_000)
        old = ids <= sizes.leads
        state = np.where(old, dice.below("state", ids, len(words.LEAD_STATES)), 0)
        source = pick(words.LEAD_SOURCES, dice.below("source", ids, len(words.LEAD_SOURCES)))
        converted = (state == 2) & dice.chance("converted", ids, 0.5)
        created = born(dice, ids, sizes.leads, sizes.per_day(sizes.leads))
        gone = dice.chance("gone", ids, 0.01)
        stamps = self._moments(dice, ids, created)
        for i, number in enumerate(ids.tolist()):
            yield (
                record_id("Lead", number), first[i], last[i], email[i],
                None if no_phone[i] else phone[i], company[i], words.LEAD_STATES[state[i]],
                source[i], int(converted[i]), int(gone[i]), *next(stamps),
            )  # fmt: skip
