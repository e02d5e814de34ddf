"""Ports on this machine's own address: a free one, and who has a taken one."""

from __future__ import annotations

import random
import socket

HOST = "127.0.0.1"

# Below the range from which Linux and macOS take the ports of outgoing connections, so that a
# chosen port stays free until its server listens.
_FIRST, _LAST = 20_000, 30_000


def is_free(port: int) -> bool:
    """Tell whether a server could listen on the port now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True


def pick(taken: set[int]) -> int:
    """Return a free port that is not in ``taken``, and add it there."""
    chance = random.SystemRandom()
    for _ in range(2_000):
        port = chance.randint(_FIRST, _LAST)
        if port not in taken and is_free(port):
            taken.add(port)
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
