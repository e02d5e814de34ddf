"""Notices to people: by mail, and to a webhook in Slack's format.

How a notice is worded and delivered lives here; what is worth one, and for whom, is automation's.
"""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from smtplib import SMTP
from ssl import create_default_context
from typing import Any

from dataplatform.declarations.environment import Environment
from dataplatform.declarations.errors import UserError

WEBHOOK = "webhook"
TIMEOUT_SECONDS = 10.0


@dataclass(frozen=True)
class Item:
    """One thing that is wrong: an asset, its rule, its owner, and what was seen."""

    asset: str
    rule: str
    owner: str
    text: str

    def line(self) -> str:
        """Return the item as one line of text."""
        rule = f", rule {self.rule}" if self.rule else ""
        owner = f" (owner {self.owner})" if self.owner else ""
        return f"{self.asset}{rule}{owner}: {self.text}"


@dataclass(frozen=True)
class Notice:
    """What a person is told.

    Attributes:
        key: the same for the same event, so that a mail sent twice can be known as one.
        subject: one line.
        text: what happened, in a sentence or two.
        items: what is wrong.
        link: where to look.
    """

    key: str
    subject: str
    text: str
    items: Sequence[Item] = field(default_factory=tuple)
    link: str = ""

    def plain(self) -> str:
        """Return the notice as plain text."""
        lines = [self.text, ""]
        lines += [f"- {item.line()}" for item in self.items]
        return "\n".join([*lines, "", self.link]).strip() + "\n"


def send(environment: Environment, notice: Notice, recipients: Collection[str]) -> list[str]:
    """Deliver a notice and return what went wrong, one sentence each; nothing is raised.

    Args:
        environment: its settings are resolved now, not before.
        notice: what to say.
        recipients: mail addresses, and "webhook". What the environment does not set up is left.
    """
    problems = []
    mail = sorted(who for who in recipients if who != WEBHOOK)
    settings = environment.notifications
    try:
        if mail and settings.smtp:
            _send_mail(environment.resolve_all(settings.smtp), notice, mail)
    except (OSError, UserError, ValueError) as error:
        problems.append(f"The mail to {', '.join(mail)} was not sent: {error}")
    try:
        if WEBHOOK in recipients and settings.webhook_url:
            _post(environment.resolve(settings.webhook_url), notice)
    except (OSError, UserError, ValueError) as error:
        problems.append(f"The webhook was not reached: {error}")
    return problems


def configured(environment: Environment) -> bool:
    """Return whether the environment can notify anybody at all."""
    settings = environment.notifications
    return bool(settings.smtp or settings.webhook_url)


def _send_mail(smtp: dict[str, Any], notice: Notice, recipients: Sequence[str]) -> None:
    message = EmailMessage()
    message["Subject"] = " ".join(notice.subject.split())
    message["From"] = smtp["sender"]
    message["To"] = ", ".join(recipients)
    message["Date"] = formatdate()
    message["Message-ID"] = make_msgid(notice.key, "dataplatform")
    message.set_content(notice.plain())
    with mail_server(smtp) as server:
        server.send_message(message, to_addrs=list(recipients))


@contextmanager
def mail_server(smtp: Mapping[str, Any]) -> Iterator[SMTP]:
    """Connect to a mail server, secretly where it can, and log in where a user is named.

    Args:
        smtp: the resolved ``notifications.smtp`` block.
    """
    with SMTP(smtp["host"], int(smtp["port"]), timeout=TIMEOUT_SECONDS) as server:
        server.ehlo()
        if server.has_extn("starttls"):
            server.starttls(context=create_default_context())
            server.ehlo()
        if smtp.get("username"):
            server.login(smtp["username"], smtp.get("password") or "")
        yield server


def _post(url: str, notice: Notice) -> None:
    if not url.startswith(("http://", "https://")):
        raise ValueError("its address does not begin with http:// or https://.")
    body = json.dumps(slack_message(notice)).encode()
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS):
        pass


def slack_message(notice: Notice) -> dict[str, Any]:
    """Return a notice as Slack's incoming webhooks take it."""
    blocks: list[dict[str, Any]] = [
        {"type": "header", "text": {"type": "plain_text", "text": notice.subject[:150]}},
        {"type": "section", "text": {"type": "mrkdwn", "text": _escape(notice.text)[:2900]}},
    ]
    lines = [f"• *{_escape(item.asset)}* {_escape(_rest(item))}" for item in notice.items]
    for start in range(0, min(len(lines), 100), 10):
        text = "\n".join(lines[start : start + 10])[:2900]
        blocks.append({"type": "section", "text": {"type": "mrkdwn", "text": text}})
    if notice.link:
        link = {"type": "mrkdwn", "text": f"<{notice.link}|Open in Dagster>"}
        blocks.append({"type": "context", "elements": [link]})
    return {"text": f"{notice.subject}: {notice.text}"[:2900], "blocks": blocks}


def _rest(item: Item) -> str:
    return item.line()[len(item.asset) :].lstrip(", :")


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
