"""What a contract says of rows set aside, as SQL: which are bad today, and what tells them apart.

Conditions and expressions only; nothing is read or changed here. The same key is written by
``macros/quarantine.sql`` when dbt sets rows aside.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from dataplatform.checks.contract_rules import checks_of, scan_checks
from dataplatform.checks.dialects import Dialect
from dataplatform.checks.masking import masked
from dataplatform.checks.predicates import pieces
from dataplatform.resources.warehouse.swap import Swap

if TYPE_CHECKING:
    from dataplatform.declarations.contract import Contract


class QuarantineRules:
    """The rules of one contract that set rows aside.

    Args:
        contract: of the table.
        swap: how the warehouse writes names.
        sql: its dialect.
    """

    def __init__(self, contract: Contract, swap: Swap, sql: Dialect) -> None:
        self._contract = contract
        self._checks = scan_checks(checks_of(contract))
        self._swap = swap
        self._sql = sql

    def bad(self) -> str:
        """Return the condition of rows that break one of the rules today."""
        found = [
            f"coalesce(({piece.predicate}), false)"
            for place, check in enumerate(self._checks)
            if check.on_failure == "quarantine"
            and (piece := pieces(check, place, self._sql)).predicate
        ]
        return " OR ".join(found) or "false"

    def key(self, columns: Sequence[str]) -> str:
        """Return the text that tells a row from others.

        Args:
            columns: those that the table and its quarantine share.
        """
        whole = "'row ' || " + self._original(columns)
        names = {column.lower(): column for column in columns}
        key = next((check.key for check in self._checks if check.key), ())
        parts = [self._swap.column(names[name.lower()]) for name in key if name.lower() in names]
        if not parts:
            return whole
        empty = " OR ".join(f"{part} IS NULL" for part in parts)
        text = " || ', ' || ".join(self._sql.text(part) for part in parts)
        return f"CASE WHEN {empty} THEN {whole} ELSE {text} END"

    def hidden(self) -> set[str]:
        """Return the columns whose values are shown to nobody, in small letters."""
        secret = {
            column.name.lower()
            for column in self._contract.columns
            if masked(column.classification)
        }
        keys = {name.lower() for check in self._checks for name in check.key}
        return secret | ({"_key"} if secret & keys else set())

    def _original(self, columns: Sequence[str]) -> str:
        parts = [
            f"coalesce({self._sql.text(self._swap.column(column))}, '~')"
            for column in columns
            if not column.startswith("_")
        ]
        joined = " || '|' || ".join(parts) or "'~'"
        return self._sql.digest(self._sql.text(joined))
