"""Rows of files: formats, delimited text in its dialects, packing, and what is set aside."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pyarrow
import pytest

from dataplatform.local.fivetran.model import SyncFailure
from dataplatform.local.fivetran.services import json_rows
from dataplatform.local.fivetran.services.file_entry import file_entries
from dataplatform.local.fivetran.services.file_rows import read_rows
from dataplatform.local.fivetran.services.rows import Bad, guessed, headings

LINES = b'{"id": 1}\n{"id": 2}\n'


def read(
    folder: Path, name: str, body: bytes, **settings: Any
) -> tuple[dict[str, list[dict[str, Any]]], list[Bad]]:
    """Return a file's rows by the name of the file or member, and what was set aside."""
    path = folder / "object"
    path.write_bytes(body)
    entry = {"table_name": "t", "file_pattern": ".*", **settings}
    rows: dict[str, list[dict[str, Any]]] = {}
    bad = []
    for inner, found in read_rows(path, name, file_entries("raw", {"files": [entry]})[0]):
        rows[inner] = []
        for row in found:
            if isinstance(row, Bad):
                bad.append(row)
            else:
                rows[inner].append({key: text for key, (text, _) in row.values.items()})
    return rows, bad


def tar(members: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, body in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(body)
            archive.addfile(info, io.BytesIO(body))
    return out.getvalue()


def zipped(members: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in members.items():
            archive.writestr(name, body)
    return out.getvalue()


def zstd(body: bytes) -> bytes:
    return bytes(pyarrow.Codec("zstd").compress(body, asbytes=True))


@pytest.mark.parametrize(
    ("name", "body", "settings"),
    [
        ("a.jsonl", LINES, {}),
        ("a.jsonl.gz", gzip.compress(LINES), {}),
        ("a.jsonl.gz", gzip.compress(LINES[:10]) + gzip.compress(LINES[10:]), {}),
        ("a.jsonl.bz2", bz2.compress(LINES), {}),
        ("a.jsonl.zst", zstd(LINES), {}),
        ("a.JSONL.GZ", gzip.compress(LINES), {}),
        ("served-compressed.jsonl", gzip.compress(LINES), {}),
        ("served-compressed.jsonl", zstd(LINES), {}),
        ("no-extension", bz2.compress(LINES), {"compression": "bz2", "file_type": "jsonl"}),
        ("a.ndjson", LINES, {}),
        ("a.json", json.dumps([{"id": 1}, {"id": 2}]).encode(), {}),
        ("lines.json", LINES, {}),
        ("a.csv", b"id\n1\n2\n", {}),
        ("a.csv", b"\xef\xbb\xbfid\r\n1\r\n2\r\n", {}),
        ("a.csv", "id\n1\n2\n".encode("utf-16"), {}),
    ],
)
def test_the_same_rows_however_packed(
    tmp_path: Path, name: str, body: bytes, settings: dict[str, str]
) -> None:
    rows, bad = read(tmp_path, name, body, **settings)
    assert bad == []
    assert rows == {name: [{"id": "1"}, {"id": "2"}]}


@pytest.mark.parametrize("suffix", [".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.zst"])
def test_members_of_archives(tmp_path: Path, suffix: str) -> None:
    members = {
        "in/a.jsonl": LINES,
        "in/b.csv.gz": gzip.compress(b"id\n3\n"),
        "readme.txt": b"not a table",
        "__MACOSX/in/a.jsonl": b"rubbish",
    }
    pack = {"gz": gzip.compress, "tgz": gzip.compress, "bz2": bz2.compress, "zst": zstd}
    body = zipped(members) if suffix == ".zip" else tar(members)
    body = pack.get(suffix.rpartition(".")[2], bytes)(body)
    rows, bad = read(tmp_path, f"day{suffix}", body, archive_pattern=r"in/.*")
    assert bad == []
    assert rows == {
        f"day{suffix}/in/a.jsonl": [{"id": "1"}, {"id": "2"}],
        f"day{suffix}/in/b.csv.gz": [{"id": "3"}],
    }


def test_parquet_within_an_archive(tmp_path: Path) -> None:
    import duckdb

    duckdb.sql("SELECT 7 AS id, DATE '2025-01-31' AS day").write_parquet(str(tmp_path / "p"))
    body = zipped({"x.parquet": (tmp_path / "p").read_bytes(), "y.parquet": b"PAR1 not"})
    rows, bad = read(tmp_path, "a.zip", body)
    assert rows == {
        "a.zip/x.parquet": [{"id": "7", "day": "2025-01-31"}],
        "a.zip/y.parquet": [],
    }
    assert len(bad) == 1


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("a.jsonl.gz", gzip.compress(LINES)[:-9]),
        ("a.jsonl.gz", b"plain"),
        ("a.jsonl.bz2", b"plain"),
        ("a.jsonl.zst", b"plain"),
        ("a.zip", b"plain"),
        ("a.zip", zipped({"a.jsonl": LINES})[:-30]),
        ("a.tar", b"plain"),
        ("a.tar.gz", gzip.compress(tar({"a.jsonl": LINES}))[:60]),
        ("a.parquet", b"plain"),
    ],
)
def test_damaged_files_are_set_aside(tmp_path: Path, name: str, body: bytes) -> None:
    _, bad = read(tmp_path, name, body)
    assert len(bad) == 1
    assert bad[0].reason


