"""Whether a raw table has the columns that its connection declares.

Plain comparison of names and type families; who reports the result lives elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from dataplatform.resources.warehouse.types import accepts, family

# What every sync adds by itself; nobody declares these.
SYSTEM_COLUMNS = frozenset(
    {
        "_fivetran_synced",
        "_fivetran_deleted",
        "_fivetran_id",
        "_fivetran_start",
        "_fivetran_end",
        "_fivetran_active",
        "_file",
        "_line",
        "_modified",
    }
)


@dataclass(frozen=True)
class Drift:
    """Where the declared columns and those that arrived differ.

    Attributes:
        missing: declared columns that did not arrive.
        retyped: column to (declared family, arrived family).
        extra: arrived columns that nobody declared; no failure.
    """

    missing: tuple[str, ...]
    retyped: Mapping[str, tuple[str, str]]
    extra: tuple[str, ...]

    @property
    def broken(self) -> bool:
        """Whether a reader of the declaration would be misled."""
        return bool(self.missing or self.retyped)

    def sentence(self) -> str:
        """Return the differences in words."""
        parts = []
        if self.missing:
            parts.append(f"missing: {', '.join(self.missing)}")
        parts += [
            f"{name} is declared {declared} and arrived as {arrived}"
            for name, (declared, arrived) in self.retyped.items()
        ]
        if self.extra:
            parts.append(f"not declared: {', '.join(self.extra)}")
        return "; ".join(parts) or "all declared columns arrived with their types"


def compare(declared: Mapping[str, str], arrived: Mapping[str, str], dialect: str) -> Drift:
    """Compare declared columns with those of the table.

    Args:
        declared: column to type family.
        arrived: column to the warehouse's own type.
        dialect: the warehouse's dialect.
    """
    families = {name.lower(): family(dialect, native) for name, native in arrived.items()}
    missing = tuple(name for name in declared if name.lower() not in families)
    retyped = {
        name: (kind, families[name.lower()])
        for name, kind in declared.items()
        if name.lower() in families and not accepts(kind, families[name.lower()], dialect)
    }
    known = {name.lower() for name in declared} | SYSTEM_COLUMNS
    return Drift(missing, retyped, tuple(name for name in families if name not in known))
