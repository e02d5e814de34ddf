"""Python's collector of garbage, kept from looking where there is nothing to find.

The collector looks through everything that is alive again and again while thousands of objects
are made; where nearly all of them stay, it finds nothing and takes a third of the time.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

#: Collections are this seldom in a command; by default a tenth of a run's time goes into them.
_SELDOM = (50_000, 20, 20)


@contextmanager
def collector_paused() -> Iterator[None]:
    """Collect no garbage inside the block; where the collector was off before, it stays off."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def collect_seldom() -> None:
    """Look for garbage seldom: imports and parsed files are many objects and hardly any of it."""
    gc.set_threshold(*_SELDOM)


def keep_for_good(*, only_alive: bool = False) -> None:
    """Leave everything that exists now out of every later collection.

    Args:
        only_alive: collect what is garbage first, where the memory is to be shared with forks.
    """
    if only_alive:
        gc.collect()
    gc.freeze()