def test_rows_before_the_damage_are_kept(tmp_path: Path) -> None:
    lines = b"".join(b'{"id": %d}\n' % n for n in range(50_000))
    rows, bad = read(tmp_path, "a.jsonl.gz", gzip.compress(lines)[:-2000])
    assert len(rows["a.jsonl.gz"]) > 1000
    assert len(bad) == 1
    assert "cannot be unpacked" in bad[0].reason


@pytest.mark.parametrize(
    ("body", "settings", "wanted"),
    [
        (b"a|b\n1|x,y\n", {"delimiter": "|"}, [{"a": "1", "b": "x,y"}]),
        (b"a\tb\n1\tx\n", {"delimiter": "\\t"}, [{"a": "1", "b": "x"}]),
        (b"a,b\n'1,5',x\n", {"quote_char": "'"}, [{"a": "1,5", "b": "x"}]),
        (b'a,b\n",x\n', {"quote_character_enabled": False}, [{"a": '"', "b": "x"}]),
        (b'a\n"say \\"no\\""\n', {"escape_char": "\\"}, [{"a": 'say "no"'}]),
        (b"1,x\n2,y\n", {"empty_header": True},
         [{"column_0": "1", "column_1": "x"}, {"column_0": "2", "column_1": "y"}]),
        (b"a,b\nNULL,x\n,\\N\n", {"null_sequence": "NULL"},
         [{"a": None, "b": "x"}, {"a": None, "b": "\\N"}]),
        (b"made today\n\na,b\n1,x\nsum,1\n", {"skip_before": 2, "skip_after": 1},
         [{"a": "1", "b": "x"}]),
        ("a\né€\n".encode("cp1252"), {"encoding": "cp1252"}, [{"a": "é€"}]),
        (b'a,b\n1,"two\nlines"\n2,y\n', {}, [{"a": "1", "b": "two\nlines"}, {"a": "2", "b": "y"}]),
        (b"a,,a\n1,2,3\n", {}, [{"a": "1", "column_1": "2", "a_2": "3"}]),
        (b"a,b\r1,x\r", {}, [{"a": "1", "b": "x"}]),
        (b"", {}, []),
    ],
)  # fmt: skip
def test_delimited_text(
    tmp_path: Path, body: bytes, settings: dict[str, Any], wanted: list[dict[str, Any]]
) -> None:
    rows, bad = read(tmp_path, "a.csv", body, **settings)
    assert (rows["a.csv"], bad) == (wanted, [])


def test_tabs_of_a_tsv_file(tmp_path: Path) -> None:
    rows, _ = read(tmp_path, "a.tsv", b"a\tb\n1,5\tx\n")
    assert rows["a.tsv"] == [{"a": "1,5", "b": "x"}]


def test_bad_rows_of_delimited_text_tell_line_reason_and_content(tmp_path: Path) -> None:
    body = b'a,b\n1,x\n2\n3,"un"quoted\n4,\xff\n"5\n",y\n6,z,w\n'
    rows, bad = read(tmp_path, "a.csv", body)
    assert rows["a.csv"] == [{"a": "1", "b": "x"}, {"a": "5\n", "b": "y"}]
    assert [(row.line, row.content) for row in bad] == [
        (3, "2"), (4, '3,"un"quoted'), (5, "4,�"), (8, "6,z,w"),
    ]  # fmt: skip
    assert bad[0].reason == "the row has 1 fields, the header 2"
    assert bad[2].reason == "the row is not valid UTF-8"


def test_bad_rows_of_json(tmp_path: Path) -> None:
    deep = b'{"a":' + b"[" * 100_000 + b"\n"
    body = b'{"id": 1}\nnull\n{"id": NaN}\n{"id": "\\ud800"}\n' + deep + b'{"id": 2}\n'
    rows, bad = read(tmp_path, "a.jsonl", body)
    assert rows["a.jsonl"] == [{"id": "1"}, {"id": "2"}]
    assert [row.line for row in bad] == [2, 3, 4, 5]
    assert bad[0].reason == "the row is not a JSON object but NoneType"
    assert all(len(row.content) <= 2000 for row in bad)
    rows, bad = read(tmp_path, "a.json", b'[{"id": 1}, 7, {"id": 2}]')
    assert rows["a.json"] == [{"id": "1"}, {"id": "2"}]
    assert [(row.line, row.content) for row in bad] == [(2, "7")]


