"""Another environment's tables in a place beside it: cloned, or shown by views; both named in full.

For warehouses in which one statement can name two places and a clone costs nothing. Which place is
which is said by those who make one.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from dataplatform.declarations.errors import UserError
from dataplatform.environments.remembered import ITS_OWN, KEPT_TABLES, serve
from dataplatform.keys import PLATFORM, SNAPSHOTS, Relation
from dataplatform.resources.warehouse import Session, Warehouse
from dataplatform.resources.warehouse.interface import DEFERRED_COMMENT
from dataplatform.resources.warehouse.publication import VERSIONS, Served, version_relation
from dataplatform.resources.warehouse.swap import Swap

_TABLE = "BASE TABLE"


@dataclass(frozen=True)
class Found:
    """What a base holds.

    Attributes:
        kinds: ``VIEW`` or ``BASE TABLE`` of each relation.
        served: the versions of marts that its readers see.
    """

    kinds: Mapping[Relation, str]
    served: Collection[Served]

    @property
    def shown(self) -> list[Relation]:
        """The relations of the company: not the platform's own, nor what is kept or set aside."""
        return sorted(one for one in self.kinds if one.schema not in ITS_OWN)


def found_in(
    name: str, base: Warehouse, kinds: Callable[[Session], Mapping[Relation, str]]
) -> Found:
    """Return what a base holds.

    Args:
        name: the environment's.
        base: its warehouse.
        kinds: lists its relations.

    Raises:
        UserError: it holds no table of the company.
    """
    with base.session("what an environment begins with") as session:
        listed = dict(kinds(session))
    served = base.published.served().values()
    found = Found(listed, [one for one in served if one.present])
    if not found.shown:
        raise UserError(f"{name} has no tables yet: `make run` first.")
    return found


def statements(
    found: Found,
    how: str,
    swap: Swap,
    here: Callable[[Relation], str],
    there: Callable[[Relation], str],
    told: str,
) -> tuple[list[str], list[str]]:
    """Return the statements that make tables and, after them, those that make views.

    Their schemas are there already.

    Args:
        found: what the base holds.
        how: ``clone`` copies its tables, ``defer`` shows them by views.
        swap: how the warehouse writes SQL.
        here: gives the full name of a relation that is made.
        there: the full name of the base's.
        told: what a view's statement says between its name and ``AS``.
    """
    tables, views = [], []
    versions = {version_relation(one.target, one.version) for one in found.served}
    for relation, kind in sorted(found.kinds.items()):
        if how == "clone":
            copied = kind == _TABLE
        elif relation.schema in ITS_OWN:
            # Versions that are served, and what monitors remember.
            copied = kind == _TABLE and (relation in versions or _remembered(relation))
            if not copied:
                continue
        else:
            # To a snapshot rows are added, so it must be a table.
            copied = kind == _TABLE and relation.schema == SNAPSHOTS
        if copied:
            tables.append(f"CREATE TABLE {here(relation)} CLONE {there(relation)}")
        else:
            shown = f"SELECT * FROM {there(relation)}"
            views.append(f"CREATE VIEW {here(relation)} {told} AS {shown}")
    return tables, views


def schemas(found: Found, how: str) -> list[str]:
    """Return the schemas that are made first: the base's, so that dbt and publishing find them."""
    wanted = {one.schema for one in found.kinds if how == "clone" or one.schema not in ITS_OWN}
    return sorted(wanted | {VERSIONS, PLATFORM})


def serve_again(made: Warehouse, found: Found) -> None:
    """Write down in a new place which version of each mart is served, as in the base."""
    with made.session("what is served") as session:
        serve(session, made.swap, found.served)


def comment_of(swap: Swap) -> str:
    """Return the text that tells a view which only shows another place's table, as a literal."""
    return swap.literal(DEFERRED_COMMENT)


def _remembered(relation: Relation) -> bool:
    return relation.schema == PLATFORM and relation.table not in KEPT_TABLES
