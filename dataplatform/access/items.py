"""Grants, policies and views as plain items, and the difference of two sets of them.

An item is known by its key, which the warehouse's own answer gives too. Where the items come from,
and who carries the statements out, is the business of the modules beside this one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Action = Literal["grant", "change", "revoke"]


@dataclass(frozen=True)
class Item:
    """One thing that a warehouse holds about access.

    Attributes:
        key: what it is, so that declared and found items are told apart.
        told: what it is in words, such as ``analyst reads marts.dim_customers``.
        body: what it says, where it can say different things; compared as it is.
        make: the statements that make it, or change it to this.
        unmake: the statements that take it away.
        order: items of a small number are made first and taken away last.
        protects: whether it hides something, rather than giving somebody something.
        table: the ``schema.table`` that it is about; empty for a schema, a role or an account.
    """

    key: tuple[str, ...]
    told: str
    body: str = ""
    make: tuple[Any, ...] = ()
    unmake: tuple[Any, ...] = ()
    order: int = 0
    protects: bool = False
    table: str = ""


@dataclass(frozen=True)
class Change:
    """One difference between what is declared and what the warehouse holds.

    Attributes:
        action: what applying does.
        item: the declared item; the found one, where it is to be revoked.
        statements: what is sent, in order.
    """

    action: Action
    item: Item
    statements: tuple[Any, ...] = ()

    def sentence(self) -> str:
        """Return the difference in words."""
        said = {"grant": "is missing", "change": "is not as declared", "revoke": "is not declared"}
        return f"{self.item.told}: {said[self.action]}"

    def as_json(self) -> dict[str, Any]:
        """Return the change for programs."""
        return {
            "action": self.action,
            "what": self.item.told,
            "table": self.item.table or None,
            "statements": list(self.statements),
        }


@dataclass(frozen=True)
class Holding:
    """What a warehouse holds about access.

    Attributes:
        items: by key; only what the platform would manage.
        notes: sentences on what else was found, and is left alone.
    """

    items: Mapping[tuple[str, ...], Item] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def holding(items: Iterable[Item], notes: Iterable[str] = ()) -> Holding:
    """Return items as a holding; the same item told twice counts once."""
    return Holding({item.key: item for item in items}, tuple(notes))


def differences(declared: Holding, found: Holding) -> list[Change]:
    """Return what must be done so that a warehouse holds what is declared, in order.

    What gives is taken away first and given last; what protects is made in between, and taken
    away at the very end. So no moment allows more than the moment before or after.

    Args:
        declared: what it should hold.
        found: what it holds.
    """
    gone = [item for key, item in found.items.items() if key not in declared.items]
    gone.sort(key=lambda item: (-item.order, item.key))
    changes = [Change("revoke", item, item.unmake) for item in gone if not item.protects]
    for item in sorted(declared.items.values(), key=lambda item: (item.order, item.key)):
        there = found.items.get(item.key)
        if there is None:
            changes.append(Change("grant", item, item.make))
        elif there.body != item.body:
            changes.append(Change("change", item, item.make))
    return changes + [Change("revoke", item, item.unmake) for item in gone if item.protects]
