"""The file ``.env`` in a project's folder: what a shell would export, read and written.

Whether a value of the process goes before it is the business of ``environment``.
"""

from __future__ import annotations

import contextlib
import os
import re
from pathlib import Path

from dataplatform.declarations.errors import UserError

FILE = ".env"
_LINE = re.compile(r"\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*?)\s*")


def read_dot_env(root: Path) -> dict[str, str]:
    """Read ``NAME=value`` lines; a comment, an empty line or an empty value is passed over."""
    try:
        text = (root / FILE).read_text(encoding="utf-8")
    except OSError:
        return {}
    found = {}
    for line in text.splitlines():
        match = _LINE.fullmatch(line)
        if match and match[2]:
            value = match[2]
            quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "\"'"
            found[match[1]] = value[1:-1] if quoted else value
    return found


def line_in_dot_env(root: Path, name: str) -> int | None:
    """Return the line, from 1, whose value of a name is taken."""
    try:
        lines = (root / FILE).read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    taken = None
    for number, line in enumerate(lines, start=1):
        match = _LINE.fullmatch(line)
        if match and match[1] == name and match[2]:
            taken = number
    return taken


def write_dot_env(root: Path, name: str, value: str) -> Path:
    """Set one name in ``.env``, which is made where it is missing; every other byte is kept.

    Args:
        root: the project's folder.
        name: the variable.
        value: plain letters, digits, dots and dashes.

    Returns:
        The file, where it really lies.

    Raises:
        UserError: the file cannot be written.
    """
    file = (root / FILE).resolve()
    try:
        content = file.read_bytes() if file.exists() else b""
        written = _with(content, name.encode(), value.encode())
        if written == content:
            return file
        draft = file.with_name(f"{file.name}.{os.getpid()}")
        # Others may not read the draft either: the file may hold secrets.
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as handle:
            handle.write(written)
        if file.exists():
            draft.chmod(file.stat().st_mode & 0o7777)
        draft.replace(file)
    except OSError as error:
        with contextlib.suppress(OSError, UnboundLocalError):
            draft.unlink()
        raise UserError(f"{file} cannot be written: {error.strerror}.") from None
    return file


def _with(content: bytes, name: bytes, value: bytes) -> bytes:
    pattern = rb"(?m)^([ \t]*(?:export[ \t]+)?" + re.escape(name) + rb"[ \t]*=[ \t]*)([^\r\n]*?)"
    found = list(re.finditer(pattern + rb"(?=[ \t]*\r?$)", content))
    if not found:
        end = b"\r\n" if b"\r\n" in content else b"\n"
        gap = end if content and not content.endswith(b"\n") else b""
        return content + gap + name + b"=" + value + end
    # The last that says something is the one that counts.
    last = next((one for one in reversed(found) if one[2]), found[-1])
    return content[: last.start(2)] + value + content[last.end(2) :]
