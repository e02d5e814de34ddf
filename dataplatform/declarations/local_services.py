"""What ``${local:server.field}`` references are read from: the record of the local servers.

The supervisor in ``local`` writes the record; starting a server is not done here.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from dataplatform.declarations.errors import UserError, nearest

SERVERS_DOWN = "The local servers are not running: start them with `make start`."


def local_field(state: Path, server: str, field: str) -> str:
    """Return what is recorded of a running local server.

    Args:
        state: the project's state folder.
        server: its name, such as ``postgres``.
        field: what is asked for, such as ``port``.

    Raises:
        UserError: the server does not run, or nothing is recorded under that name.
    """
    servers = read_services(state)
    if server not in servers:
        raise UserError(SERVERS_DOWN)
    entry = servers[server]
    # After a crash, or a restart of the machine, the record outlives its servers.
    if not is_alive(entry.get("pid")):
        raise UserError(f"The local server {server!r} has ended: start it with `make start`.")
    if field not in entry:
        raise UserError(f"The local server {server!r} has no {field!r}.{nearest(field, entry)}")
    return str(entry[field])


def read_services(state: Path) -> dict[str, dict[str, Any]]:
    """Return what the supervisor wrote down of the local servers.

    Raises:
        UserError: they are not running, or the record cannot be read.
    """
    try:
        found = json.loads((state / "services.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(SERVERS_DOWN) from None
    except (OSError, ValueError):
        raise UserError(f"{state / 'services.json'} cannot be read: run `make restart`.") from None
    return found if isinstance(found, dict) else {}


def is_alive(pid: object) -> bool:
    """Say whether a recorded process still runs; what has no process of its own is taken to."""
    if not isinstance(pid, int):
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
