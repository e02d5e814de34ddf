"""Ports on this machine's own address: a free one, and who has a taken one."""

from __future__ import annotations

import random
import socket
import time

HOST = "127.0.0.1"

# Below the range from which Linux and macOS take the ports of outgoing connections, so that a
# chosen port stays free until its server listens.
_FIRST, _LAST = 18_000, 32_000


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
        if not wanted & taken and all(is_free(each) for each in wanted):
            taken |= wanted
            return port
    raise OSError(f"No free port was found between {_FIRST} and {_LAST}.")


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
