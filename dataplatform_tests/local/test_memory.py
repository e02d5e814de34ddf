"""The history streams: ten times the rows take no more memory."""

from __future__ import annotations

import subprocess
import sys

import pytest

from dataplatform_tests.servers import REPOSITORY

# Prints the peak of the process in megabytes, and how many orders were made. The kernel's own
# accounting of a process would begin with the memory of the one that started it.
_GENERATE = """
import re, sys
from pathlib import Path
from dataplatform.local.sources.columns import to_csv
from dataplatform.local.sources.production_store import generate
from dataplatform.local.sources.sizes import Sizes
orders = 0
for name, rows in generate(Sizes(1, float(sys.argv[1]))):
    to_csv(rows)
    orders += rows.num_rows if name == "orders" else 0
peak = re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())
print(int(peak[1]) // 1024, orders)
"""


def _peak(scale: float) -> tuple[int, int]:
    done = subprocess.run(
        [sys.executable, "-c", _GENERATE, str(scale)],
        cwd=REPOSITORY, capture_output=True, text=True, check=True,
    )  # fmt: skip
    peak, orders = done.stdout.split()
    return int(peak), int(orders)


@pytest.mark.slow
def test_memory_does_not_grow_with_the_demo() -> None:
    small, few = _peak(0.5)
    large, many = _peak(3)
    assert (few, many) == (50_000, 300_000)
    assert large < small * 1.3 + 20


@pytest.mark.prove
def test_ten_million_orders_are_generated_in_bounded_memory() -> None:
    peak, orders = _peak(100)
    assert orders == 10_000_000
    assert peak < 300
