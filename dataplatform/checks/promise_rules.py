"""Service levels of a contract as checks: how old the newest and the oldest row may be.

Both tell and gate nothing: a table that was not renewed is late, not wrong.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from dataplatform.checks.dialects import DIALECTS
from dataplatform.checks.spec import WARN, Check
from dataplatform.checks.threshold import Threshold

if TYPE_CHECKING:
    from dataplatform.declarations.contract import Contract


def promised(contract: Contract) -> Iterator[Check]:
    """Return ``freshness`` and ``retention``, where the contract names the column of a row's time.

    Args:
        contract: the contract.
    """
    aged = contract.promise("latency", "freshness", "frequency")
    if aged is not None and aged.column is not None:
        yield Check(
            name="freshness",
            relation=contract.relation,
            metric="age_hours",
            threshold=Threshold("le", aged.hours),
            columns=(aged.column,),
            severity=WARN,
            dimension="timeliness",
            description=f"The newest {aged.column} is no older than {aged.hours:g} hours.",
            file=contract.file,
            line=aged.line,
        )
    kept = contract.promise("retention")
    if kept is not None and kept.column is not None and kept.hours is not None:
        column = DIALECTS["duckdb"].identifier(kept.column)
        length = _length(kept.hours)
        hours = round(kept.hours)
        yield Check(
            name="retention",
            relation=contract.relation,
            metric="failing_rows",
            threshold=Threshold("eq", 0),
            columns=(kept.column,),
            arguments={
                "predicate": f"{column} < current_timestamp - interval '{hours}' hour",
                "words": f"rows whose {kept.column} is older than {length}",
                "good": f"{kept.column} at most {length} old",
            },
            severity=WARN,
            dimension="timeliness",
            description=f"No row's {kept.column} is older than {length}.",
            file=contract.file,
            line=kept.line,
        )


def _length(hours: float) -> str:
    years = hours / (24 * 365.25)
    if years >= 2 and years.is_integer():
        return f"{years:g} years"
    return f"{hours / 24:g} days" if hours >= 48 else f"{hours:g} hours"
