"""What each destination must be told, and how a warehouse behind a copy is tried."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from dataplatform.local.fivetran.destination import SERVICES, open_destination
from dataplatform.local.fivetran.model import SyncFailure
from dataplatform.local.fivetran.target import Target

_LAKE = {name: "x" for name in ("host", "port", "user", "password", "database", "files_url")}


class Listening(Target):
    """A warehouse that notes what it is asked, or refuses it."""

    name = "Elsewhere"
    needed = ("address",)
    asked: tuple[str, ...] = ()

    @contextmanager
    def connected(self) -> Iterator[Any]:
        if self._config["address"] == "wrong":
            raise ConnectionError("nobody\nanswers   there")
        yield None

    def ask(self, client: Any, sql: str) -> list[tuple[Any, ...]]:
        self.asked = (*self.asked, sql)
        return [(1,)]

    def replace(self, schema: str, table: str, file: Path) -> None:
        raise NotImplementedError

    def merge(self, schema: str, table: str, file: Path, key: Sequence[str]) -> None:
        raise NotImplementedError

    def count(self, schema: str, table: str) -> int | None:
        raise NotImplementedError


@pytest.mark.parametrize(
    ("service", "config", "told"),
    [
        ("duckdb", {}, "no 'path': a DuckDB file needs path"),
        ("ducklake", _LAKE, "no 'files_access_key': a DuckLake needs host, port, user, "),
        ("snowflake", {"user": "u"}, "no 'password': Snowflake needs user, password, database, mi"),
        ("snowflake", dict.fromkeys(("user", "password", "database"), "x"), "no 'mirror'"),
        ("big_query", {}, "no 'project_id': BigQuery needs project_id, token, mirror"),
        ("big_query", {"project_id": "p", "token": ""}, "no 'token'"),
        ("oracle", {}, f"'oracle' is not known here; use one of {', '.join(SERVICES)}"),
    ],
)
def test_what_is_missing_is_named(
    service: str, config: dict[str, Any], told: str, tmp_path: Path
) -> None:
    with pytest.raises(SyncFailure, match=told) as refused:
        open_destination(service, config, tmp_path)
    assert refused.value.code in ("destination_incomplete", "destination_unknown")


def test_a_warehouse_is_tried_by_a_question() -> None:
    target = Listening({"address": "here", "mirror": "m"})
    assert [(test.title, test.status) for test in target.test()] == [
        ("Connect to Elsewhere", "PASSED")
    ]
    assert target.asked == ("select 1",)


def test_why_a_warehouse_does_not_answer_is_one_line() -> None:
    (told,) = Listening({"address": "wrong", "mirror": "m"}).test()
    assert (told.status, told.message) == ("FAILED", "nobody answers there")
