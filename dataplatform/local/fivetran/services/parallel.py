"""Several tables of one connection extracted at once.

For sources where waiting for answers takes longest. Each table goes to files of its own, so memory
stays that of a few pages; loading them is one transaction of one writer, as ever.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait

from dataplatform.local.fivetran.model import Table

AT_ONCE = 4


def extract_each(tables: Sequence[Table], extract: Callable[[int, Table], None]) -> None:
    """Extract every table, a few at a time; of the first failure on, no other is begun.

    Args:
        tables: what is to be extracted.
        extract: does it for one table, given its number; it runs in a thread.

    Raises:
        Exception: what the first table that failed, in the order given, has raised.
    """
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="extract") as pool:
        tasks = [pool.submit(extract, number, table) for number, table in enumerate(tables)]
        _, pending = wait(tasks, return_when=FIRST_EXCEPTION)
        for task in pending:
            task.cancel()
    for task in tasks:
        if not task.cancelled():
            task.result()
