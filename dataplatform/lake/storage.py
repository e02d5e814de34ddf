"""What lies in the lake, and whether it can be trusted.

Listing and verifying only; writing is the business of whoever owns a layer.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from dataplatform.declarations.errors import UserError
from dataplatform.keys import PUBLISHED, Relation
from dataplatform.resources.object_store import ObjectStore, StoredObject
from dataplatform.resources.warehouse import Warehouse

LAYERS = ("raw", "staging", "curated")


@dataclass(frozen=True)
class Finding:
    """What was found about one object.

    Attributes:
        uri: the object's address.
        good: whether it is what it should be.
        text: what was found, in words.
    """

    uri: str
    good: bool
    text: str


def list_objects(store: ObjectStore, layer: str | None, prefix: str) -> Iterator[StoredObject]:
    """Yield the objects of a layer, or of all layers, by name.

    Args:
        store: the lake.
        layer: ``raw``, ``staging`` or ``curated``; None for all.
        prefix: only names that begin with it.
    """
    for name in [layer] if layer else LAYERS:
        yield from store.list(name, prefix)


def verify(store: ObjectStore, warehouse: Warehouse, marts: list[str]) -> Iterator[Finding]:
    """Check every raw object against its name and every curated one against its mart.

    Args:
        store: the lake.
        warehouse: holds the published marts.
        marts: the marts that are published.
    """
    for item in store.list("raw"):
        if item.key.endswith(".jsonl"):
            yield _raw(store, item)
    facts = warehouse.facts(Relation(PUBLISHED, mart) for mart in marts)
    counts = {relation.table: found.row_count for relation, found in facts.items()}
    seen = set()
    for item in store.list("curated"):
        if item.key.endswith(".parquet"):
            mart = item.key.split("/")[0]
            seen.add(mart)
            yield _curated(store, item, counts.get(mart))
    for mart in marts:
        if mart not in seen and mart in counts:
            yield Finding(store.uri("curated", mart), False, "missing: the mart is published")


def _raw(store: ObjectStore, item: StoredObject) -> Finding:
    uri = store.uri(item.layer, item.key)
    promised = item.key.rsplit("/", 1)[-1].removesuffix(".jsonl").split("-")[0]
    found = store.sha256(item.layer, item.key)
    if found.startswith(promised):
        return Finding(uri, True, "its content is what its name says")
    return Finding(uri, False, f"its content has the hash {found[:16]}, not the one in its name")


def _curated(store: ObjectStore, item: StoredObject, expected: int | None) -> Finding:
    from pyarrow import ArrowException, parquet

    uri = store.uri(item.layer, item.key)
    with tempfile.TemporaryDirectory(prefix="verify-") as folder:
        path = Path(folder) / "data.parquet"
        store.download(item.layer, item.key, path)
        try:
            # Reading every page finds damage that the footer alone does not show.
            rows = sum(batch.num_rows for batch in parquet.ParquetFile(path).iter_batches())
        except (ArrowException, OSError) as error:
            return Finding(uri, False, f"cannot be read: {str(error).splitlines()[0]}")
    if expected is None:
        return Finding(uri, True, f"{rows:,} rows; no published mart has its name")
    if rows != expected:
        return Finding(uri, False, f"{rows:,} rows, and its mart has {expected:,}")
    return Finding(uri, True, f"{rows:,} rows, as its mart")


def layer_of_text(text: str | None) -> str | None:
    """Return a layer that a user typed.

    Raises:
        UserError: there is no such layer.
    """
    if text is None or text in LAYERS:
        return text
    from dataplatform.declarations.errors import nearest

    raise UserError(f"{text!r} is not a layer: {', '.join(LAYERS)}.{nearest(text, LAYERS)}")
