"""Live progress of a run, from Dagster's events: what runs, what is done, rows and seconds.

On a terminal a line at the bottom shows what runs; everywhere a line is printed for what is done.
"""

from __future__ import annotations

import time
from collections import Counter
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from dagster import DagsterEvent
    from rich.console import Console

_MOVED = ("inserted", "updated", "deleted")


class Progress:
    """Shows events as they come and counts what the closing tables need.

    Attributes:
        made: tables that were materialised, by asset path (schema, table).
        rows_synced: rows inserted, updated and deleted by syncs.
        seconds: of each step that ended, by step key.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._running: dict[str, float] = {}
        self._status = console.status("Starting the run …")
        self.made: dict[tuple[str, ...], int | None] = {}
        self.rows_synced: Counter[str] = Counter()
        self.seconds: dict[str, float] = {}
        self._checks: Counter[str] = Counter()

    def __enter__(self) -> Self:
        self._status.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self._status.stop()

    def take(self, event: DagsterEvent) -> None:
        """Show one event of the run."""
        kind = event.event_type_value
        step = event.step_key or ""
        if kind == "STEP_START":
            self._running[step] = time.monotonic()
        elif kind == "ASSET_MATERIALIZATION":
            self._materialised(event)
        elif kind == "ASSET_CHECK_EVALUATION":
            self._checked(event)
        elif kind in {"STEP_SUCCESS", "STEP_FAILURE", "STEP_SKIPPED"}:
            self._ended(step, kind)
        else:
            return
        running = ", ".join(self._running) or "…"
        checks = sum(self._checks.values())
        self._status.update(f"{running} · {len(self.made)} tables, {checks} checks")

    def _materialised(self, event: DagsterEvent) -> None:
        found: Any = event.step_materialization_data.materialization
        rows = _number(found.metadata.get("dagster/row_count"))
        path = tuple(found.asset_key.path)
        if event.partition is not None and rows is None:
            # A table that is rebuilt by day is told of once, not for every day.
            self.made.setdefault(path, None)
            return
        self.made[path] = rows
        moved = {
            name: _number(found.metadata.get(f"dataplatform/rows_{name}")) or 0 for name in _MOVED
        }
        known = "dataplatform/rows_inserted" in found.metadata
        self.rows_synced.update(moved)
        if known and not any(moved.values()):
            self._line("dim", "·", ".".join(path), _rows(rows), "unchanged")
            return
        note = ", ".join(f"{count:,} {name}" for name, count in moved.items() if count)
        self._line("green", "✓", ".".join(path), _rows(rows), note)

    def _checked(self, event: DagsterEvent) -> None:
        found = event.asset_check_evaluation_data
        error = found.severity.value == "ERROR"
        status = "passed" if found.passed else "failed" if error else "warned"
        self._checks[status] += 1
        if status == "failed":
            name = f"{'.'.join(found.asset_key.path)} {found.check_name}"
            self._line("red", "✗", name, "", found.description or "failed")

    def _ended(self, step: str, kind: str) -> None:
        seconds = time.monotonic() - self._running.pop(step, time.monotonic())
        self.seconds[step] = seconds
        colour, mark, note = {
            "STEP_SUCCESS": ("dim", "─", "done"),
            "STEP_FAILURE": ("red", "✗", "failed"),
            "STEP_SKIPPED": ("yellow", "─", "left out"),
        }[kind]
        self._line(colour, mark, step, "", f"{note}, {seconds:.1f} s")

    def _line(self, colour: str, mark: str, name: str, rows: str, note: str) -> None:
        self._console.print(f"[{colour}]{mark}[/] {name:<42} {rows:>14}  [dim]{note}[/]")


def _rows(rows: int | None) -> str:
    return "" if rows is None else f"{rows:,} rows"


def _number(value: Any) -> int | None:
    found = getattr(value, "value", value)
    return int(found) if isinstance(found, int | float) else None
