"""`dataplatform servers` and `dataplatform demo`, as typed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from typer import Typer
from typer.testing import CliRunner, Result

from dataplatform.cli import demo as demo_command
from dataplatform.cli import servers as servers_command
from dataplatform.declarations.errors import UserError
from dataplatform_tests.servers import Servers, running

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def own() -> Iterator[Servers]:
    with running(only=("community", "crm"), seeded=False) as found:
        yield found


@pytest.fixture(autouse=True)
def chosen(own: Servers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATAPLATFORM_PROJECT", str(own.project.root))
    monkeypatch.setenv("COLUMNS", "200")


def _type(app: Typer, *words: str, expect: int = 0) -> str:
    result: Result = CliRunner().invoke(app, list(words))
    assert result.exit_code == expect, result.output
    return result.output


def test_the_demo_is_made_moved_and_shown() -> None:
    assert "Made the demo" in _type(demo_command.app, "seed")
    assert "there already" in _type(demo_command.app, "seed")
    assert "It is 2026-01-03" in _type(demo_command.app, "advance", "--days", "2")
    shown = _type(demo_command.app, "status")
    assert shown.count("2026-01-03") == 2


def test_servers_are_shown_restarted_and_stopped() -> None:
    assert "Running: " in _type(servers_command.app, "start")
    assert _type(servers_command.app, "status").count("running") == 2
    assert "crm |" in _type(servers_command.app, "logs", "crm", "-n", "3")
    assert "crm" in _type(servers_command.app, "restart", "crm")
    assert "Stopped: crm, community." in _type(servers_command.app, "stop")
    assert "No local server was running." in _type(servers_command.app, "stop")
    assert _type(servers_command.app, "status", expect=1).count("stopped") == 2


def test_a_server_that_does_not_exist_is_named_with_the_nearest() -> None:
    result = CliRunner().invoke(servers_command.app, ["logs", "comunity"])
    assert isinstance(result.exception, UserError)
    assert "Did you mean 'community'?" in str(result.exception)
