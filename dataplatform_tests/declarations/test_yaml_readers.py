"""The quick reader of YAML says what the careful one says, or leaves the text to it."""

from __future__ import annotations

from pathlib import Path

import pytest

from dataplatform.declarations import yaml_file
from dataplatform.declarations.yaml_fast import read_plain

REPOSITORY = Path(__file__).resolve().parents[2]
FILES = sorted((REPOSITORY / "config").rglob("*.yml"))

PLAIN = [
    "a: 1\nb: -2\nc: 0\nd: 1.50\ne: -0.5\n",
    "a: yes\nb: no\nc: on\nd: true\ne: FALSE\nf: ~\ng: null\nh:\n",
    "a: '1'\nb: \"true\"\nc: 'it''s'\n",
    "cron: 0 6 * * *\ntime: 06:00\nversion: 1.2.3\nmail: a@b.c\n",
    "a: |\n  line\n  more\nb: >\n  folded\n  text\n",
    "a: [1, x, {b: c}]\nb:\n  - c: 1\n    d: 2\n  -\n    e: [f]\n",
    "# a comment\na: b # another\n\n\nc:\n  d: ${NAME:-1}\n",
    "a: {}\nb: []\n",
]
LEFT = [
    "a: 2024-01-31\n",
    "a: 0x1F\n",
    "a: 0o17\n",
    "a: 1_000\n",
    "a: 1e5\n",
    "a: .inf\n",
    "a: +5\n",
    "a: 012\n",
    "a: !tag b\n",
    "a: &x 1\nb: *x\n",
    "a: {<<: {b: 1}}\n",
    "a: 1\na: 2\n",
    "1: a\n",
    "- a\n",
    "a\n",
    "",
    "---\na: 1\n",
    "a: [1\n",
]


def carefully(text: str, monkeypatch: pytest.MonkeyPatch) -> yaml_file.YamlFile:
    monkeypatch.setattr(yaml_file, "read_known", lambda text: None)
    yaml_file._parsed.cache_clear()
    found = yaml_file._parsed(Path("file.yml"), text)
    yaml_file._parsed.cache_clear()
    return found


@pytest.mark.parametrize("text", PLAIN)
def test_both_readers_agree_on_values_and_lines(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    quick = read_plain(text)
    careful = carefully(text, monkeypatch)
    assert quick is not None
    assert (quick[0], quick[1][1]) == (careful.data, careful.places[1])
    kinds = [type(value) for value in quick[0].values()]
    assert kinds == [type(value) for value in careful.data.values()]


@pytest.mark.parametrize("file", FILES, ids=lambda path: path.stem)
def test_both_readers_agree_on_the_repositorys_files(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = file.read_text(encoding="utf-8")
    quick = read_plain(text)
    if quick is not None:
        careful = carefully(text, monkeypatch)
        assert (quick[0], quick[1][1]) == (careful.data, careful.places[1])


@pytest.mark.parametrize("text", LEFT)
def test_what_is_not_plain_is_left_to_the_careful_reader(text: str) -> None:
    assert read_plain(text) is None
