"""Whether what the warm process has loaded still is what lies on disk.

It watches the platform's code and the project's declared files, by their times; it loads nothing.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

_ENDINGS = (".py", ".yml", ".yaml", ".sql", ".csv", ".md", ".json")
_SKIPPED = {"target", "logs", "dbt_packages", "__pycache__", "node_modules"}


def _folders() -> list[Path]:
    folders = [Path(__file__).parent.parent]
    try:
        from dataplatform.declarations.project import open_project

        project = open_project()
        folders += [project.root / "config", project.root / "dbt_project"]
    except Exception:
        # A project that cannot be opened is reported by whoever loads it.
        folders += [Path.cwd() / "config", Path.cwd() / "dbt_project"]
    return folders


def _own_modules() -> list[str]:
    """Return the files of modules that belong to no installed package, nor to Python itself."""
    files = (getattr(module, "__file__", None) for module in list(sys.modules.values()))
    return [
        f for f in files if f and "site-packages" not in f and not f.startswith(sys.base_prefix)
    ]


class Watch:
    """The times of all watched files, as they were when the loading began."""

    def __init__(self) -> None:
        self._started = time.time_ns()
        self._folders: list[Path] = []
        self._modules: list[str] = []
        self._seen: dict[str, int] = {}
        self._late = False

    def start(self) -> None:
        """Remember the files as they are; one changed since construction counts as changed."""
        self._folders = _folders()
        self._modules = _own_modules()
        self._seen = self._now()
        now = time.time_ns()
        self._late = any(self._started < moment <= now for moment in self._seen.values())

    def changed(self) -> bool:
        """Return whether a file was added, removed or changed since the loading."""
        return self._late or self._now() != self._seen

    def settle(self, seconds: float = 0.3) -> None:
        """Wait until the files rest: an editor or a checkout writes many, one after another."""
        last = self._now()
        while True:
            time.sleep(seconds)
            now = self._now()
            if now == last:
                return
            last = now

    def _now(self) -> dict[str, int]:
        seen: dict[str, int] = {}
        for folder in self._folders:
            for root, folders, files in os.walk(folder):
                folders[:] = [f for f in folders if f not in _SKIPPED and not f.startswith(".")]
                for file in files:
                    if file.endswith(_ENDINGS):
                        _look(Path(root, file), seen)
        # Modules of the user's own, outside these folders, such as a test's definitions.
        for module in self._modules:
            _look(Path(module), seen)
        return seen


def _look(file: Path, seen: dict[str, int]) -> None:
    try:
        seen[str(file)] = file.stat().st_mtime_ns
    except OSError:
        # Gone between the listing and the look: its absence is the change.
        return
