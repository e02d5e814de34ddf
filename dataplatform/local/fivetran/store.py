"""What the service remembers between restarts: one SQLite file in its state folder.

Groups, destinations and connections are documents; syncs are rows. What the fields mean is known
to the modules that read them, and cursors live in the destination, beside the rows they speak of.
"""

from __future__ import annotations

import json
import secrets
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

_SCHEMA = """
CREATE TABLE IF NOT EXISTS documents (
    kind TEXT NOT NULL, id TEXT NOT NULL, position INTEGER NOT NULL, body TEXT NOT NULL,
    tables TEXT, PRIMARY KEY (kind, id));
CREATE INDEX IF NOT EXISTS documents_in_order ON documents (position);
CREATE TABLE IF NOT EXISTS syncs (
    number INTEGER PRIMARY KEY AUTOINCREMENT, connection TEXT NOT NULL, body TEXT NOT NULL,
    ended INTEGER NOT NULL DEFAULT 0);
CREATE INDEX IF NOT EXISTS syncs_of ON syncs (connection, number);
"""
# A connection's tables and columns outweigh the rest of it by far and are seldom needed, so they
# are kept in a column of their own and left out of outlines.
_LARGE = "schema_config"
UNREAD = "unread"
_KEPT_SYNCS = 1000
_LETTERS = "abcdefghijklmnopqrstuvwxyz"

Document = dict[str, Any]


def now() -> str:
    """Return the present in the API's form: UTC with microseconds."""
    return stamp(datetime.now(UTC))


def stamp(moment: datetime) -> str:
    """Return a moment in the API's form."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def moment_of(text: str) -> datetime:
    """Return the moment that a text in the API's form names."""
    return datetime.fromisoformat(text)


def later_than(*texts: str | None) -> str:
    """Return the present, or the next microsecond after the latest of some times."""
    latest = max((moment_of(text) for text in texts if text), default=None)
    present = datetime.now(UTC)
    if latest is not None and present <= latest:
        present = latest + timedelta(microseconds=1)
    return stamp(present)


def new_id() -> str:
    """Return an identifier of the form the API uses: two words of letters."""
    return "_".join("".join(secrets.choice(_LETTERS) for _ in range(9)) for _ in range(2))


def _whole(body: str, tables: str | None) -> Document:
    document: Document = json.loads(body)
    if tables is not None:
        document[_LARGE] = json.loads(tables)
    return document


class Store:
    """The service's documents; every call is one transaction, safe from any thread."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._guard = threading.RLock()
        path = folder / "service.sqlite"
        self._database = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        path.chmod(0o600)  # It holds the sources' secrets.
        self._database.execute("PRAGMA journal_mode = WAL")
        # A killed service loses nothing by this, a machine without power the last moment.
        self._database.execute("PRAGMA synchronous = NORMAL")
        self._database.executescript(_SCHEMA)
        columns = self._all("SELECT name FROM pragma_table_info('documents')")
        if ("tables",) not in columns:  # A state folder from before there was this column.
            self._all("ALTER TABLE documents ADD COLUMN tables TEXT")

    def close(self) -> None:
        with self._guard:
            self._database.close()

    def _all(self, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
        with self._guard, closing(self._database.execute(sql, parameters)) as cursor:
            return cursor.fetchall()

    def get(self, kind: str, identifier: str) -> Document | None:
        """Return one document, or None."""
        rows = self._all(
            "SELECT body, tables FROM documents WHERE kind = ? AND id = ?", kind, identifier
        )
        return _whole(*rows[0]) if rows else None

    def every(self, kind: str) -> list[Document]:
        """Return all documents of a kind, oldest first."""
        rows = self._all(
            "SELECT body, tables FROM documents WHERE kind = ? ORDER BY position", kind
        )
        return [_whole(body, tables) for body, tables in rows]

    def outlines(self, kind: str) -> list[Document]:
        """Return all documents of a kind, oldest first, to look at but not to put back.

        A schema config that is there is only told as ``UNREAD``.
        """
        rows = self._all(
            "SELECT body, tables IS NOT NULL FROM documents WHERE kind = ? ORDER BY position", kind
        )
        found = []
        for body, known in rows:
            document: Document = json.loads(body)
            if known:
                document[_LARGE] = UNREAD
            found.append(document)
        return found

    def put(self, kind: str, document: Document) -> Document:
        """Write a document under its ``id``; a new one goes to the end of the list.

        Raises:
            ValueError: it is an outline, which lacks a part.
        """
        large = document.get(_LARGE)
        if large == UNREAD:
            raise ValueError("an outline is not a document")
        body = document if large is None else {**document, _LARGE: None}
        self._all(
            "INSERT INTO documents VALUES (?, ?, "
            "(SELECT coalesce(max(position), 0) + 1 FROM documents), ?, ?) "
            "ON CONFLICT (kind, id) DO UPDATE SET body = excluded.body, tables = excluded.tables",
            kind,
            document["id"],
            json.dumps(body),
            None if large is None else json.dumps(large),
        )
        return document

    def add(self, kind: str, document: Document, refuse: Callable[[], None]) -> Document:
        """Write a new document unless ``refuse``, asked in the same moment, raises."""
        with self._guard:
            refuse()
            return self.put(kind, document)

    def change(
        self, kind: str, identifier: str, edit: Callable[[Document], None]
    ) -> Document | None:
        """Edit a document without losing another thread's edit; return it, or None if gone."""
        with self._guard:
            document = self.get(kind, identifier)
            if document is None:
                return None
            edit(document)
            return self.put(kind, document)

    def delete(self, kind: str, identifier: str) -> None:
        """Remove a document."""
        self._all("DELETE FROM documents WHERE kind = ? AND id = ?", kind, identifier)

    def start_sync(self, connection: str, body: Document) -> int:
        """Record that a sync began; return its number."""
        with self._guard:
            rows = self._all(
                "INSERT INTO syncs (connection, body) VALUES (?, ?) RETURNING number",
                connection,
                json.dumps(body),
            )
            number = int(rows[0][0])
            self._all(
                "DELETE FROM syncs WHERE connection = ? AND number <= ?",
                connection,
                number - _KEPT_SYNCS,
            )
            return number

    def end_sync(self, number: int, body: Document) -> None:
        """Record how a sync ended."""
        self._all(
            "UPDATE syncs SET body = ?, ended = 1 WHERE number = ?",
            json.dumps(body),
            number,
        )

    def syncs(self, connection: str, limit: int = 100) -> list[Document]:
        """Return a connection's syncs, newest first."""
        rows = self._all(
            "SELECT number, body FROM syncs WHERE connection = ? ORDER BY number DESC LIMIT ?",
            connection,
            limit,
        )
        return [{"sync_id": number, **json.loads(body)} for number, body in rows]

    def unfinished(self) -> list[tuple[int, str, Document]]:
        """Return the syncs that were running when the service last stopped."""
        rows = self._all("SELECT number, connection, body FROM syncs WHERE ended = 0")
        return [(number, connection, json.loads(body)) for number, connection, body in rows]
