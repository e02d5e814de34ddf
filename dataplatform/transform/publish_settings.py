"""How many versions of a published table are kept: its contract's word, or the usual number.

Plain Python. A contract says it of its table as the custom property ``publishedVersions``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dataplatform.resources.warehouse.publication import KEPT

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from dataplatform.declarations.contract import Contract
    from dataplatform.keys import Relation

PROPERTY = "publishedVersions"
_MOST = 100


def kept_versions(contracts: Iterable[Contract]) -> dict[Relation, int]:
    """Return how many versions are kept of each published table whose contract says so.

    Raises:
        DeclarationError: the number is not one, or not between 1 and 100.
    """
    found: dict[Relation, int] = {}
    for contract in contracts:
        for loc, holder in (
            ((), contract.document.data),
            (("schema", contract.index), contract.table),
        ):
            for place, one in enumerate(holder.get("customProperties") or []):
                if one.get("property") == PROPERTY:
                    where = (*loc, "customProperties", place, "value")
                    found[contract.published] = _number(contract, where, one.get("value"))
    return found


def keep_of(kept: Mapping[Relation, int], target: Relation) -> int:
    """Return how many versions are kept of a published table."""
    return kept.get(target, KEPT)


def _number(contract: Contract, loc: tuple[str | int, ...], value: object) -> int:
    try:
        number = int(str(value))
    except ValueError:
        number = 0
    if not 1 <= number <= _MOST:
        said = f"{PROPERTY} is how many published versions are kept, from 1 to {_MOST}"
        raise contract.document.error(loc, f"{said}; {value!r} is not.")
    return number
