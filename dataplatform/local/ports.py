"""Ports on this machine's own address: a free one, and who has a taken one."""

from __future__ import annotations

import getpass
import random
import socket
import tempfile
import time
from pathlib import Path

HOST = "127.0.0.1"

# Below the range from which Linux and macOS take the ports of outgoing connections, so that a
# chosen port stays free until its server listens.
_FIRST, _LAST = 18_000, 32_000
# Longer than any server takes to listen.
_CLAIM_SECONDS = 120


def is_free(port: int) -> bool:
    """Tell whether a server could listen on the port now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True


def becomes_free(port: int, patience: float) -> bool:
    """Tell whether a server could listen on the port within ``patience`` seconds."""
    deadline = time.monotonic() + patience
    while not is_free(port):
        if time.monotonic() >= deadline:
            return False
        time.sleep(0.05)
    return True


def pick(taken: set[int], companion: int = 0) -> int:
    """Return a free port that is not in ``taken``, and add it there.

    Args:
        taken: ports that were given out already.
        companion: a distance at which a second port must be free too; 0 for none.
    """
    chance = random.SystemRandom()
    for _ in range(2_000):
        port = chance.randint(_FIRST, _LAST - companion)
        wanted = {port, port + companion}
        if wanted & taken or not all(is_free(each) for each in wanted):
            continue
        if all([_claimed(each) for each in wanted]):
            taken |= wanted
            return port
    raise OSError(f"No free port was found between {_FIRST} and {_LAST}.")


def _claimed(port: int) -> bool:
    """Claim a port among all projects of this user; tell whether nobody else just did.

    Between the choice of a port and its server's listening lie seconds, in which another project
    that starts would find it free.
    """
    folder = Path(tempfile.gettempdir()) / f"dataplatform-ports-{getpass.getuser()}"
    folder.mkdir(exist_ok=True)
    claim = folder / str(port)
    try:
        if time.time() - claim.stat().st_mtime < _CLAIM_SECONDS:
            return False
        claim.unlink()
    except FileNotFoundError:
        pass
    try:
        claim.touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


def holder(port: int) -> str:
    """Return the program that listens on a port, in words; needs no right to see it."""
    import psutil

    try:
        for connection in psutil.net_connections(kind="tcp"):
            if connection.status == psutil.CONN_LISTEN and connection.laddr.port == port:
                if connection.pid is None:
                    break
                return f"{psutil.Process(connection.pid).name()} (process {connection.pid})"
    except (psutil.AccessDenied, psutil.NoSuchProcess):
        pass
    return "a program of another user"
