"""The runbooks and the way to production: all there, files that exist, what was rehearsed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
DOCS = REPOSITORY / "docs"
RUNBOOKS = {
    *("deploy", "roll-back", "rotate-secrets", "restore-backup", "warehouse-down"),
    *("fivetran-down", "on-call", "upgrade"),
}
PAGES = [DOCS / "production.md", *sorted((DOCS / "runbooks").glob("*.md"))]


def test_every_runbook_is_there() -> None:
    assert {page.stem for page in PAGES} == RUNBOOKS | {"production"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_files_that_are_named_exist(page: Path) -> None:
    text = page.read_text()
    for file in re.findall(r"(?<![\w./-])((?:deploy|dataplatform|config)/[\w./-]+\w)", text):
        assert (REPOSITORY / file).exists(), file


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_each_runbook_says_what_was_rehearsed(page: Path) -> None:
    if page.stem not in ("on-call", "production"):
        last = page.read_text().rstrip().rpartition("\n\n")[2]
        assert last.startswith("Rehearsed here")
        assert re.search(r"\bnot\b|Not rehearsed", last)
