"""What protects a table while it is published: its tags and row policy, on the copy first.

Snowflake shows readers a clone of that copy, and a clone keeps both; so no moment shows more than
the access file allows. Elsewhere readers are protected by views that stay.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from dataplatform.access.rights import Rights, rights_of
from dataplatform.access.snowflake_rows import protection
from dataplatform.keys import Relation
from dataplatform.resources.warehouse.publication import Protect, unprotected

if TYPE_CHECKING:
    from dataplatform.declarations.project import Project


def protector(project: Project) -> Callable[[Relation], Protect]:
    """Return what says, for each published table, how a copy of it is protected.

    Nothing is read or resolved until a table is published.

    Args:
        project: its access file and its warehouse.
    """
    declared = project.environment.warehouse
    if declared.type != "snowflake" or project.access.file is None:
        return lambda target: unprotected
    database = declared.database

    @lru_cache(maxsize=1)
    def rights() -> Rights:
        return rights_of(project)

    def of(target: Relation) -> Protect:
        def protect(copy: Relation, columns: Mapping[str, str]) -> Sequence[str]:
            resolved = project.environment.resolve(database)
            return protection(rights(), resolved, target, copy, columns)

        return protect

    return of
