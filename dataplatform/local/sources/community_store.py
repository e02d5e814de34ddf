"""The community site's database: its first documents, and what a day adds and edits."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import numpy as np

from dataplatform.local.sources import sqlite_store
from dataplatform.local.sources.community_records import CommunityRecords, Document
from dataplatform.local.sources.dice import Dice, Ints
from dataplatform.local.sources.sizes import Sizes, day_number

#: Each resource, and the field that says to which other document one of it belongs.
RESOURCES: dict[str, str | None] = {"users": None, "posts": "userId", "comments": "postId"}
_CHUNK = 10_000


def file_in(folder: Path) -> Path:
    """Return the site's database file within its state folder."""
    return folder / "community.sqlite"


def make(folder: Path, sizes: Sizes) -> None:
    """Make the site with its history."""

    def fill(connection: sqlite3.Connection) -> None:
        for name in RESOURCES:
            connection.execute(
                f"CREATE TABLE {name} (id INTEGER PRIMARY KEY, owner INTEGER, body TEXT)"
            )
        for name, make_documents, total in _resources(sizes):
            for first in range(1, total + 1, _CHUNK):
                ids = np.arange(first, min(first + _CHUNK, total + 1))
                _insert(connection, name, make_documents(ids))

    sqlite_store.make(file_in(folder), sizes, fill)


def _resources(
    sizes: Sizes,
) -> tuple[tuple[str, Callable[[Ints], Iterator[Document]], int], ...]:
    records = CommunityRecords(sizes)
    return (
        ("users", records.users, sizes.users),
        ("posts", records.posts, sizes.posts),
        ("comments", records.comments, sizes.comments),
    )


def _insert(connection: sqlite3.Connection, name: str, documents: Iterator[Document]) -> None:
    owner = RESOURCES[name]
    connection.executemany(
        f"INSERT INTO {name} VALUES (?, ?, ?)",
        (
            (document["id"], document[owner] if owner else None, _text(document))
            for document in documents
        ),
    )


def _text(document: Document) -> str:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))


def pass_day(folder: Path, sizes: Sizes, today: date) -> None:
    """Let one day pass: new documents and a few edited ones; all of it or nothing."""
    number = day_number(today)
    dice = Dice(sizes.seed, f"community day {number}")
    with sqlite_store.day(file_in(folder), today) as connection:
        for name, make_documents, total in _resources(sizes):
            per_day = sizes.per_day(total)
            first = total + number * per_day + 1
            _insert(connection, name, make_documents(np.arange(first, first + per_day)))
        for name, field, share in (("posts", "body", 0.001), ("users", "website", 0.002)):
            total = sizes.posts if name == "posts" else sizes.users
            for row in dice.sample(name, max(1, round(total * share)), total).tolist():
                (body,) = connection.execute(
                    f"SELECT body FROM {name} WHERE id = ?", (row,)
                ).fetchone()
                document = json.loads(body)
                document[field] += f"\n(edited on {today})" if name == "posts" else f"/{today}"
                connection.execute(
                    f"UPDATE {name} SET body = ? WHERE id = ?", (_text(document), row)
                )
