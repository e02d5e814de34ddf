"""How processes share the tests: named alike, and long files first, so that they end together.

Fixtures live in the rooms.
"""

from __future__ import annotations

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put whole companies first, then whatever starts servers, then the quick tests."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: ("end_to_end" not in item.path.parts, item.path not in slow))


def pytest_make_parametrize_id(val: object) -> str | None:
    """Name bytes by their number: archives hold the time of day, and would differ by process."""
    return f"{len(val)}-bytes" if isinstance(val, bytes) else None
