"""Imports beside a run: what later steps need is loaded while earlier ones wait for servers.

Only a process that does a run by itself gains from it; workers that ``worker.py`` forks have
everything imported already.
"""

from __future__ import annotations

import importlib
import threading
from collections.abc import Iterable


class Preload:
    """Imports modules one after another in a thread of its own."""

    def __init__(self, modules: Iterable[str]) -> None:
        """Begin at once.

        Args:
            modules: in the order in which they will be needed.
        """
        self._done = {name: threading.Event() for name in modules}
        if self._done:
            threading.Thread(target=self._load, name="preload", daemon=True).start()

    def wait(self, module: str) -> None:
        """Wait until a module is imported, or failed to be; one that was not asked for is no wait.

        Two threads must not import parts of one package at once, so whoever is about to import a
        module waits here first. What is wrong with it shows when he imports it.
        """
        done = self._done.get(module)
        if done is not None:
            done.wait()

    def _load(self) -> None:
        for name, done in self._done.items():
            try:
                importlib.import_module(name)
            except BaseException:
                pass
            finally:
                done.set()
