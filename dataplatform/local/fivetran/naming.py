"""How source names become destination names.

The rule itself is one function, shared with the declarations; here it is applied to whole lists,
where two names may fall together or run into a column that the service adds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from dataplatform.declarations.naming import fivetran_name
from dataplatform.local.fivetran.model import RESERVED


def destination_names(sources: Iterable[str], reserved: Iterable[str] = ()) -> Mapping[str, str]:
    """Return the destination name of every source name, each different from all others.

    Args:
        sources: source names, in the source's order; the first of two that collide keeps the name.
        reserved: names that the service itself adds.
    """
    taken = set(reserved)
    names: dict[str, str] = {}
    for source in sources:
        base = name = fivetran_name(source)
        number = 0
        while name in taken:
            number += 1
            name = f"{base}_{number}"
        taken.add(name)
        names[source] = name
    return names


def column_names(sources: Iterable[str]) -> Mapping[str, str]:
    """Return destination names of a table's columns, clear of the columns the service adds."""
    return destination_names(sources, RESERVED)


def prefixed_schemas(prefix: str, schemas: Iterable[str]) -> Mapping[str, str]:
    """Return the destination schema of each of a database's schemas, by the prefix rule."""
    return {source: f"{prefix}_{name}" for source, name in destination_names(schemas).items()}
