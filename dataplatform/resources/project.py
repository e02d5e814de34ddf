"""How a resource finds the project it serves.

Resources are rebuilt in every worker from plain settings, so they carry the project's folder and
read its declarations again there.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dataplatform.declarations.project import Project


@lru_cache(maxsize=8)
def declared_project(root: str) -> Project:
    """Return the project in a folder, read once per process."""
    from dataplatform.declarations.project import open_project

    return open_project(Path(root))
