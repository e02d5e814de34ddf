"""Making a database file once, whichever of several processes comes first.

Only the lock around the making lives here; what is made is the caller's business.
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def creating(path: Path) -> Iterator[bool]:
    """Yield whether the file at a path still has to be made, with all other makers waiting.

    A file counts as made only once its maker has finished, so a process that was killed while
    making leaves work that the next one does again.

    Args:
        path: the file to be made; its folder is made if it is missing.
    """
    done = path.with_suffix(".made")
    if done.exists() and path.exists():
        yield False
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_suffix(".making").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        missing = not (done.exists() and path.exists())
        yield missing
        if missing:
            done.touch()
