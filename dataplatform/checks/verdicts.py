"""What a check found, and how a finding travels.

A verdict is the same whether a scan, Great Expectations or a dbt test reached it. It travels as
JSON: in dbt's log as one line that opens with ``LOG_MARK``, in Dagster as metadata.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from decimal import Decimal
from typing import Any

from dataplatform.keys import Relation

LOG_MARK = "dataplatform-verdicts "
#: In a line of verdicts, the key of the item that holds a table's figures instead.
MEASURED = "measured"
SAMPLE_LIMIT = 20


@dataclass(frozen=True)
class Verdict:
    """The finding of one check.

    Attributes:
        name: the check's name.
        relation: the table that was looked at.
        passed: whether the promise was kept; an error is never a pass.
        observed: the value found, in the unit of the rule.
        failing_count: rows that break the rule, where the rule is about rows.
        row_count: rows looked at.
        sample_keys: up to 20 keys of failing rows.
        sql: a statement that shows the failing rows, or the value, again.
        error: why the rule could not be evaluated, or None.
        rows: which rows were looked at, in words; empty for the whole table.
        page: the file of its page in the Data Docs, where Great Expectations judged.
        set_aside: failing rows that were moved to the table's quarantine.
    """

    name: str
    relation: Relation
    passed: bool
    severity: str = "ERROR"
    expected: str = ""
    observed: Any = None
    failing_count: int | None = None
    row_count: int | None = None
    sample_keys: tuple[str, ...] = ()
    sql: str = ""
    error: str | None = None
    rows: str = ""
    page: str | None = None
    set_aside: int | None = None

    @property
    def share(self) -> float | None:
        """Failing rows as a share of the rows looked at, between 0 and 1."""
        if self.failing_count is None or not self.row_count:
            return None
        return self.failing_count / self.row_count

    @property
    def blocks(self) -> bool:
        """Whether what is downstream must not be built."""
        return not self.passed and self.severity == "ERROR"

    def with_samples(self, keys: Iterable[str]) -> Verdict:
        """Return the verdict with the keys of failing rows."""
        return replace(self, sample_keys=tuple(keys)[:SAMPLE_LIMIT])

    def to_json(self) -> dict[str, Any]:
        """Return the verdict as JSON's own types."""
        data = asdict(self)
        data["relation"] = str(self.relation)
        data["sample_keys"] = list(self.sample_keys)
        data["observed"] = plain(self.observed)
        return data

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Verdict:
        """Read a verdict back.

        Raises:
            ValueError: the data is not a verdict.
        """
        try:
            schema, _, table = str(data["relation"]).partition(".")
            return cls(
                name=str(data["name"]),
                relation=Relation(schema, table),
                passed=bool(data["passed"]),
                severity=str(data.get("severity") or "ERROR"),
                expected=str(data.get("expected") or ""),
                observed=plain(data.get("observed")),
                failing_count=_count(data.get("failing_count")),
                row_count=_count(data.get("row_count")),
                sample_keys=tuple(str(key) for key in data.get("sample_keys") or ()),
                sql=str(data.get("sql") or ""),
                error=data.get("error"),
                rows=str(data.get("rows") or ""),
                page=data.get("page"),
                set_aside=_count(data.get("set_aside")),
            )
        except (KeyError, TypeError) as error:
            raise ValueError(f"Not a verdict: {data!r}") from error


def plain(value: Any) -> Any:
    """Return a value as JSON's own type: numbers stay numbers, the rest becomes text."""
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, float):
        return int(value) if value.is_integer() and abs(value) < 2**53 else value
    if isinstance(value, str):
        return _number(value)
    return str(value)


def _number(text: str) -> Any:
    """dbt hands numbers over as text: read those back, and leave other text alone."""
    try:
        if text.strip() != text or not text or text[0] not in "-0123456789.":
            return text
        return plain(Decimal(text)) if "_" not in text else text
    except ArithmeticError:
        return text


def _count(value: Any) -> int | None:
    return None if value in (None, "") else int(Decimal(str(value)))


def dump_line(verdicts: Iterable[Verdict]) -> str:
    """Return the verdicts as one log line."""
    return LOG_MARK + json.dumps([verdict.to_json() for verdict in verdicts], ensure_ascii=False)


def parse_log_line(text: str) -> list[Verdict]:
    """Read the verdicts of one line of dbt's log; any other line gives an empty list.

    Raises:
        ValueError: the line opens like verdicts but does not hold them.
    """
    _, mark, payload = text.partition(LOG_MARK)
    if not mark:
        return []
    try:
        items = json.loads(payload.strip())
        return [Verdict.from_json(item) for item in items if MEASURED not in item]
    except json.JSONDecodeError as error:
        raise ValueError(f"The verdicts in dbt's log cannot be read: {error}") from error
