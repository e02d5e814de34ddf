"""One local server as a child of this very process, for tests and benchmarks of that server alone.

A whole project's servers, which outlive the process that starts them, are in ``servers``.
"""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

from dataplatform.local.ports import HOST
from dataplatform.local.server import Server


def free_port() -> int:
    """Return a port that nobody listens on, with room for a companion 10,000 above."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port = int(probe.getsockname()[1])
    return port if port < 55_000 else free_port()


@contextmanager
def child(server: Server) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server until the block ends; give its process once it answers."""
    server.prepare()
    process = subprocess.Popen(
        server.command(),
        env=server.environment(),
        user=server.system_user(),
        group=server.system_user(),
        extra_groups=[] if server.system_user() else None,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd="/",
    )
    try:
        deadline = time.monotonic() + server.patience
        while not server.is_ready():
            assert process.poll() is None, f"{server.name} ended"
            assert time.monotonic() < deadline, f"{server.name} did not start"
            time.sleep(0.1)
        server.after_start()
        yield process
    finally:
        process.send_signal(server.stop_signal)
        process.wait(30)
