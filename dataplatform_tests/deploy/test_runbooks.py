"""The runbooks and the way to production: each command is there, each file and link exists."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer

from dataplatform.cli.main import app

REPOSITORY = Path(__file__).resolve().parents[2]
DOCS = REPOSITORY / "docs"
RUNBOOKS = {
    *("deploy", "roll-back", "rotate-secrets", "restore-backup", "warehouse-down"),
    *("fivetran-down", "on-call"),
}
PAGES = [DOCS / "production.md", *sorted((DOCS / "runbooks").glob("*.md"))]


def _commands(text: str) -> list[list[str]]:
    """Return the platform's own commands that a page names, word by word."""
    lines = re.findall(r"(?m)^(?:\w+=\S+ )*(dataplatform [^#\n]+)", text)
    inline = re.findall(r"`(?:\w+=\S+ )*(dataplatform [^`]+)`", text)
    found = []
    for command in [*lines, *inline]:
        text = re.sub(r"\s+", " ", command).strip().replace("…", "")
        found.append(shlex.split(text)[1:])
    return found


def _problem(words: list[str]) -> str | None:
    """Return what is wrong with a command: a verb or an option that there is not."""
    node: Any = typer.main.get_command(app)
    options: set[str] = {"--help", "-h"}
    for word in words:
        if word.startswith("-"):
            options |= {name for one in node.params for name in one.opts}
            if word not in options:
                return f"{word} in {' '.join(words)}"
        elif getattr(node, "commands", None):
            if word not in node.commands:
                return f"{word} in {' '.join(words)}"
            node = node.commands[word]
    return None


def test_every_runbook_is_there() -> None:
    assert {page.stem for page in PAGES} == RUNBOOKS | {"production"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_command_is_one(page: Path) -> None:
    commands = _commands(page.read_text())
    assert commands or page.stem == "restore-backup"
    assert [problem for one in commands if (problem := _problem(one))] == []


def test_a_command_that_is_none_is_found() -> None:
    assert _problem(["publish", "--rolback", "x"]) == "--rolback in publish --rolback x"
    assert _problem(["conections", "plan"]) == "conections in conections plan"
    assert _problem(["connections", "plan"]) is None


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links_and_files_that_are_named_exist(page: Path) -> None:
    text = page.read_text()
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text):
        assert (page.parent / target).exists(), target
    for file in re.findall(r"(?<![\w./-])((?:deploy|dataplatform|config)/[\w./-]+\w)", text):
        assert (REPOSITORY / file).exists(), file


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_each_runbook_says_what_was_rehearsed(page: Path) -> None:
    if page.stem not in ("on-call", "production"):
        last = page.read_text().rstrip().rpartition("\n\n")[2]
        assert last.startswith("Rehearsed here")
        assert re.search(r"\bnot\b|Not rehearsed", last)
