"""The real warehouse behind a copy: what a sync does there, and what its settings must hold.

How one warehouse is reached, loaded and merged into is said by those who inherit.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, ClassVar

from dataplatform.local.fivetran.model import SetupTest, SyncFailure


def require(config: Mapping[str, Any], names: Iterable[str], kind: str) -> None:
    """Refuse a destination's settings that lack something.

    Args:
        config: the settings.
        names: those that must have a value.
        kind: of destination, in words.

    Raises:
        SyncFailure: a setting is missing.
    """
    wanted = list(names)
    missing = [name for name in wanted if not config.get(name)]
    if missing:
        raise SyncFailure(
            f"The destination has no {missing[0]!r}: {kind} needs {', '.join(wanted)}.",
            code="destination_incomplete",
        )


class Target(ABC):
    """A warehouse that many rows are sent to as one Parquet file.

    Args:
        config: the destination's settings.

    Raises:
        SyncFailure: a setting is missing.
    """

    #: The warehouse's name, and the settings without which it cannot be reached.
    name: ClassVar[str]
    needed: ClassVar[tuple[str, ...]]

    def __init__(self, config: Mapping[str, Any]) -> None:
        require(config, (*self.needed, "mirror"), self.name)
        self._config = config

    @abstractmethod
    def connected(self) -> AbstractContextManager[Any]:
        """Open a conversation with the warehouse, by its own client."""

    @abstractmethod
    def ask(self, client: Any, sql: str) -> list[tuple[Any, ...]]:
        """Run one statement in a conversation and return its rows."""

    @abstractmethod
    def replace(self, schema: str, table: str, file: Path) -> None:
        """Make a table of a file's rows, its columns by the file's."""

    @abstractmethod
    def merge(self, schema: str, table: str, file: Path, key: Sequence[str]) -> None:
        """Replace rows by their key, and add those that are new."""

    @abstractmethod
    def count(self, schema: str, table: str) -> int | None:
        """Return a table's rows, or None where it does not exist."""

    def test(self) -> list[SetupTest]:
        """Try the connection."""
        title = f"Connect to {self.name}"
        try:
            with self.connected() as client:
                self.ask(client, "select 1")
        except Exception as error:
            return [SetupTest(title, "FAILED", " ".join(str(error).split()))]
        return [SetupTest(title, "PASSED")]
