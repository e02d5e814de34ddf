"""Great Expectations expectations as checks.

What the neutral specification can say is translated, with GX's own meaning: only values that are
not null count, ``mostly`` is a share of those, bounds are included unless strict, and
``row_condition`` limits the rows. Every other expectation stays with the engine ``gx``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from dataplatform.checks.gx_arguments import mostly
from dataplatform.checks.gx_catalogue import check_arguments
from dataplatform.checks.gx_columns import translate_column
from dataplatform.checks.gx_conditions import row_condition
from dataplatform.checks.gx_neutral import Translated
from dataplatform.checks.gx_records import translate_records
from dataplatform.checks.gx_tables import translate_table
from dataplatform.checks.gx_values import translate_values

#: What GX may fill in at run time, or parse itself.
_FILLED_IN = ("min_value", "max_value", "value", "regex", "threshold", "sum_total", "value_set")


def translate(kind: str, kwargs: Mapping[str, Any]) -> Translated | None:
    """Translate an expectation, or return None when only GX itself can evaluate it.

    Args:
        kind: the expectation's type, such as ``expect_column_values_to_not_be_null``.
        kwargs: its arguments.

    Raises:
        ValueError: an argument is missing, unknown or wrong.
    """
    check_arguments(kind, kwargs)
    if any(isinstance(kwargs.get(name), Mapping) for name in _FILLED_IN):
        return None
    mostly(kwargs)
    condition = kwargs.get("row_condition")
    if condition is not None:
        condition = row_condition(condition)
        if condition is None:
            return None
    found = (
        translate_table(kind, kwargs)
        or translate_values(kind, kwargs)
        or translate_column(kind, kwargs)
        or translate_records(kind, kwargs)
    )
    return None if found is None else replace(found, filter=condition)
