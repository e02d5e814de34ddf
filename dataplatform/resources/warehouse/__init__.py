"""The warehouse, whichever it is: one interface and one adapter file for each.

What differs between warehouses lives in an adapter here. What is asked of a warehouse (models,
checks, exports) lives with those who ask.
"""

from dataplatform.resources.warehouse.interface import (
    Session,
    TableFacts,
    Warehouse,
    qualified,
    quoted,
)
from dataplatform.resources.warehouse.opening import open_warehouse

__all__ = [
    "Session",
    "TableFacts",
    "Warehouse",
    "open_warehouse",
    "qualified",
    "quoted",
]
