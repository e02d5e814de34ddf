"""Figures in dbt's log: they leave a contract's test in the line of its verdicts.

The line is written by the macro ``contract_scan``; its verdicts are read by ``verdicts``.
"""

from __future__ import annotations

import json
from typing import Any

from dataplatform.checks.measures import Measure, measured
from dataplatform.checks.verdicts import LOG_MARK, MEASURED
from dataplatform.keys import Relation


def parse_measured(text: str) -> dict[Relation, dict[tuple[str | None, str], Any]]:
    """Read the figures of one line of dbt's log, by table; most lines hold none.

    Args:
        text: the line, whose verdicts were read without an error.
    """
    _, mark, payload = text.partition(LOG_MARK)
    found: dict[Relation, dict[tuple[str | None, str], Any]] = {}
    for item in json.loads(payload.strip()) if mark else ():
        if MEASURED in item:
            schema, _, table = str(item[MEASURED]).partition(".")
            figures = item["figures"]
            measures = [Measure(name, column or None, "") for name, column, _ in figures]
            found[Relation(schema, table)] = measured(measures, [value for *_, value in figures])
    return found
