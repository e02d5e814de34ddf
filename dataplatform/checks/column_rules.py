"""Rules that a table's list of columns alone decides: declared types, names, order, number.

They need no rows, so they are settled before the scan; dbt's macro ``contract_scan`` judges the
same rules from the same arguments.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dataplatform.checks import families
from dataplatform.checks.spec import Check
from dataplatform.checks.verdicts import SAMPLE_LIMIT, Verdict

#: Metrics of such rules.
SETTLED = frozenset({"schema", "columns"})


def settle(check: Check, present: Mapping[str, str]) -> Verdict:
    """Judge a rule about columns.

    Args:
        check: a check whose metric is in ``SETTLED``.
        present: the table's columns in order, in lower case, and their types.
    """
    if check.metric == "schema":
        return _schema(check, present)
    wrong = _wrong(check.arguments, present)
    return _verdict(
        check,
        wrong,
        "; ".join(wrong) or _observed(check.arguments, present),
        len(present),
    )


def _verdict(check: Check, wrong: list[str], observed: Any, considered: int) -> Verdict:
    return Verdict(
        name=check.name,
        relation=check.relation,
        passed=not wrong,
        severity=check.severity,
        expected=check.expected,
        observed=observed,
        failing_count=len(wrong),
        row_count=considered,
        sample_keys=tuple(wrong[:SAMPLE_LIMIT]),
        sql="select column_name, data_type from information_schema.columns where table_schema = "
        f"'{check.relation.schema}' and table_name = '{check.relation.table}'",
    )


def _schema(check: Check, present: Mapping[str, str]) -> Verdict:
    """Compare a table's columns with the declared ones; extra columns are welcome."""
    declared: Mapping[str, str] = check.arguments["types"]
    wrong = []
    for name, kind in declared.items():
        physical = present.get(name.lower())
        if physical is None:
            wrong.append(f"{name} is missing")
        elif not families.keeps(kind, physical):
            wrong.append(f"{name} is {physical}, declared {kind}")
    observed = "; ".join(wrong) or f"{len(declared)} columns as declared"
    return _verdict(check, wrong, observed, len(declared))


def _wrong(arguments: Mapping[str, Any], present: Mapping[str, str]) -> list[str]:
    """Say what about the columns is not as promised."""
    if "names" not in arguments:
        low, high, count = arguments.get("least"), arguments.get("most"), len(present)
        kept = (low is None or count >= low) and (high is None or count <= high)
        return [] if kept else [f"{count} columns"]
    names = [name.lower() for name in arguments["names"]]
    columns = list(present)
    if arguments.get("ordered"):
        return [] if names == columns else [f"the order is {', '.join(columns)}"]
    wrong = [f"{name} is missing" for name in names if name not in present]
    if arguments.get("exact"):
        wrong += [f"{name} was not promised" for name in columns if name not in names]
    if not wrong and "place" in arguments and columns.index(names[0]) != arguments["place"]:
        wrong = [f"{names[0]} is at place {columns.index(names[0])}"]
    if not wrong and "kinds" in arguments:
        physical = present[names[0]]
        if families.same_name(physical) not in arguments["kinds"]:
            wrong = [f"{names[0]} is {physical}"]
    return wrong


def _observed(arguments: Mapping[str, Any], present: Mapping[str, str]) -> str:
    if "kinds" in arguments:
        return f"{arguments['names'][0]} is {present[arguments['names'][0].lower()]}"
    return f"{len(present)} columns"
