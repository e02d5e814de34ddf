"""The ten rules of the many-checks benchmark by those who also judge rules, and by hand.

Each peer judges the same tables, with everything imported before the clock starts.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.scan_peers import Spent, run_dbt_tests, run_peer

RULES = 10
_HAND = """\
select count(*), count(*) filter (where id is null), count(*) - count(distinct id),
  count(*) filter (where name is null), count(*) filter (where length(name) > 40),
  count(*) filter (where length(name) < 1),
  count(*) filter (where not regexp_matches(name, '^name')),
  count(*) filter (where amount < 0), count(*) filter (where amount is null) * 100.0 / count(*)
from raw_shop.{table}"""
_GX = """
import sys, time, duckdb
import great_expectations as gx
import great_expectations.expectations as gxe
context = gx.get_context(mode="ephemeral")
context.enable_analytics(False)
context.variables.progress_bars = {"globally": False}
connection = duckdb.connect(sys.argv[1], read_only=True)
source = context.data_sources.add_pandas("pandas")
judged, begun = 0, time.perf_counter()
for table in sys.argv[2].split(","):
    frame = connection.execute(f"select * from raw_shop.{table}").df()
    whole = source.add_dataframe_asset(table).add_batch_definition_whole_dataframe("whole")
    batch = whole.get_batch(batch_parameters={"dataframe": frame})
    result = batch.validate(gx.ExpectationSuite(name=table, expectations=[
        gxe.ExpectTableColumnsToMatchSet(column_set=["id", "name", "amount"]),
        gxe.ExpectTableRowCountToBeBetween(min_value=1),
        gxe.ExpectColumnValuesToNotBeNull(column="id"),
        gxe.ExpectColumnValuesToBeUnique(column="id"),
        gxe.ExpectColumnValuesToNotBeNull(column="name"),
        gxe.ExpectColumnValueLengthsToBeBetween(column="name", max_value=40),
        gxe.ExpectColumnValueLengthsToBeBetween(column="name", min_value=1),
        gxe.ExpectColumnValuesToMatchRegex(column="name", regex="^name"),
        gxe.ExpectColumnValuesToBeBetween(column="amount", min_value=0),
        gxe.ExpectColumnValuesToNotBeNull(column="amount", mostly=0.5),
    ]))
    assert result.success, result
    judged += len(result.results)
seconds = time.perf_counter() - begun
assert judged == 10 * len(sys.argv[2].split(",")), judged
"""
_SINGULAR = {
    "columns": "select 1 from (select count(*) as n from information_schema.columns where "
    "table_schema = 'raw_shop' and table_name = '{name}' and column_name in "
    "('id', 'name', 'amount')) where n <> 3",
    "rows": "select 1 from (select count(*) as n from {t}) where n < 1",
    "short": "select 1 from {t} where length(name) > 40",
    "filled": "select 1 from {t} where length(name) < 1",
    "form": "select 1 from {t} where not regexp_matches(name, '^name')",
    "range": "select 1 from {t} where amount < 0",
    "share": "select 1 from (select avg((amount is null)::int) as a from {t}) where a >= 0.5",
}
_SOURCE = """
      - name: {name}
        columns:
          - {{name: id, data_tests: [not_null, unique]}}
          - {{name: name, data_tests: [not_null]}}
"""


def by_hand(session: Any, tables: Sequence[str]) -> float:
    """Return the seconds of one hand-written statement for each table."""
    begun = time.perf_counter()
    for table in tables:
        row = session.execute(_HAND.format(table=table))[0]
        assert row[0] > 0 and not any(row[1:]), row
    return time.perf_counter() - begun


def gx_on_pandas(path: Path, tables: Sequence[str]) -> Spent:
    """Return what Great Expectations takes as it is shipped, reading the tables included."""
    return run_peer(_GX, str(path), ",".join(tables))


def dbt_tests(path: Path, folder: Path, tables: Sequence[str]) -> Spent:
    """Return what ``dbt test`` takes with everything imported and parsed."""
    listed = "".join(_SOURCE.format(name=name) for name in tables)
    files = {"models/sources.yml": f"version: 2\nsources:\n  - name: raw_shop\n    tables:{listed}"}
    for table in tables:
        reference = f"{{{{ source('raw_shop', '{table}') }}}}"
        for name, text in _SINGULAR.items():
            files[f"tests/{table}_{name}.sql"] = text.format(t=reference, name=table)
    return run_dbt_tests(path, folder / "many_peer", files, RULES * len(tables))
