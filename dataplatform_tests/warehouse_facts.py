"""What tests ask of one table alone."""

from __future__ import annotations

from dataplatform.keys import Relation
from dataplatform.resources.warehouse.interface import Warehouse


def fingerprint(warehouse: Warehouse, relation: Relation) -> str:
    """Return a text that changes whenever the relation's rows or columns change."""
    return warehouse.facts([relation])[relation].fingerprint
