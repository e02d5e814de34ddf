"""What lies inside a file: its plain bytes, or the members of an archive, one after another.

Compression is told by declaration, by the file's name or by its first bytes (a server may send
compressed what is named plainly). Nothing is written to disk under a name from an archive.
"""

from __future__ import annotations

import bz2
import gzip
import io
import re
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

#: What reading a damaged file raises.
BROKEN = (
    EOFError,
    OSError,
    zlib.error,
    zipfile.BadZipFile,
    tarfile.TarError,
    # An encrypted member of a zip file, or one compressed in an unusual way.
    RuntimeError,
    NotImplementedError,
)
_SUFFIXES = {
    ".tar.gz": "tar_gz",
    ".tgz": "tar_gz",
    ".tar.bz2": "tar_bz2",
    ".tbz2": "tar_bz2",
    ".tar.zst": "tar_zstd",
    ".tar": "tar",
    ".zip": "zip",
    ".gz": "gzip",
    ".gzip": "gzip",
    ".bz2": "bz2",
    ".zst": "zstd",
    ".zstd": "zstd",
}
_FIRST_BYTES = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd"}
_ARCHIVES = ("zip", "tar")


def plain_name(name: str) -> str:
    """Return a file's name without the ending that tells its compression."""
    suffix = _suffix(name)
    return name[: len(name) - len(suffix)] if suffix else name


def is_archive(name: str, declared: str | None) -> bool:
    """Tell whether a file has members."""
    return _compression(name, declared, b"").startswith(_ARCHIVES)


def _suffix(name: str) -> str | None:
    return next((s for s in _SUFFIXES if name.lower().endswith(s)), None)


def _compression(name: str, declared: str | None, start: bytes) -> str:
    if declared not in (None, "infer"):
        return {"gz": "gzip"}.get(str(declared), str(declared))
    suffix = _suffix(name)
    if suffix:
        return _SUFFIXES[suffix]
    return next(
        (kind for mark, kind in _FIRST_BYTES.items() if start.startswith(mark)), "uncompressed"
    )


def contents(
    path: Path, name: str, declared: str | None, pattern: str | None
) -> Iterator[tuple[str, IO[bytes]]]:
    """Yield the name and the plain bytes of what a file holds.

    Args:
        path: the file on this machine.
        name: its name in the bucket.
        declared: its compression; None or ``infer`` to find out.
        pattern: which members of an archive count, as a regular expression; None for all.

    A stream is to be read before the next is asked for. Whatever is damaged raises one of
    ``BROKEN``.
    """
    with path.open("rb") as file:
        compression = _compression(name, declared, file.read(4))
        file.seek(0)
        if compression == "zip":
            yield from _zip_members(file, name, pattern)
        elif compression.startswith("tar"):
            inner = _plain(file, compression.partition("_")[2].replace("gz", "gzip"))
            yield from _tar_members(inner, name, pattern)
        else:
            yield name, _plain(file, compression)


def _plain(stream: IO[bytes], compression: str) -> IO[bytes]:
    if compression == "gzip":
        return gzip.open(stream)  # type: ignore[return-value]
    if compression == "bz2":
        return bz2.open(stream)
    if compression == "zstd":
        import pyarrow

        raw: Any = pyarrow.CompressedInputStream(pyarrow.PythonFile(stream, "r"), "zstd")
        return io.BufferedReader(raw)
    return stream


def _wanted(member: str, pattern: str | None) -> bool:
    if member.endswith("/") or member.startswith("__MACOSX/"):
        return False
    return pattern is None or re.fullmatch(pattern, member) is not None


def _zip_members(
    stream: IO[bytes], name: str, pattern: str | None
) -> Iterator[tuple[str, IO[bytes]]]:
    with zipfile.ZipFile(stream) as archive:
        for member in archive.infolist():
            if _wanted(member.filename, pattern):
                with archive.open(member) as opened:
                    yield f"{name}/{member.filename}", _member(opened, member.filename)


def _tar_members(
    stream: IO[bytes], name: str, pattern: str | None
) -> Iterator[tuple[str, IO[bytes]]]:
    with tarfile.open(fileobj=stream, mode="r|") as archive:
        for member in archive:
            opened = archive.extractfile(member) if member.isreg() else None
            member_name = member.name.removeprefix("./")
            if opened is not None and _wanted(member_name, pattern):
                yield f"{name}/{member_name}", _member(opened, member_name)


def _member(stream: IO[bytes], name: str) -> IO[bytes]:
    """Return a member's plain bytes: a member may be compressed itself, but is no archive."""
    return _plain(stream, _compression(name, None, b""))
