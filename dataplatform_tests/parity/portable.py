"""The cases of the portable macros, run on one engine."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest
from ruamel.yaml import YAML

from dataplatform.checks.dialects import DIALECTS
from dataplatform_tests.parity.portable_cases import AGGREGATES, CASES, ELEMENTS, TIME, Case
from dataplatform_tests.parity.rendering import renderer
from dataplatform_tests.servers import REPOSITORY

VARIABLES = YAML(typ="safe").load(REPOSITORY / "dbt_project" / "dbt_project.yml")["vars"]


class Engine:
    """Runs Jinja of the project's macros on one engine."""

    def __init__(self, name: str, execute: Callable[[str], list[tuple[Any, ...]]]) -> None:
        self.name = name
        adapter = "duckdb" if name == "ducklake" else name
        self.dialect = DIALECTS[adapter]
        self.render = renderer(adapter, VARIABLES)
        self.execute = execute

    def inputs(self, case: Case, rows: list[tuple[Any, ...]]) -> str:
        """Return a query of numbered rows of typed values."""
        names = ("n", *case.names)
        kinds = ("bigint", *case.kinds)
        listed = [
            ", ".join(
                f"{self._literal(value, kind)} as {name}"
                for name, kind, value in zip(names, kinds, row, strict=True)
            )
            for row in rows
        ]
        return " union all ".join(f"select {one}" for one in listed)

    def _literal(self, value: Any, kind: str) -> str:
        given = value
        if isinstance(value, datetime) and kind != TIME:
            given = value.isoformat(sep=" ")
        elif value is not None and not isinstance(value, str):
            given = str(value)
        native = self.render(f"{{{{ portable_type('{kind}') }}}}")
        if self.name == "bigquery":
            native = native.split("(")[0]
        return f"cast({self.dialect.literal(given)} as {native})"

    def values(self, case: Case) -> list[Any]:
        """Return what comes out of the rows of a case."""
        rows = [(n, *row[:-1]) for n, row in enumerate(case.rows)]
        made = self.render(f"{{{{ {case.expression} }}}}")
        return self._asked(case, rows, f"select n, {made} as y from inputs order by n")

    def aggregates(self, case: Case) -> list[Any]:
        """Return what comes out of the groups of a case."""
        rows = [(n, one) for n, (group, _) in enumerate(case.rows) for one in group]
        made = self.render(f"{{{{ {case.expression} }}}}")
        return self._asked(case, rows, f"select n, {made} as y from inputs group by n order by n")

    def elements(self, case: Case) -> list[Any]:
        """Return the texts of the elements of each row's array, sorted."""
        rows = [(n, one) for n, (one, _) in enumerate(case.rows)]
        query = self.render(
            "select n, {{ json_value('item.value', 'k') }} as y from "
            "(select n, {{ try_json('x') }} as doc from inputs) as docs "
            f"{{{{ {case.expression} }}}} order by n, y"
        )
        found = self._rows(case, rows, query)
        return [[text for n, text in found if n == each] for each in range(len(rows))]

    def _asked(self, case: Case, rows: list[tuple[Any, ...]], query: str) -> list[Any]:
        return [row[1] for row in self._rows(case, rows, query)]

    def _rows(self, case: Case, rows: list[tuple[Any, ...]], query: str) -> list[tuple[Any, ...]]:
        return self.execute(f"with inputs as ({self.inputs(case, rows)}) {query}")


def mistakes(engine: Engine) -> list[str]:
    """Return every case that gives something else than it must."""
    found = []
    kinds = (
        (CASES, engine.values),
        (AGGREGATES, engine.aggregates),
        (ELEMENTS, engine.elements),
    )
    for cases, ask in kinds:
        for case in cases:
            try:
                values = ask(case)
            except Exception as error:
                found.append(f"{case.expression}: {str(error)[:300]}")
                continue
            for row, value in zip(case.rows, values, strict=True):
                if not _is(value, row[-1]):
                    found.append(f"{case.expression} of {row[:-1]}: {value!r}, not {row[-1]!r}")
    return found


def _is(value: Any, expected: Any) -> bool:
    if isinstance(expected, bool) or value is None or expected is None:
        return value is expected
    if isinstance(expected, float):
        return isinstance(value, float) and value == pytest.approx(expected, rel=1e-12)
    if isinstance(expected, int | Decimal):
        return isinstance(value, int | Decimal) and value == expected
    return type(value) is type(expected) and value == expected
