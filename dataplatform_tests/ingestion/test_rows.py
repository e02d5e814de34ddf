"""Rows of extracts, from a real HTTP server and from Python functions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dataplatform.declarations.errors import UserError
from dataplatform.declarations.project import Project, open_project
from dataplatform.ingestion.extracts.objects import json_lines
from dataplatform.ingestion.extracts.rows import rows_of
from dataplatform_tests.resources.scripted_server import Answer, Request, scripted

USERS = [{"id": number, "address": {"geo": {"lat": 1.5}}} for number in range(5)]


def read(project: Project, url: str) -> list[dict[str, Any]]:
    environment = project.root / "config" / "environments" / "local.yml"
    text = environment.read_text(encoding="utf-8")
    environment.write_text(text.replace("API_URL: http://127.0.0.1:9", f"API_URL: {url}"))
    project = open_project(project.root)
    extract = project.extracts[0]
    return list(rows_of(project, extract, extract.resources[0], None))


def pages(request: Request) -> Answer:
    page, limit = int(request.query["_page"]), int(request.query["_limit"])
    rows = USERS[(page - 1) * limit : page * limit]
    more = page * limit < len(USERS)
    host = request.headers["Host"]
    link = f'<http://{host}/users?_page={page + 1}&_limit={limit}>; rel="next"'
    return Answer(rows, headers={"Link": link} if more else {})


def test_pages_are_followed_by_their_links(project: Project) -> None:
    with scripted(pages) as server:
        assert read(project, server.url) == USERS
        assert [request.query["_page"] for request in server.requests] == [
            "1",
            "2",
            "3",
        ]


def test_rate_limits_and_server_errors_are_waited_out(project: Project) -> None:
    bad = iter([Answer({}, 429, {"Retry-After": "1"}), Answer({}, 503)])

    def answer(request: Request) -> Answer:
        return next(bad, None) or pages(request)

    with scripted(answer) as server:
        assert read(project, server.url) == USERS


def test_a_refusal_is_one_sentence(project: Project) -> None:
    with (
        scripted(lambda request: Answer({"no": 1}, 404)) as server,
        pytest.raises(UserError, match="/users cannot be read: 404"),
    ):
        read(project, server.url)


def test_an_answer_that_is_no_json_is_one_sentence(project: Project) -> None:
    with (
        scripted(lambda request: Answer("<html>")) as server,
        pytest.raises(UserError, match="cannot be read"),
    ):
        read(project, server.url)


@pytest.fixture
def python_project(project: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    (project.root / "own_source.py").write_text(
        "def rows(resource, cursor):\n"
        "    for number in range(4):\n"
        "        yield {'id': number, 'day': f'2026-01-0{number + 1}'}\n"
        "def broken(resource, cursor):\n"
        "    raise RuntimeError('boom')\n"
    )
    monkeypatch.syspath_prepend(str(project.root))
    write_extract(project.root, "own_source:rows")
    return open_project(project.root)


def write_extract(root: Path, module: str) -> None:
    (root / "config" / "extracts" / "site.yml").write_text(
        f"kind: python\ndescription: Own.\nowner: team:site\nmodule: {module}\n"
        "resources:\n  - {name: users, primary_key: [id], cursor: day}\n"
    )


def test_a_function_yields_rows_beyond_the_cursor(python_project: Project) -> None:
    extract = python_project.extracts[0]
    rows = list(rows_of(python_project, extract, extract.resources[0], "2026-01-02"))
    assert [row["id"] for row in rows] == [2, 3]


@pytest.mark.parametrize(
    ("module", "sentence"),
    [
        ("own_source:nothing", "has no function 'nothing'"),
        ("own_sorce:rows", "there is no Python module 'own_sorce'"),
        ("own_source:broken", "RuntimeError: boom"),
    ],
)
def test_a_wrong_function_is_one_sentence(
    python_project: Project, module: str, sentence: str
) -> None:
    write_extract(python_project.root, module)
    project = open_project(python_project.root)
    extract = project.extracts[0]
    with pytest.raises(UserError, match=sentence):
        list(rows_of(project, extract, extract.resources[0], None))


def test_the_same_rows_give_the_same_bytes() -> None:
    rows = [{"id": 10, "b": 1, "a": "é"}, {"id": 9, "a": None, "b": {"y": 1, "x": 2}}]
    body = json_lines(rows, ["id"])
    assert body == json_lines([dict(reversed(row.items())) for row in reversed(rows)], ["id"])
    lines = [json.loads(line) for line in body.splitlines()]
    assert [line["id"] for line in lines] == [9, 10]
