"""What may be said of a source of files: which files are which table, and how they are read.

The settings bear the names of Fivetran's public API where it has one; ``encoding`` and
``deleted_files`` are the local service's own. Each is given for the whole connection, or for one
entry of ``files``, which then counts. Declared files and the local service are both judged here;
reading files is the business of ``local``.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from dataplatform.declarations.errors import nearest

#: What the local service reads, and what Fivetran reads besides.
FILE_TYPES = ("jsonl", "json", "csv", "tsv", "parquet")
OTHER_FILE_TYPES = ("avro", "log", "spreadsheet", "unstructured", "xml")
COMPRESSIONS = (
    "gzip",
    "bz2",
    "zstd",
    "zip",
    "tar",
    "tar_gz",
    "tar_bz2",
    "tar_zstd",
    "uncompressed",
)
UPSERT_FILE, UPSERT_KEYS, APPEND = "upsert_file", "upsert_file_with_primary_keys", "append_file"
#: Settings with a few allowed values.
CHOICES: dict[str, tuple[str, ...]] = {
    "file_type": ("infer", *FILE_TYPES, *OTHER_FILE_TYPES, "ndjson", "jsonlines"),
    "compression": ("infer", *COMPRESSIONS, "gz"),
    "append_file_option": (UPSERT_FILE, UPSERT_KEYS, APPEND),
    "json_delivery_mode": ("Packed", "Unpacked"),
    "list_strategy": ("complete_listing", "newer_files", "time_based_pattern_listing"),
    "on_error": ("skip", "fail"),
    "deleted_files": ("keep", "delete"),
}
SIGNS = ("delimiter", "quote_char", "escape_char")
_COUNTS = ("skip_before", "skip_after")
_FLAGS = ("empty_header", "quote_character_enabled")
#: Settings of a connection as a whole or of one entry of ``files``.
SHARED = frozenset(
    {*CHOICES, *SIGNS, *_COUNTS, *_FLAGS, "archive_pattern", "encoding", "null_sequence"}
)
_ENTRY = SHARED | {"table_name", "file_pattern", "primary_keys", "selected_range"}

Place = tuple[str | int, ...]


def problems(
    config: Mapping[str, Any], tables: Collection[str] | None = None
) -> Iterator[tuple[Place, str]]:
    """Yield what is wrong with a file source's settings: the place in them, and one sentence.

    Args:
        config: the connection's settings.
        tables: the declared tables, which the entries of ``files`` must name; None to ask nothing.
    """
    yield from _settings((), config)
    files = config.get("files")
    if not isinstance(files, list) or not files:
        yield (), "config.files must be a list of file patterns, one entry for each table."
        return
    named: set[str] = set()
    for index, entry in enumerate(files):
        loc: Place = ("files", index)
        if not isinstance(entry, dict):
            yield loc, "an entry of config.files must be settings (key: value)."
            continue
        for key in entry:
            if key not in _ENTRY:
                text = f"{key!r} is not a setting of 'files' in a connection.{nearest(key, _ENTRY)}"
                yield (*loc, key), text
        yield from _entry(loc, entry, {**config, **entry}, tables)
        table = entry.get("table_name")
        if isinstance(table, str):
            if table in named:
                yield (*loc, "table_name"), f"two entries of config.files fill {table!r}."
            named.add(table)


def _entry(
    loc: Place,
    entry: Mapping[str, Any],
    whole: Mapping[str, Any],
    tables: Collection[str] | None,
) -> Iterator[tuple[Place, str]]:
    table = entry.get("table_name")
    if not isinstance(table, str) or not table:
        yield loc, "the setting 'table_name' of 'files' in a connection is missing."
    elif tables is not None and table not in tables:
        yield (
            (*loc, "table_name"),
            f"{table!r} is not among this connection's tables.{nearest(table, tables)}",
        )
    if not isinstance(entry.get("file_pattern"), str):
        yield loc, "the setting 'file_pattern' of 'files' in a connection is missing."
    yield from _pattern((*loc, "file_pattern"), entry.get("file_pattern"))
    yield from _settings(loc, entry)
    keys = entry.get("primary_keys") or []
    if not isinstance(keys, list) or not all(isinstance(key, str) and key for key in keys):
        yield (*loc, "primary_keys"), "primary_keys must be a list of column names."
    mode = whole.get("append_file_option") or (UPSERT_KEYS if keys else UPSERT_FILE)
    if mode == UPSERT_KEYS and not keys:
        yield loc, f"append_file_option {UPSERT_KEYS!r} needs primary_keys."
    elif mode != UPSERT_KEYS and keys:
        yield (
            (*loc, "primary_keys"),
            f"primary_keys need append_file_option {UPSERT_KEYS!r}, not {mode!r}.",
        )
    if whole.get("deleted_files") == "delete":
        if mode != UPSERT_FILE:
            text = f"deleted_files 'delete' needs append_file_option {UPSERT_FILE!r}, not {mode!r}."
            yield loc, text
        if whole.get("list_strategy", "complete_listing") != "complete_listing":
            yield loc, "deleted_files 'delete' needs list_strategy 'complete_listing'."


def _settings(loc: Place, given: Mapping[str, Any]) -> Iterator[tuple[Place, str]]:
    """Judge the settings that a connection and an entry have in common."""
    for name, options in CHOICES.items():
        value = given.get(name)
        if value is not None and not _reference(value) and value not in options:
            text = f"{name} must be one of {', '.join(options)}, not {value!r}."
            yield (*loc, name), text + nearest(str(value), options)
    for name in SIGNS:
        value = given.get(name)
        if value is not None and not isinstance(value, str):
            yield (*loc, name), f"{name} must be a text, not {value!r}."
    for name in _COUNTS:
        value = given.get(name)
        if value is not None and (
            isinstance(value, bool) or not isinstance(value, int) or value < 0
        ):
            yield (*loc, name), f"{name} must be a number of lines, not {value!r}."
    for name in _FLAGS:
        if not isinstance(given.get(name, False), bool):
            yield (*loc, name), f"{name} must be true or false, not {given[name]!r}."
    if not isinstance(given.get("null_sequence", ""), str):
        yield (*loc, "null_sequence"), "null_sequence must be a text."
    encoding = given.get("encoding")
    if encoding is not None and not _reference(encoding) and not _is_text_encoding(encoding):
        yield (*loc, "encoding"), f"{encoding!r} is not the name of a text encoding."
    yield from _pattern((*loc, "archive_pattern"), given.get("archive_pattern"))


def _is_text_encoding(name: Any) -> bool:
    try:
        # Refuses codecs that are no text encodings, unlike ``codecs.lookup``.
        "".encode(name)
    except (LookupError, TypeError):
        return False
    return True


def _pattern(loc: Place, value: Any) -> Iterator[tuple[Place, str]]:
    if value is None:
        return
    try:
        re.compile(value)
    except (re.error, TypeError) as error:
        yield loc, f"{loc[-1]} is not a regular expression: {error}."


def _reference(value: Any) -> bool:
    return isinstance(value, str) and "${" in value
