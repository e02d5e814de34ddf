"""A published mart as a Parquet object: ``<mart>/data.parquet`` in the curated bucket.

The file is written locally while the warehouse is open and uploaded after it is closed, as one
whole object: readers see the old rows or the new ones.
"""

from __future__ import annotations

import hashlib
import tempfile
from dataclasses import dataclass
from pathlib import Path

from dataplatform.keys import PUBLISHED, Relation
from dataplatform.resources.object_store import ObjectStore
from dataplatform.resources.warehouse import Warehouse

LAYER = "curated"


@dataclass(frozen=True)
class Curated:
    """A Parquet object as it was written.

    Attributes:
        rows: rows in it.
        size: its bytes.
        sha256: the hash of its bytes, which is also its data version.
        uri: its address.
        new: whether its bytes differ from the object of before.
    """

    rows: int
    size: int
    sha256: str
    uri: str
    new: bool


def object_key(mart: str) -> str:
    """Return the name of a mart's object in the curated bucket."""
    return f"{mart}/data.parquet"


def write_mart(warehouse: Warehouse, store: ObjectStore, mart: str, version: str | None) -> Curated:
    """Write a published mart to the curated layer.

    Args:
        warehouse: holds the mart in its published schema.
        store: the lake.
        mart: the table's name.
        version: the mart's data version, kept beside the object.

    Raises:
        UserError: there is no such mart, or the object store cannot be reached.
    """
    key = object_key(mart)
    with tempfile.TemporaryDirectory(prefix="curated-") as folder:
        path = Path(folder) / "data.parquet"
        rows = warehouse.export_parquet(Relation(PUBLISHED, mart), path)
        with path.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        size = path.stat().st_size
        head = store.head(LAYER, key)
        new = head is None or head.metadata.get("sha256") != sha256
        if new or (head is not None and head.metadata.get("version") != (version or "")):
            metadata = {"sha256": sha256, "rows": str(rows), "version": version or ""}
            store.put_file(LAYER, key, path, metadata)
    return Curated(rows, size, sha256, store.uri(LAYER, key), new)


def is_current(store: ObjectStore, mart: str, version: str | None) -> bool:
    """Return whether the mart's object was written from this data version."""
    if version is None:
        return False
    head = store.head(LAYER, object_key(mart))
    return head is not None and head.metadata.get("version") == version
