"""Notices reach a real mail server and a real web server; what goes wrong is told, not raised."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from types import SimpleNamespace
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Message

from dataplatform.declarations.errors import UserError
from dataplatform.resources.notifiers import Item, Notice, configured, send, slack_message
from dataplatform_tests.child_server import free_port

NOTICE = Notice(
    key="run-1",
    subject="Pipeline customers failed",
    text="Steps failed: dbt_build. What failed is tried again in 5 minutes.",
    items=(
        Item("candidate/dim_customers", "email_format", "team:data", "3 of 9 rows fail <here>."),
        Item("marts/dim_customers", "", "", "left out"),
    ),
    link="http://127.0.0.1:3000/runs/1",
)


class _Kept(Message):
    def __init__(self) -> None:
        super().__init__()
        self.messages: list[Any] = []

    def handle_message(self, message: Any) -> None:
        self.messages.append(message)


@pytest.fixture
def mail() -> Iterator[tuple[_Kept, int]]:
    kept = _Kept()
    port = free_port()
    controller = Controller(kept, hostname="127.0.0.1", port=port)
    controller.start()
    yield kept, port
    controller.stop()


@pytest.fixture
def web() -> Iterator[tuple[list[Any], str]]:
    posts: list[Any] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            posts.append(json.loads(body))
            self.send_response(500 if self.path == "/broken" else 200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Silent."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield posts, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def _environment(smtp: Any = None, webhook: str | None = None) -> Any:
    """An environment that resolves ${PORT} and ${HOOK}, and nothing else."""

    def resolve(text: str) -> str:
        if "${MISSING}" in text:
            raise UserError("MISSING is not set.")
        return text

    return SimpleNamespace(
        notifications=SimpleNamespace(smtp=smtp, webhook_url=webhook),
        resolve=resolve,
        resolve_all=lambda settings: {key: resolve(str(v)) for key, v in settings.items()},
    )


def test_a_mail_says_what_where_whose_and_why(mail: tuple[_Kept, int]) -> None:
    kept, port = mail
    smtp = {"host": "127.0.0.1", "port": port, "sender": "platform@example.com"}
    assert send(_environment(smtp), NOTICE, ["team@example.com", "webhook"]) == []
    (message,) = kept.messages
    assert message["Subject"] == "Pipeline customers failed"
    assert message["To"] == "team@example.com"
    text = message.get_payload(decode=True).decode()
    assert "candidate/dim_customers, rule email_format (owner team:data): 3 of 9" in text
    assert "http://127.0.0.1:3000/runs/1" in text


def test_a_webhook_gets_slacks_format(web: tuple[list[Any], str]) -> None:
    posts, url = web
    assert send(_environment(webhook=url), NOTICE, ["team@example.com", "webhook"]) == []
    assert posts == [slack_message(NOTICE)]
    header, body, items, context = posts[0]["blocks"]
    assert header["text"]["text"] == "Pipeline customers failed"
    assert "tried again" in body["text"]["text"]
    assert "*candidate/dim_customers* rule email_format" in items["text"]["text"]
    assert "&lt;here&gt;" in items["text"]["text"]
    assert "<http://127.0.0.1:3000/runs/1|" in context["elements"][0]["text"]


def test_a_very_long_notice_stays_within_slacks_limits() -> None:
    items = tuple(Item(f"staging/t{n}", "rule", "team:data", "x" * 500) for n in range(500))
    message = slack_message(Notice("k", "s" * 400, "t" * 5000, items, "http://x"))
    assert len(message["blocks"]) <= 50
    for block in message["blocks"]:
        assert len(block.get("text", {}).get("text", "")) <= 3000


def test_nothing_is_raised_when_a_server_is_away_or_a_secret_missing(
    web: tuple[list[Any], str],
) -> None:
    _, url = web
    away = {"host": "127.0.0.1", "port": 1, "sender": "p@example.com"}
    mail_problem, hook_problem = send(
        _environment(away, f"{url}/broken"), NOTICE, ["a@example.com", "webhook"]
    )
    assert mail_problem.startswith("The mail to a@example.com was not sent: ")
    assert hook_problem.startswith("The webhook was not reached: HTTP Error 500")
    assert send(_environment(webhook="${MISSING}"), NOTICE, ["webhook"]) == [
        "The webhook was not reached: MISSING is not set."
    ]
    assert send(_environment(webhook="file:///etc/passwd"), NOTICE, ["webhook"])
    assert not configured(_environment())
