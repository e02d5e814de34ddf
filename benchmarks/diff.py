"""How long a comparison of two large tables takes, beside one scan of both.

``python -m benchmarks.diff [--rows N]``: two DuckDB files hold a table of ten columns each; in one
of them a few rows are changed, added and removed. The scan reads every value of both, as a hash of
each row. Reported besides: most rows changed in one column, and a table without a key.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.targets import Targets

ROWS = 10_000_000
_RUNS = 3
_TABLE = """
create table facts.orders as select
    i as order_id, i % 100003 as customer_id, 'status ' || (i % 7) as status,
    timestamp '2024-01-01' + to_seconds(i % 31536000) as ordered_at, md5(i::varchar) as reference,
    ((i * 7919) % 100000 / 100)::decimal(10, 2) as amount, i * 1.5 as score, i % 2 = 0 as paid,
    date '2024-01-01' + (i % 365)::integer as day, 'note number ' || (i % 5000) as note
from range({rows}) t(i)
"""
_FEW = (
    "update facts.orders set amount = amount + 1 where order_id % 10007 = 5",
    "delete from facts.orders where order_id % 1000003 = 7",
    """insert into facts.orders select * replace (-order_id - 1 as order_id)
    from facts.orders where order_id % 1000003 = 8""",
)
_MANY = ("update facts.orders set status = 'new' where order_id % 10 <> 3",)


def main() -> int:
    """Measure, print, and tell by the exit code whether the target was met."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=ROWS)
    rows = parser.parse_args().rows
    targets = Targets("diff")
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / f"{name}.duckdb" for name in ("there", "here")]
        for file in files:
            _tell(file, "create schema facts", _TABLE.format(rows=rows))
        _tell(files[1], *_FEW)
        scan = min(sum(map(_scan, files)) for _ in range(_RUNS))
        few = _compared(files, ("order_id",))
        keyless = _compared(files, ())
        _tell(files[1], *_MANY)
        many = _compared(files, ("order_id",))
    targets.reported("scan_of_both_seconds", scan)
    targets.at_most("few_rows_differ_vs_scan", few / scan, 3.0)
    targets.reported("most_rows_differ_vs_scan", many / scan)
    targets.reported("without_a_key_vs_scan", keyless / scan)
    return targets.code


def _tell(file: Path, *statements: str) -> None:
    import duckdb

    with duckdb.connect(str(file)) as connection:
        for statement in statements:
            connection.execute(statement)


def _scan(file: Path) -> float:
    import duckdb

    with duckdb.connect(str(file), read_only=True) as connection:
        began = time.perf_counter()
        connection.execute("select count(*), bit_xor(hash(t)) from facts.orders t").fetchall()
        return time.perf_counter() - began


def _compared(files: list[Path], key: tuple[str, ...]) -> float:
    """Return the seconds that the comparison took, the best of some runs."""
    from dataplatform.diff.found import DIFFERENT
    from dataplatform.diff.places import beside
    from dataplatform.diff.sides import Side
    from dataplatform.diff.tables import Wanted, compare_tables
    from dataplatform.keys import Relation
    from dataplatform.resources.warehouse.duckdb import DuckDBAdapter

    there, here = (Side(file.stem, DuckDBAdapter(lambda file=file: file)) for file in files)  # type: ignore[misc]
    wanted = Wanted(Relation("facts", "orders"), key)
    taken = []
    for _ in range(_RUNS):
        began = time.perf_counter()
        with beside(here, there, wanted.relations) as both:
            found: list[Any] = compare_tables(both, [wanted], gone=False)
        taken.append(time.perf_counter() - began)
        assert found[0].state == DIFFERENT and found[0].rows.samples
    return min(taken)


if __name__ == "__main__":
    sys.exit(main())
