"""What every local server has in common, and the ones that are Python programs of ours.

A `Server` knows its command, its environment, how to tell that it answers, and what to record of
it. It starts nothing itself: that is the supervisor's work.
"""

from __future__ import annotations

import http.client
import os
import secrets
import signal
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from dataplatform.local.ports import HOST

_CODE = Path(__file__).resolve().parents[2]


@dataclass
class Server:
    """One server of one state folder.

    Attributes:
        name: as in the environment file's ``local`` section.
        directory: where it keeps its data.
        port: where it listens.
        credentials: what was generated for it, kept across restarts.
        inner_ports: ports it needs besides, by name, kept across restarts.
        buckets: for the object store, what must exist in it.
        databases: for PostgreSQL, what must exist in it besides the demo company's own.
    """

    name: str
    directory: Path
    port: int
    credentials: dict[str, str] = field(default_factory=dict, repr=False)
    inner_ports: dict[str, int] = field(default_factory=dict)
    buckets: tuple[str, ...] = ()
    databases: tuple[str, ...] = ()

    #: How the server is asked to end.
    stop_signal = signal.SIGTERM
    #: Seconds until it must answer.
    patience = 60.0

    @classmethod
    def make_credentials(cls) -> dict[str, str]:
        """Generate what lets a client in; called once per state folder."""
        return {}

    @classmethod
    def inner_ports_wanted(cls) -> dict[str, int]:
        """Name the ports needed besides the one that clients use.

        Each with the distance at which a second port must be free, or 0.
        """
        return {}

    def system_user(self) -> str | None:
        """Return the system user to run as; None for one's own."""
        return None

    def prepare(self) -> None:
        """Make the server's folder ready; does nothing the second time."""
        self.directory.mkdir(parents=True, exist_ok=True)

    def command(self) -> list[str]:
        """Return the program and its arguments, without any secret."""
        raise NotImplementedError

    def environment(self) -> dict[str, str]:
        """Return the server's whole environment, secrets included."""
        return {
            "PATH": os.defpath,
            "HOME": str(self.directory),
            "LANG": "C.UTF-8",
            "TZ": "UTC",
        }

    def is_ready(self) -> bool:
        """Tell whether the server answers as itself; never raises for a server that is down."""
        return http_status(self.port, "/health") == 200

    def after_start(self) -> None:
        """Do once what needs the server up, such as making a database; safe to repeat."""

    def contents(self) -> dict[str, list[str]]:
        """Return what is made in the server when it is up, by kind: more can be added later."""
        return {}

    def record(self) -> dict[str, Any]:
        """Return the server's entry in services.json, without process number and contents."""
        return {"url": f"http://{HOST}:{self.port}", **self.credentials}


def http_status(port: int, path: str, timeout: float = 2.0) -> int | None:
    """Return the status a local HTTP server answers with; None when it does not answer."""
    connection = http.client.HTTPConnection(HOST, port, timeout=timeout)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


class PythonServer(Server):
    """A server that is a module of this package; it gets its secrets by environment variables."""

    module: ClassVar[str] = ""
    variables: ClassVar[dict[str, str]] = {}

    def command(self) -> list[str]:
        return [
            sys.executable, "-m", self.module,
            "--state", str(self.directory), "--host", HOST, "--port", str(self.port),
        ]  # fmt: skip

    def environment(self) -> dict[str, str]:
        named = {variable: self.credentials[key] for key, variable in self.variables.items()}
        return {**super().environment(), "PYTHONPATH": str(_CODE), "PYTHONUNBUFFERED": "1", **named}


class Crm(PythonServer):
    """The demo company's CRM."""

    module = "dataplatform.local.sources.crm"
    variables: ClassVar[dict[str, str]] = {
        "client_id": "CRM_CLIENT_ID",
        "client_secret": "CRM_CLIENT_SECRET",
        "username": "CRM_USERNAME",
        "password": "CRM_PASSWORD",
    }

    @classmethod
    def make_credentials(cls) -> dict[str, str]:
        return {
            "client_id": "dataplatform",
            "client_secret": secrets.token_urlsafe(24),
            "username": "sync@demo.example",
            "password": secrets.token_urlsafe(24),
        }


class Community(PythonServer):
    """The demo company's community site, open to everybody."""

    module = "dataplatform.local.sources.community"


class Fivetran(PythonServer):
    """The Fivetran-compatible service."""

    module = "dataplatform.local.fivetran"
    variables: ClassVar[dict[str, str]] = {
        "api_key": "FIVETRAN_API_KEY",
        "api_secret": "FIVETRAN_API_SECRET",
    }

    @classmethod
    def make_credentials(cls) -> dict[str, str]:
        return {"api_key": secrets.token_urlsafe(12), "api_secret": secrets.token_urlsafe(24)}


class Webhooks(PythonServer):
    """The receiver of what the Fivetran-compatible service tells; the same as in production."""

    module = "dataplatform.ingestion.webhooks"
    variables: ClassVar[dict[str, str]] = {"secret": "FIVETRAN_WEBHOOK_SECRET"}

    @classmethod
    def make_credentials(cls) -> dict[str, str]:
        return {"secret": secrets.token_urlsafe(32)}
