"""The local stand-in for Snowflake, in a Python environment of its own.

fakesnow wants another DuckDB than the platform does. Its environment is made from a lock of its
own when a project first asks for the server. What the server is lies in ``snowflake_server``.
"""

from __future__ import annotations

import secrets
import subprocess
import sys
from pathlib import Path
from typing import Any

from dataplatform.declarations.errors import UserError
from dataplatform.local.ports import HOST
from dataplatform.local.server import Server

_CODE = Path(__file__).resolve().parents[2]
_PROGRAM = Path(__file__).with_name("snowflake_server.py")
LOCK = _CODE / "requirements-snowflake.lock"


def environment_folder(name: str) -> Path:
    """Return where a server's own Python environment lies: beside the platform's."""
    return Path(sys.prefix).parent / f".venv-{name}"


def make_environment(name: str, lock: Path) -> Path:
    """Make a Python environment from a lock where it is missing or old; return its Python.

    Args:
        name: of the server it is for.
        lock: the hashed requirements.

    Raises:
        UserError: the packages cannot be installed.
    """
    folder = environment_folder(name)
    python, mark = folder / "bin" / "python", folder / ".ready"
    wanted = lock.read_text(encoding="utf-8")
    if mark.exists() and mark.read_text(encoding="utf-8") == wanted:
        return python
    uv = Path(sys.executable).parent / "uv"
    install = [str(uv), "pip", "install", "--quiet", "--python", str(python), "--require-hashes"]
    for command in (
        [str(uv), "venv", "--quiet", "--clear", "--python", sys.executable, str(folder)],
        [*install, "-r", str(lock)],
    ):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            reason = " ".join(done.stderr.split())[-300:] or "uv said nothing"
            raise UserError(f"The environment {folder} could not be made: {reason}")
    mark.write_text(wanted, encoding="utf-8")
    return python


class Snowflake(Server):
    """A server that speaks Snowflake's protocol; its databases are files of the state folder."""

    @classmethod
    def make_credentials(cls) -> dict[str, str]:
        return {"user": "dataplatform", "password": secrets.token_urlsafe(24)}

    def prepare(self) -> None:
        super().prepare()
        make_environment("snowflake", LOCK)

    def command(self) -> list[str]:
        return [
            str(environment_folder("snowflake") / "bin" / "python"), "-P", str(_PROGRAM),
            "--state", str(self.directory), "--host", HOST, "--port", str(self.port),
        ]  # fmt: skip

    def record(self) -> dict[str, Any]:
        return {"host": HOST, "port": self.port, **self.credentials}
