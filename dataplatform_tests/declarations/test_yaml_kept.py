"""What is kept of many declared files is never out of date, and never needed."""

from __future__ import annotations

from pathlib import Path

import pytest

from dataplatform.declarations import yaml_kept
from dataplatform.declarations.yaml_kept import MANY, read_known, remembered

TEXT = "name: one\ncolumns:\n  id: bigint\n"
FOUND = (
    {"name": "one", "columns": {"id": "bigint"}},
    (1, {"name": (1, None), "columns": (2, {"id": (3, None)})}),
)


def never(text: str) -> None:
    raise AssertionError(f"read anew: {text!r}")


def kept(folder: Path) -> list[Path]:
    return list(folder.iterdir()) if folder.exists() else []


def test_a_text_is_read_once_and_an_edited_one_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with remembered(tmp_path / "cache", MANY):
        assert read_known(TEXT) == FOUND
        assert read_known("a: !tag b\n") is None
    [file] = kept(tmp_path / "cache")
    assert file.stat().st_mode & 0o077 == 0
    with monkeypatch.context() as patch:
        patch.setattr(yaml_kept, "read_plain", never)
        with remembered(tmp_path / "cache", MANY):
            assert read_known(TEXT) == FOUND and read_known("a: !tag b\n") is None
            with pytest.raises(AssertionError, match="read anew: 'name: two"):
                read_known(TEXT.replace("one", "two"))
    with remembered(tmp_path / "cache", MANY):
        edited = read_known(TEXT.replace("one", "two"))
    assert edited is not None and edited[0]["name"] == "two"


def test_nothing_is_kept_of_few_files_nor_outside(tmp_path: Path) -> None:
    with remembered(tmp_path / "cache", MANY - 1):
        assert read_known(TEXT) == FOUND
    assert read_known(TEXT) == FOUND
    assert not kept(tmp_path / "cache")


@pytest.mark.parametrize("content", [b"", b"\x00", b"{", b"not it", b"\xe9\x00\x00\x00\x00"])
def test_a_spoilt_file_is_as_none(tmp_path: Path, content: bytes) -> None:
    with remembered(tmp_path, MANY):
        read_known(TEXT)
    [file] = kept(tmp_path)
    file.write_bytes(content)
    with remembered(tmp_path, MANY):
        assert read_known(TEXT) == FOUND
    assert file.read_bytes() != content


def test_a_folder_that_cannot_be_written_is_read_each_time(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file in its place", encoding="utf-8")
    with remembered(tmp_path / "cache", MANY):
        assert read_known(TEXT) == FOUND


def test_texts_that_are_gone_are_forgotten(tmp_path: Path) -> None:
    for first in range(0, 4 * MANY, MANY):
        with remembered(tmp_path, MANY):
            for number in range(first, first + MANY):
                read_known(f"a: {number}\n")
    [file] = kept(tmp_path)
    assert len(yaml_kept._load(file, yaml_kept._form())) <= 2 * MANY
