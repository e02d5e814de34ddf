"""What protects a table while it is published: the engine's word, on the copy first.

Readers are shown that copy, or a clone of it that keeps what protects it; so no moment shows more
than the access file allows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from dataplatform.access.opening import open_engine
from dataplatform.access.rights import Rights, rights_of
from dataplatform.resources.warehouse.publication import Protect, unprotected

if TYPE_CHECKING:
    from dataplatform.access.engines import Engine
    from dataplatform.declarations.project import Project
    from dataplatform.keys import Relation


def protector(project: Project) -> Callable[[Relation], Protect]:
    """Return what says, for each published table, how a copy of it is protected.

    Nothing is read or resolved until a table is published.

    Args:
        project: its access file and its warehouse.
    """
    if project.access.file is None:
        return lambda target: unprotected

    @lru_cache(maxsize=1)
    def opened() -> tuple[Engine, Rights]:
        return open_engine(project), rights_of(project)

    def of(target: Relation) -> Protect:
        def protect(copy: Relation, columns: Mapping[str, str]) -> Sequence[str]:
            engine, rights = opened()
            return engine.protection(rights, target, copy, columns)

        return protect

    return of
