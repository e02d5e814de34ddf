"""A named range of a Google spreadsheet as a source: one table.

The range's first row names the columns, every row below is a row of the table, and its number is
its key. A sheet says nothing of what changed, so each sync reads the whole range and removes the
rows that are beyond its end. How the API is spoken is in ``google_sheets_api``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from dataplatform.local.fivetran.destination import Session
from dataplatform.local.fivetran.model import SYNCED, SetupTest, SyncFailure, Table, TableResult
from dataplatform.local.fivetran.naming import fivetran_name
from dataplatform.local.fivetran.services.base import Service
from dataplatform.local.fivetran.services.google_sheets_api import SheetsApi
from dataplatform.local.fivetran.services.rows import (
    Bad,
    Row,
    Value,
    bad,
    guessed,
    headings,
    seen,
)
from dataplatform.local.fivetran.services.staging import SHEET, Staging

#: What a cell shows whose formula fails.
_ERRORS = frozenset(
    ("#NULL!", "#DIV/0!", "#VALUE!", "#REF!", "#NAME?", "#NUM!", "#N/A", "#ERROR!", "Loading...")
)
# A sheet has no times of its own; its rows are all of one reading.
_ANY_TIME = "2000-01-01T00:00:00+00:00"


class GoogleSheetsService(Service):
    """One named range.

    Raises:
        SyncFailure: the settings hold no usable credentials.
    """

    def __init__(self, schema: str, config: dict[str, Any]) -> None:
        self.schema = schema
        self.table = str(config["table"])
        self.range = str(config["named_range"])
        self.api = SheetsApi(config)
        self._values: list[list[Any]] | None = None
        self._staged: dict[str, Staging] = {}

    def test(self) -> list[SetupTest]:
        titles = ("Finding the named range", "Reading the header")
        try:
            self.api.require_range(self.range)
        except SyncFailure as error:
            return [
                SetupTest(titles[0], "FAILED", str(error), broken=error.broken),
                SetupTest(titles[1], "SKIPPED"),
            ]
        try:
            self._rows()
        except SyncFailure as error:
            return [SetupTest(titles[0], "PASSED"), SetupTest(titles[1], "FAILED", str(error))]
        return [SetupTest(title, "PASSED") for title in titles]

    def _rows(self) -> tuple[list[str], list[list[Any]]]:
        """Return the columns' names and the rows below them."""
        if self._values is None:
            self.api.require_range(self.range)
            self._values = self.api.values(self.range)
        if not self._values or not any(cell not in ("", None) for cell in self._values[0]):
            raise SyncFailure(
                f"The named range {self.range!r} has nothing in its first row, which must name "
                "the columns.",
                code="header_missing",
            )
        width = max(len(row) for row in self._values)
        first = [_plain(cell) for cell in self._values[0]]
        return headings([*first, *[""] * (width - len(first))]), self._values[1:]

    def discover(self) -> list[Table]:
        with TemporaryDirectory() as folder:
            staging = self._stage(Path(folder), {}, frozenset())
            columns = staging.columns()
        target = fivetran_name(self.table)
        return [
            Table(
                self.schema, self.table, self.schema, target, columns,
                soft_delete=False, inferred=True,
            )
        ]  # fmt: skip

    def _stage(self, folder: Path, known: dict[str, list[str]], blocked: frozenset[str]) -> Staging:
        names, rows = self._rows()
        unwanted = blocked | {SYNCED}
        staging = Staging(folder, 0, (), known, unwanted, SHEET)
        # Columns of which every cell is empty are columns still.
        staging.expect(name for name in names if name not in unwanted)
        found = (
            _row(number, names, cells)
            for number, cells in enumerate(rows, start=1)
            if any(cell not in ("", None) for cell in cells)
        )
        staging.add_file(self.range, _ANY_TIME, found)
        staging.finish()
        return staging

    def extract(
        self, tables: Sequence[Table], cursors: dict[str, dict[str, Any]], scratch: Path
    ) -> None:
        for table in tables:
            known = cursors.get(table.label, {}).get("columns", {})
            blocked: frozenset[str] = table.details.get("blocked", frozenset())
            self._staged[table.label] = self._stage(scratch, known, blocked)

    def attach(self, session: Session) -> None:
        """Nothing: the rows lie in files already."""

    def load(
        self, session: Session, tables: Sequence[Table], resync: frozenset[str]
    ) -> Iterator[TableResult]:
        for described in tables:
            staging = self._staged[described.label]
            table = replace(described, columns=staging.columns())
            result = TableResult(table.target_schema, table.target)
            select = staging.select()
            if session.prepare(table, replace=described.label in resync):
                result.inserted, result.updated, _ = session.merge(table, select)
                result.deleted = session.delete_absent(table, select)
            else:
                result.inserted = session.load(table, select)
            result.quarantined = session.quarantine(table, staging.quarantined(), [self.range])
            session.remember(table, {"columns": staging.known()})
            yield result


def _row(number: int, names: list[str], cells: list[Any]) -> Row | Bad:
    values: dict[str, Value] = dict.fromkeys(names, (None, None))
    for name, cell in zip(names, cells, strict=False):
        if isinstance(cell, str) and cell in _ERRORS:
            reason = f"the cell of column {name!r} shows the error {cell}"
            return bad(number, reason, json.dumps(cells))
        try:
            values[name] = _cell(cell)
        except ValueError as error:
            return bad(number, error, json.dumps(cells))
    return Row(number, values)


def _cell(cell: Any) -> Value:
    """Return a cell as text and its type; what was written as text stays text, dates excepted."""
    if not isinstance(cell, str):
        return seen(cell)
    value, kind = seen(cell)
    if not value:
        return None, None
    return value, "DATE" if guessed(value)[1] == "DATE" else kind


def _plain(cell: Any) -> str:
    return cell if isinstance(cell, str) else "" if cell is None else json.dumps(cell)
