"""A process that builds and publishes until it is killed: ``python -m … FILE``."""

from __future__ import annotations

import itertools
import sys
from pathlib import Path

from dataplatform.resources.warehouse.duckdb import DuckDBAdapter
from dataplatform.resources.warehouse.publication import Note
from dataplatform_tests.resources.publishing_worlds import build, group

if __name__ == "__main__":
    warehouse = DuckDBAdapter(lambda: Path(sys.argv[1]))
    served = warehouse.published.served().values()
    start = max((int(one.data_version.split()[1]) for one in served), default=0)
    for number in itertools.count(start + 1):
        print(number, flush=True)
        build(warehouse, number)
        warehouse.published.publish(group(number), Note("a run", run_id=str(number)))