def test_documents_that_are_no_document(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows, bad = read(tmp_path, "a.json", b'{"id": 1}\n{"id"\n{"id": 2}\n')
    assert (rows["a.json"], [row.line for row in bad]) == ([{"id": "1"}, {"id": "2"}], [2])
    rows, _ = read(tmp_path, "a.json", b'{\n"id": 1\n}\n')
    assert rows["a.json"] == [{"id": "1"}]
    monkeypatch.setattr(json_rows, "_LARGEST_DOCUMENT", 20)
    rows, bad = read(tmp_path, "a.json", b'[{"id": 1},\n {"id": 22}]')
    assert rows["a.json"] == []
    assert "must be written as lines" in bad[0].reason
    rows, bad = read(tmp_path, "a.json", b'{"id": 1}\n' * 9)
    assert (len(rows["a.json"]), bad) == (9, [])


def test_packed_json_is_one_column(tmp_path: Path) -> None:
    rows, _ = read(tmp_path, "a.jsonl", b'{"id": 1, "x": [2]}\n', json_delivery_mode="Packed")
    assert rows["a.jsonl"] == [{"_data": '{"id": 1, "x": [2]}'}]


def test_a_type_that_cannot_be_told(tmp_path: Path) -> None:
    with pytest.raises(SyncFailure, match=r"The type of file 'a\.bin' cannot be told"):
        read(tmp_path, "a.bin", b"")


@pytest.mark.parametrize(
    ("cell", "kind"),
    [
        ("0", "BIGINT"), ("-12", "BIGINT"), ("9223372036854775808", "DOUBLE"), ("01", "VARCHAR"),
        ("1.50", "DOUBLE"), ("1e5", "DOUBLE"), ("+1", "VARCHAR"), ("TRUE", "BOOLEAN"),
        ("2024-02-29", "DATE"), ("2023-02-29", "VARCHAR"), ("0000-01-01", "VARCHAR"),
        ("١٢", "VARCHAR"), ("", None),
    ],
)  # fmt: skip
def test_types_of_cells(cell: str, kind: str | None) -> None:
    assert guessed(cell)[1] == kind


def test_headings_are_all_different() -> None:
    assert headings(["a", "a", "", "a_2", " b "]) == ["a", "a_2", "column_2", "a_2_2", "b"]


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        ({}, "config.files must be a list of file patterns"),
        ({"files": 7}, "config.files must be a list of file patterns"),
        ({"files": ["x"]}, "must be settings"),
        ({"files": [{}]}, "'table_name' of 'files' in a connection is missing"),
        ({"files": [{"table_name": "t"}]}, "'file_pattern' of 'files' in a connection is missing"),
        ({"files": [{"table_name": "t", "file_pattern": "("}]}, "not a regular expression"),
        ({"files": [{"table_name": "t", "file_pattern": "", "file_patern": ""}]}, "file_pattern"),
        ({"delimiter": "||"}, r"takes one character as delimiter, not '\|\|'"),
        ({"quote_char": 1}, "quote_char must be a text"),
        ({"file_type": "avro"}, "'avro' are not read by the local service; it reads jsonl"),
        ({"list_strategy": "time_based_pattern_listing"}, "does not list by time"),
        ({"use_pgp_encryption_options": True}, "encrypted with PGP"),
        ({"compression": "gzipp"}, "compression must be one of .* Did you mean 'gzip'"),
        ({"file_type": "cvs"}, "Did you mean 'csv'"),
        ({"skip_before": -1}, "skip_before must be a number of lines"),
        ({"empty_header": "yes"}, "empty_header must be true or false"),
        ({"encoding": "utf-99"}, "not the name of a text encoding"),
        ({"encoding": "base64"}, "not the name of a text encoding"),
        ({"append_file_option": "upsert_file_with_primary_keys"}, "needs primary_keys"),
        ({"archive_pattern": "*"}, "archive_pattern is not a regular expression"),
        ({"deleted_files": "delete", "list_strategy": "newer_files"}, "complete_listing"),
        ({"deleted_files": "delete", "append_file_option": "append_file"}, "needs .*upsert_file"),
    ],
)
def test_settings_that_make_no_sense(config: dict[str, Any], sentence: str) -> None:
    sound = {"files": [{"table_name": "t", "file_pattern": ".*"}]}
    with pytest.raises(SyncFailure, match=sentence):
        file_entries("raw", config if config == {} else {**sound, **config})
