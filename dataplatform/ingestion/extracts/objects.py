"""How an extract's rows become objects: one immutable file of JSON lines, named by its content.

``<prefix>/<resource>/date=YYYY-MM-DD/<first 16 digits of its SHA-256>.jsonl``. The same rows give
the same bytes and so the same name; rows that equal the newest object's give no object at all.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from dataplatform.resources.object_store import ObjectStore, StoredObject

if TYPE_CHECKING:
    from dataplatform.declarations.extract import Extract, Resource

LAYER = "raw"
_NAME_DIGITS = 16


@dataclass(frozen=True)
class Written:
    """What became of an extraction.

    Attributes:
        key: the newest object; None where no row was ever extracted.
        version: changes whenever the extracted rows do.
        rows: rows in the newest object.
        size: its bytes.
        new: whether this extraction wrote it.
    """

    key: str | None
    version: str
    rows: int
    size: int
    new: bool


def json_lines(rows: Iterable[dict[str, Any]], primary_key: Sequence[str] = ()) -> bytes:
    """Return rows as JSON lines: sorted rows, sorted fields, the same bytes for the same rows.

    Args:
        rows: what was extracted.
        primary_key: sorts first where it is declared, so that a person finds a row.
    """
    lines = [(tuple(_sortable(row.get(name)) for name in primary_key), _line(row)) for row in rows]
    return b"".join(line.encode() + b"\n" for _, line in sorted(lines))


def folder(extract: Extract, resource: Resource) -> str:
    """Return where a resource's objects lie in the raw bucket, with a slash at its end."""
    return f"{extract.prefix}/{resource.name}/"


def newest(store: ObjectStore, extract: Extract, resource: Resource) -> StoredObject | None:
    """Return the newest object of a resource, or None before the first."""
    found = [item for item in store.list(LAYER, folder(extract, resource))]
    found = [item for item in found if item.key.endswith(".jsonl")]
    return max(
        found,
        key=lambda item: (_partition(item.key), item.modified, item.key),
        default=None,
    )


def last_cursor(store: ObjectStore, extract: Extract, resource: Resource) -> Any:
    """Return the cursor's value that the newest object ends at, or None."""
    item = newest(store, extract, resource)
    head = store.head(LAYER, item.key) if item else None
    text = head.metadata.get("cursor") if head else None
    return json.loads(text) if text else None


def write(
    store: ObjectStore,
    extract: Extract,
    resource: Resource,
    rows: Iterable[dict[str, Any]],
    day: date,
) -> Written:
    """Store rows as an object of a date's partition, unless the newest object holds the same.

    Args:
        store: the lake.
        extract: the declared extract.
        resource: the resource whose rows these are.
        rows: all rows, or with a cursor those since the newest object.
        day: the date of the extraction, UTC.
    """
    kept = list(rows)
    body = json_lines(kept, resource.primary_key)
    name = hashlib.sha256(body).hexdigest()[:_NAME_DIGITS]
    last = newest(store, extract, resource)
    nothing_new = resource.cursor is not None and not kept
    if last is not None and (nothing_new or content_name(last.key) == name):
        head = store.head(LAYER, last.key)
        count = int(head.metadata.get("rows", 0)) if head else 0
        return Written(last.key, content_name(last.key), count, last.size, new=False)
    if nothing_new:
        return Written(None, "empty", 0, 0, new=False)
    metadata = {"rows": str(len(kept))}
    if resource.cursor is not None:
        metadata["cursor"] = json.dumps(max(row[resource.cursor] for row in kept))
    place = f"{folder(extract, resource)}date={day.isoformat()}/{name}"
    key, attempt = f"{place}.jsonl", 1
    # The name is taken only when rows came back, on one day, to what they were before.
    while not store.put_if_absent(LAYER, key, body, metadata):
        attempt += 1
        key = f"{place}-{attempt}.jsonl"
    return Written(key, name, len(kept), len(body), new=True)


def content_name(key: str) -> str:
    """Return the digits in an object's name that its content's SHA-256 begins with."""
    return key.rsplit("/", 1)[-1].removesuffix(".jsonl").split("-")[0]


def _partition(key: str) -> str:
    return next((part for part in key.split("/") if part.startswith("date=")), "")


def _line(row: dict[str, Any]) -> str:
    return json.dumps(row, sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=str)


def _sortable(value: Any) -> tuple[int, Any, str]:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return (0, value, "")
    return (1, 0, json.dumps(value, sort_keys=True, default=str))
