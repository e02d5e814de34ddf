"""One local server as a child of this very process, for tests and benchmarks of that server alone.

A whole project's servers, which outlive the process that starts them, are in ``servers``.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import TemporaryFile
from typing import IO

from dataplatform.local.ports import pick
from dataplatform.local.server import Server

_taken: set[int] = set()


def free_port(companion: int = 0) -> int:
    """Return a port that nobody listens on, and that no other test is given meanwhile.

    Args:
        companion: a distance at which a second port must be free too; 0 for none.
    """
    return pick(_taken, companion)


def inner_ports(kind: type[Server]) -> dict[str, int]:
    """Return the ports that a server needs besides the one that clients use, by name."""
    return {name: free_port(companion) for name, companion in kind.inner_ports_wanted().items()}


@contextmanager
def child(server: Server) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server until the block ends; give its process once it answers."""
    server.prepare()
    with TemporaryFile() as log:
        process = subprocess.Popen(
            server.command(),
            env=server.environment(),
            user=server.system_user(),
            group=server.system_user(),
            extra_groups=[] if server.system_user() else None,
            stdout=log,
            stderr=log,
            cwd="/",
        )
        try:
            deadline = time.monotonic() + server.patience
            while not server.is_ready():
                assert process.poll() is None, f"{server.name} ended: {_end_of(log)}"
                assert time.monotonic() < deadline, f"{server.name} did not start: {_end_of(log)}"
                time.sleep(0.1)
            server.after_start()
            yield process
        finally:
            process.send_signal(server.stop_signal)
            process.wait(30)


def _end_of(log: IO[bytes]) -> str:
    log.seek(0)
    return log.read().decode(errors="replace")[-2000:]
