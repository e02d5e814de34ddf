"""How processes share the tests: named alike, and long files first, so that they end together.

Fixtures live in the rooms, but for one that keeps tests of one process apart.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

#: What a command of ours may set for the libraries of its process.
_CHOICES = ("DATAPLATFORM_ENV", "DATAPLATFORM_PROJECT")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put whole companies first, then whatever starts servers, then the quick tests."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: ("end_to_end" not in item.path.parts, item.path not in slow))


def pytest_make_parametrize_id(val: object) -> str | None:
    """Name bytes by their number: archives hold the time of day, and would differ by process."""
    return f"{len(val)}-bytes" if isinstance(val, bytes) else None


@pytest.fixture(autouse=True)
def choices_as_found() -> Iterator[None]:
    """Leave to the next test of this process the environment and project that this one found."""
    found = {name: os.environ.get(name) for name in _CHOICES}
    yield
    for name, value in found.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
