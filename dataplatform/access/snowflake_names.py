"""Snowflake's names: how they are quoted in statements, and how its answers write them.

Names are folded to upper case, as the warehouse's adapter folds them. A mail address is a user's
name there in the same way.
"""

from __future__ import annotations

import re

from dataplatform.keys import PLATFORM, Relation
from dataplatform.snowflake_load import folded

_PART = re.compile(r'"((?:[^"]|"")*)"|([^".]+)')
CLASSIFICATION_TAG = "CLASSIFICATION"


def text(value: str) -> str:
    """Return a text literal; a backslash escapes in Snowflake's."""
    return "'" + value.replace("\\", "\\\\").replace("'", "''") + "'"


def path(database: str, *parts: str) -> str:
    """Return a quoted path that begins with the database."""
    return ".".join(folded(part) for part in (database, *parts))


def answered(name: str) -> tuple[str, ...]:
    """Return the parts of a name as an answer of Snowflake writes it.

    Args:
        name: such as ``ANALYTICS.MARTS."odd name"`` or ``ANALYTICS.MARTS.<TABLE>``.
    """
    return tuple(
        (quoted.replace('""', '"') if quoted else bare) for quoted, bare in _PART.findall(name)
    )


def table_path(database: str, relation: Relation) -> str:
    """Return the quoted path of a table."""
    return path(database, relation.schema, relation.table)


def tag_path(database: str) -> str:
    """Return the quoted path of the tag that holds a column's classification."""
    return path(database, PLATFORM, CLASSIFICATION_TAG)


def tag_name(database: str) -> str:
    """Return the same path as the functions of Snowflake want it: as text, folded."""
    return f"{database.upper()}.{PLATFORM.upper()}.{CLASSIFICATION_TAG}"
