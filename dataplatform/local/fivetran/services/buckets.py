"""What a bucket is to the service that reads its files: objects that can be listed and fetched.

One module per kind of bucket implements this; which objects are read, and how, is said in
``files``.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True)
class Object:
    """One object: its name, a mark of its content, and when it was last modified (ISO form)."""

    key: str
    etag: str
    modified: str

    @property
    def version(self) -> str:
        return f"{self.etag} {self.modified}"


class Bucket(Protocol):
    """One bucket of one server."""

    def listed(self, prefix: str) -> list[Object]:
        """Return all objects under a prefix, in any order.

        Raises:
            SyncFailure: the bucket does not exist or cannot be read.
        """

    def fetch(self, key: str, path: Path, first: int | None = None) -> bool:
        """Write an object's bytes, as they are stored, to a file; return whether it is there.

        Args:
            key: the object's name.
            path: the file.
            first: no more bytes than this are needed; None for all.

        Raises:
            SyncFailure: it cannot be read.
        """
