"""The CRM's database: its first records, and what a day changes in them."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import numpy as np

from dataplatform.local.sources import sqlite_store, words
from dataplatform.local.sources.crm_objects import OBJECTS
from dataplatform.local.sources.crm_records import (
    SECOND_ENTRIES,
    CrmRecords,
    Record,
    record_id,
    stamp,
)
from dataplatform.local.sources.dice import Dice, Ints
from dataplatform.local.sources.production import DAY
from dataplatform.local.sources.sizes import Sizes, day_number, microseconds

_CHUNK = 10_000


def file_in(folder: Path) -> Path:
    """Return the CRM's database file within its state folder."""
    return folder / "crm.sqlite"


def make(folder: Path, sizes: Sizes) -> None:
    """Make the CRM with its history."""
    records = CrmRecords(sizes)

    def fill(connection: sqlite3.Connection) -> None:
        for name, fields in OBJECTS.items():
            columns = ", ".join(f'"{field.name}" {field.sqlite}' for field in fields)
            connection.execute(f'CREATE TABLE "{name}" ({columns}, PRIMARY KEY ("Id"))')
        for kind, make_records, first, total in (
            ("Account", records.accounts, 1, sizes.accounts),
            ("Contact", records.contacts, 1, sizes.customers),
            ("Contact", records.contacts, SECOND_ENTRIES + 1, sizes.duplicate_contacts),
            ("Opportunity", records.opportunities, 1, sizes.opportunities),
            ("Lead", records.leads, 1, sizes.leads),
        ):
            _insert(connection, kind, _in_chunks(make_records, first, total))
        for name in OBJECTS:
            connection.execute(f'CREATE INDEX "{name} by time" ON "{name}" (SystemModstamp, Id)')

    sqlite_store.make(file_in(folder), sizes, fill)


def _in_chunks(
    make_records: Callable[[Ints], Iterator[Record]], first: int, total: int
) -> Iterator[Record]:
    for start in range(first, first + total, _CHUNK):
        yield from make_records(np.arange(start, min(start + _CHUNK, first + total)))


def _insert(connection: sqlite3.Connection, kind: str, records: Iterator[Record]) -> None:
    places = ", ".join("?" * len(OBJECTS[kind]))
    connection.executemany(f'INSERT INTO "{kind}" VALUES ({places})', records)


def pass_day(folder: Path, sizes: Sizes, today: date) -> None:
    """Let one day pass: new records, changed ones, deleted ones; all of it or nothing."""
    with sqlite_store.day(file_in(folder), today) as connection:
        _Day(connection, sizes, today).pass_()


class _Day:
    def __init__(self, connection: sqlite3.Connection, sizes: Sizes, today: date) -> None:
        self._connection = connection
        self._sizes = sizes
        self._records = CrmRecords(sizes)
        self._number = day_number(today)
        self._start = microseconds(today)
        self._dice = Dice(sizes.seed, f"crm day {self._number}")

    def pass_(self) -> None:
        sizes, records = self._sizes, self._records
        for kind, make_records, first, total in (
            ("Account", records.accounts, 1, sizes.accounts),
            ("Contact", records.contacts, 1, sizes.customers),
            ("Contact", records.contacts, SECOND_ENTRIES + 1, sizes.duplicate_contacts),
            ("Opportunity", records.opportunities, 1, sizes.opportunities),
            ("Lead", records.leads, 1, sizes.leads),
        ):
            ids = self._new(first, total)
            _insert(self._connection, kind, make_records(ids))
        self._touch_contacts()
        self._move_opportunities()
        self._move_leads()

    def _new(self, first: int, total: int) -> Ints:
        per_day = self._sizes.per_day(total)
        start = first + total + self._number * per_day
        return np.arange(start, start + per_day)

    def _sample(self, what: str, total: int, share: float) -> list[tuple[int, str]]:
        """Return some of the older records and the moment today at which each changes."""
        ids = self._dice.sample(what, max(1, round(total * share)), total)
        moments = self._start + self._dice.below(f"{what} at", ids, DAY)
        return [(n, stamp(m)) for n, m in zip(ids.tolist(), moments.tolist(), strict=True)]

    def _touch_contacts(self) -> None:
        total = self._sizes.customers
        for number, now in self._sample("new phone", total, 0.002):
            phone = self._records.people.phone(np.asarray([number]), f"day {self._number}")[0]
            self._connection.execute(
                "UPDATE Contact SET Phone = ?, LastModifiedDate = ?, SystemModstamp = ?"
                " WHERE Id = ?",
                (phone, now, now, record_id("Contact", number)),
            )
        for number, now in self._sample("moved", total, 0.001):
            city = words.COUNTRIES[number % len(words.COUNTRIES)][5][self._number % 4]
            self._connection.execute(
                "UPDATE Contact SET MailingCity = ?, LastModifiedDate = ?, SystemModstamp = ?"
                " WHERE Id = ?",
                (city, now, now, record_id("Contact", number)),
            )
        for number, now in self._sample("deleted contact", total, 0.0002):
            self._connection.execute(
                "UPDATE Contact SET IsDeleted = 1, LastModifiedDate = ?, SystemModstamp = ?"
                " WHERE Id = ?",
                (now, now, record_id("Contact", number)),
            )

    def _move_opportunities(self) -> None:
        for number, now in self._sample("stage", self._sizes.opportunities, 0.02):
            row = self._connection.execute(
                "SELECT StageName FROM Opportunity WHERE Id = ? AND IsClosed = 0",
                (record_id("Opportunity", number),),
            ).fetchone()
            if row is None:
                continue
            stage = min(words.STAGES.index(row[0]) + 1, 4 + number % 2)
            self._connection.execute(
                "UPDATE Opportunity SET StageName = ?, IsWon = ?, IsClosed = ?, SystemModstamp = ?"
                " WHERE Id = ?",
                (
                    words.STAGES[stage],
                    int(stage == 4),
                    int(stage >= 4),
                    now,
                    record_id("Opportunity", number),
                ),
            )

    def _move_leads(self) -> None:
        for number, now in self._sample("lead", self._sizes.leads, 0.01):
            state = words.LEAD_STATES[1 + number % 3]
            self._connection.execute(
                "UPDATE Lead SET Status = ?, IsConverted = ?, SystemModstamp = ? WHERE Id = ?",
                (state, int(state == "Qualified"), now, record_id("Lead", number)),
            )
