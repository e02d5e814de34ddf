"""What a folder of many declared files said when it was last read, kept beside the project.

A file's content is found by the digest of its text, so an edited file is read anew and nothing
here can be out of date. Only where reading takes long: a small folder is read each time, and a
project that cannot be written to is as well.
"""

from __future__ import annotations

import hashlib
import marshal
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dataplatform.declarations import yaml_fast
from dataplatform.declarations.yaml_fast import Place, read_plain

#: A folder of fewer files is read in less time than anybody notices.
MANY = 100

_held: dict[bytes, Any] | None = None


def read_known(text: str) -> tuple[dict[str, Any], Place] | None:
    """Return what ``read_plain`` returns, from what is kept inside ``remembered``."""
    if _held is None:
        return read_plain(text)
    digest = hashlib.sha256(text.encode()).digest()
    if digest not in _held:
        _held[digest] = read_plain(text)
    return _held[digest]  # type: ignore[no-any-return]


@contextmanager
def remembered(folder: Path, files: int) -> Iterator[None]:
    """Keep what is read inside the block, and begin with what was kept the last time.

    Args:
        folder: where it is kept.
        files: how many files are read; nothing is kept of fewer than ``MANY``.
    """
    global _held
    if files < MANY:
        yield
        return
    path = folder / f"declarations.{sys.implementation.cache_tag}"
    form = _form()
    before = _load(path, form)
    _held = dict(before)
    try:
        yield
        if len(_held) != len(before):
            # Files that are gone are forgotten once there are as many again.
            kept = _held if len(_held) <= 2 * files else dict(list(_held.items())[-files:])
            _save(path, (form, kept))
    finally:
        _held = None


def _form() -> str:
    """What another version of the reader must not be answered by."""
    return hashlib.sha256(Path(yaml_fast.__file__).read_bytes()).hexdigest()


def _load(path: Path, form: str) -> dict[bytes, Any]:
    try:
        held = marshal.loads(path.read_bytes())
        return held[1] if held[0] == form else {}
    except (OSError, EOFError, ValueError, TypeError, LookupError):
        return {}


def _save(path: Path, held: tuple[str, dict[bytes, Any]]) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent)
        with os.fdopen(handle, "wb") as file:
            file.write(marshal.dumps(held))
        Path(name).replace(path)
    except OSError:
        return
