"""Every page of the documentation: its commands can be typed, its links lead somewhere."""

from __future__ import annotations

import re
import shlex
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import typer

from dataplatform.cli.main import app

REPOSITORY = Path(__file__).resolve().parents[2]
PAGES = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").rglob("*.md"))]
COMMAND: Any = typer.main.get_command(app)
TARGETS = set(re.findall(r"(?m)^([a-z]+):", (REPOSITORY / "Makefile").read_text()))

SCRIPTS = [
    *(REPOSITORY / name for name in ("Jenkinsfile", "Makefile", "deploy/rollout", ".ci/run")),
    *(REPOSITORY / "docker-compose.yml", REPOSITORY / "docker-compose.production.yml"),
    *sorted((REPOSITORY / ".github/workflows").glob("*.yml")),
    *sorted((REPOSITORY / "deploy/ci").iterdir()),
]

#: What stands before the program where a script runs it.
_RUN = r"(?:bin/|-- (?:\\\n\s*)?|\$\(BIN\)/|(?:^|\n|; do )[ ]*)"
#: How a command may begin: a prompt, variables for it alone, the folder of the program.
_LEAD = r"(?:\$ )?(?:\w+=\S+ )*(?:\.venv/bin/)?"
_FENCE = re.compile(r"(?ms)^( *)```.*?^\1```")


def _blocks_and_prose(text: str) -> tuple[str, str]:
    """Return a page's fenced blocks, lines that go on joined, and what stands around them."""
    blocks = "\n".join(found[0] for found in _FENCE.finditer(text))
    return re.sub(r"\\\n\s*", " ", blocks), _FENCE.sub("", text)


def commands_of(text: str) -> list[list[str]]:
    """Return the platform's own commands that a page names, word by word."""
    blocks, prose = _blocks_and_prose(text)
    lines = re.findall(rf"(?m)^ *{_LEAD}(dataplatform [^#\n|>]+)", blocks)
    found = [_words(line) for line in lines]
    for chain in re.finditer(rf"`{_LEAD}(dataplatform [^`]+)`((?:, (?:and )?`[^`]+`)*)", prose):
        found.append(_words(chain[1]))
        found += [_follows(chain[1], one) for one in re.findall(r"`([^`]+)`", chain[2])]
    return found


def _follows(command: str, one: str) -> list[str]:
    """Return what a page means by the second of `dataplatform alarm list`, `show`."""
    if one.startswith("dataplatform "):
        return _words(one)
    head, said = _words(command)[:1], shlex.split(one)
    # Of the same verb, or else a verb itself.
    return said if problem_of([*head, *said]) and not problem_of(said) else [*head, *said]


def _words(command: str) -> list[str]:
    text = re.sub(r"\s+", " ", command).replace("\\|", "|").replace("…", "").strip().rstrip("\\")
    return [word for word in shlex.split(text)[1:] if word != "&&"]


def problem_of(words: list[str]) -> str | None:
    """Return what is wrong with a command: a verb or an option that there is not."""
    node = COMMAND
    options: set[str] = {"--help", "-h"}
    for word in words:
        if word.startswith("-"):
            options |= {name for one in node.params for name in (*one.opts, *one.secondary_opts)}
            if word.partition("=")[0] not in options:
                return f"{word} in {' '.join(words)}"
        elif getattr(node, "commands", None):
            if word not in node.commands:
                return f"{word} in {' '.join(words)}"
            node = node.commands[word]
    return None


def _name(page: Path) -> str:
    return str(page.relative_to(REPOSITORY).with_suffix(""))


def test_the_pages_name_the_platforms_commands() -> None:
    verbs = {words[0] for page in PAGES for words in commands_of(page.read_text()) if words}
    assert set(COMMAND.commands) - verbs == set(), "each verb is told of somewhere"


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_every_command_can_be_typed(page: Path) -> None:
    problems = [problem_of(words) for words in commands_of(page.read_text())]
    assert [problem for problem in problems if problem] == []


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_every_target_of_make_and_every_module_is_there(page: Path) -> None:
    text = page.read_text()
    assert set(re.findall(r"(?m)(?:^|`|&& |\$ )make (?!-)([a-z]+)", text)) <= TARGETS
    for module in re.findall(r"python3? -m ((?:dataplatform|benchmarks)[\w.]*\w)", text):
        assert find_spec(module), module


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_links_and_files_that_are_named_exist(page: Path) -> None:
    _, prose = _blocks_and_prose(page.read_text())
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", prose):
        # An ellipsis stands for an address of the reader's own.
        assert "…" in target or (page.parent / target).exists(), target
    for target, heading in re.findall(r"\]\(([^)#:]*)#([^)]+)\)", prose):
        other = page if not target else page.parent / target
        assert heading in _headings(other.read_text()), f"{target}#{heading}"


def test_what_scripts_and_workflows_run_can_be_typed() -> None:
    found: dict[str, list[list[str]]] = {}
    for file in SCRIPTS:
        text = re.sub(r"(?m)^\s*(#|//).*$", "", file.read_text())
        for command in re.findall(rf"{_RUN}(dataplatform [a-z][^\n'\"|;&)]*)", text):
            found.setdefault(_name(file), []).append(_words(command))
        assert set(re.findall(r"(?:run: |sh ')make (?:-s )?([a-z]+)", text)) <= TARGETS, file
    assert {"Jenkinsfile", "deploy/rollout", "deploy/ci/data-diff"} <= set(found)
    problems = {
        name: wrong
        for name, commands in found.items()
        if (wrong := [told for words in commands if (told := problem_of(words))])
    }
    assert problems == {}


def _headings(text: str) -> set[str]:
    """Return the anchors that a page's headings have."""
    lines = re.findall(r"(?m)^#+ (.+)$", _FENCE.sub("", text))
    bare = [re.sub(r"[^\w\- ]", "", line.lower()) for line in lines]
    return {line.strip().replace(" ", "-") for line in bare}


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("`dataplatform publish --rolback x`", "--rolback in publish --rolback x"),
        ("```\n$ dataplatform conections plan\n```", "conections in conections plan"),
        ("```\nA=1 .venv/bin/dataplatform run \\\n  --rebuilt\n```", "--rebuilt in run --rebuilt"),
        ("`dataplatform alarm list`, `shoe`", "shoe in alarm shoe"),
        ("`dataplatform publish --list`, `--rolback x`", "--rolback in publish --rolback x"),
        ("`dataplatform env create`, `diff`, `promote`", None),
        ("`DATAPLATFORM_ENV=pr-1 dataplatform env\nlist`", None),
        ("```\ndataplatform run   # not --this\n```", None),
    ],
)
def test_a_command_that_is_none_is_found(text: str, wrong: str | None) -> None:
    problems = [problem_of(words) for words in commands_of(text)]
    assert problems
    assert [problem for problem in problems if problem] == ([wrong] if wrong else [])
