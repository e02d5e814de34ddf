"""How the files of one table are found and read: an entry of ``files``, made sure of."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from dataplatform.declarations import file_source
from dataplatform.local.fivetran.model import SyncFailure
from dataplatform.local.fivetran.services.csv_rows import Dialect


@dataclass(frozen=True)
class FileEntry:
    """One table's files.

    Attributes:
        table: the table's name.
        pattern: which objects are its files, by their whole name or the name below the prefix.
        keys: the columns that tell rows apart; empty where the file and the line do.
        append: whether a file that comes again adds rows and leaves its earlier ones.
        deletes: whether the rows of a file that is gone are removed.
        newest_only: whether only files count that are newer than the newest one seen.
        strict: whether a row that cannot be read fails the sync.
    """

    table: str
    pattern: re.Pattern[str]
    keys: tuple[str, ...]
    append: bool
    deletes: bool
    newest_only: bool
    strict: bool
    file_type: str | None
    compression: str | None
    archive_pattern: str | None
    packed: bool
    delimiter: str | None
    dialect: Dialect


def file_entries(schema: str, config: Mapping[str, Any]) -> list[FileEntry]:
    """Return the declared entries of a file source.

    Raises:
        SyncFailure: an entry makes no sense, or asks for what is not served here.
    """
    shared = {key: config[key] for key in file_source.SHARED if config.get(key) is not None}
    files = config.get("files")
    given = files if isinstance(files, list) else []
    entries = [{**shared, **entry} for entry in given if isinstance(entry, dict)]
    sentences = [
        *(sentence for _, sentence in file_source.problems(config)),
        *(sentence for entry in [config, *entries] for sentence in _not_served(entry)),
    ]
    for sentence in sentences:
        raise SyncFailure(
            f"The connection {schema!r}: {sentence}", code="invalid_config", broken=True
        )
    return [_entry(entry) for entry in entries]


def _not_served(given: Mapping[str, Any]) -> Iterator[str]:
    """Yield what Fivetran reads and this service does not."""
    kind = given.get("file_type")
    if kind in file_source.OTHER_FILE_TYPES:
        served = ", ".join(file_source.FILE_TYPES)
        yield f"files of the type {kind!r} are not read by the local service; it reads {served}."
    if given.get("list_strategy") == "time_based_pattern_listing":
        yield "the local service does not list by time; use list_strategy 'complete_listing'."
    if given.get("use_pgp_encryption_options"):
        yield "the local service does not read files that are encrypted with PGP."
    for name in file_source.SIGNS:
        if given.get(name) and len(_sign(given[name])) != 1:
            yield f"the local service takes one character as {name}, not {given[name]!r}."


def _sign(value: Any) -> str:
    r"""Return a character as it is meant: ``\t`` is a tab."""
    return "\t" if value == "\\t" else str(value)


def _entry(given: dict[str, Any]) -> FileEntry:
    delimiter = _sign(given["delimiter"]) if given.get("delimiter") else None
    quoted = given.get("quote_character_enabled", True)
    dialect = Dialect(
        delimiter=delimiter or ",",
        quote=str(given.get("quote_char") or '"') if quoted else None,
        escape=given.get("escape_char") or None,
        encoding=given.get("encoding") or "utf-8",
        null=given.get("null_sequence") or None,
        header=not given.get("empty_header", False),
        skip_before=given.get("skip_before") or 0,
        skip_after=given.get("skip_after") or 0,
    )
    return FileEntry(
        table=given["table_name"],
        pattern=re.compile(given["file_pattern"]),
        keys=tuple(given.get("primary_keys") or ()),
        append=given.get("append_file_option") == file_source.APPEND,
        deletes=given.get("deleted_files") == "delete",
        newest_only=given.get("list_strategy") == "newer_files",
        strict=given.get("on_error") == "fail",
        file_type=given.get("file_type"),
        compression=given.get("compression"),
        archive_pattern=given.get("archive_pattern"),
        packed=given.get("json_delivery_mode") == "Packed",
        delimiter=delimiter,
        dialect=dialect,
    )
