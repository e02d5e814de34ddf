"""Secrets in files, and what is kept of any secret in memory."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from dataplatform.declarations.environment import Environment
from dataplatform.declarations.errors import UserError
from dataplatform.declarations.secrets import SecretReference
from dataplatform.secret_stores import reading
from dataplatform.secret_stores.stored import Stored

Make = Callable[..., Environment]


def test_a_file_is_its_text_without_the_last_line_break(
    environment_with: Make, tmp_path: Path
) -> None:
    (tmp_path / "password").write_text("p-1\n")
    made = environment_with(f"${{file:{tmp_path}/password}}")
    assert made.resolve_all(made.warehouse)["password"] == "p-1"
    assert made.resolve("${file:password}") == "p-1"


def test_a_file_may_hold_several_values(environment_with: Make, tmp_path: Path) -> None:
    (tmp_path / "all.json").write_text('{"password": "p-2"}')
    assert environment_with("x").resolve("${file:all.json#password}") == "p-2"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "The file password, which a secret is read from, is missing."),
        (b"\xff\xfe\xff", "is not a text in UTF-8."),
        ("folder", "cannot be read: Is a directory."),
    ],
)
def test_a_file_that_cannot_be_read(
    environment_with: Make, tmp_path: Path, content: bytes | str | None, told: str
) -> None:
    if content == "folder":
        (tmp_path / "password").mkdir()
    elif isinstance(content, bytes):
        (tmp_path / "password").write_bytes(content)
    made = environment_with("${file:password}")
    with pytest.raises(UserError) as caught:
        made.resolve_all(made.warehouse)
    assert str(caught.value).startswith("config/environments/here.yml:5: ")
    assert told in str(caught.value)


class Counting:
    """A store that counts how often it is read."""

    def __init__(self) -> None:
        self.reads = 0

    def read(self, path: str) -> Stored:
        self.reads += 1
        return Stored({"": f"{path}-{self.reads}"}, seconds=None)


def test_many_threads_that_want_one_secret_read_it_once(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    counting = Counting()
    monkeypatch.setattr(reading, "_open", lambda *_: counting)
    found: list[str] = []
    wanted = SecretReference("file", "x", None)
    threads = [
        threading.Thread(target=lambda: found.append(reading.read_secret(wanted, {}, 60, tmp_path)))
        for _ in range(8)
    ]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert found == ["x-1"] * 8
    assert counting.reads == 1


def test_a_store_that_allows_less_time_is_obeyed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    class Short(Counting):
        def read(self, path: str) -> Stored:
            return Stored(super().read(path).values, seconds=0)

    short = Short()
    monkeypatch.setattr(reading, "_open", lambda *_: short)
    wanted = SecretReference("file", "x", None)
    assert [reading.read_secret(wanted, {}, 60, tmp_path) for _ in range(2)] == ["x-1", "x-2"]


def test_a_forked_child_waits_for_no_lock_of_its_parent(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("p")
    wanted = SecretReference("file", "password", None)
    reading.read_secret(wanted, {}, 60, tmp_path)
    (opened,) = reading._opened.values()
    with opened.lock:
        child = os.fork()
        if child == 0:
            os._exit(0 if reading.read_secret(wanted, {}, 60, tmp_path) == "p" else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_a_secret_shows_in_no_representation() -> None:
    assert "p-1" not in repr(Stored({"password": "p-1"}))
