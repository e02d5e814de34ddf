"""Databases beside one another in the stand-in for Snowflake: cloned, dropped, compared."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dataplatform.local.snowflake import Snowflake
from dataplatform.resources.warehouse.snowflake import SnowflakeAdapter
from dataplatform_tests.child_server import child, free_port

pytestmark = pytest.mark.slow


@pytest.fixture
def server() -> Iterator[Snowflake]:
    folder = Path(tempfile.mkdtemp(prefix="snowflake-"))
    yield Snowflake("snowflake", folder, free_port(), Snowflake.make_credentials())
    shutil.rmtree(folder, ignore_errors=True)


def asked(server: Snowflake, database: str, *statements: str) -> list[tuple[Any, ...]]:
    settings = {
        **server.record(),
        "protocol": "http",
        "account": "local",
        "role": "TRANSFORMER",
        "warehouse": "TRANSFORMING",
        "database": database,
    }
    with SnowflakeAdapter(lambda: settings).session("a test") as session:
        return [session.execute(one) for one in statements][-1]


def test_a_database_is_cloned_found_after_a_restart_and_dropped(server: Snowflake) -> None:
    with child(server):
        asked(
            server,
            "ANALYTICS",
            "CREATE SCHEMA marts",
            "CREATE TABLE marts.things AS SELECT 1 AS id, 'a' AS name, 1.5::FLOAT AS n",
            "CREATE VIEW marts.seen COMMENT = 'shown' AS SELECT * FROM marts.things",
            'CREATE TRANSIENT DATABASE "PR_1" CLONE "ANALYTICS"',
            "UPDATE PR_1.marts.things SET name = 'b'",
            "CREATE VIEW PR_1.marts.base AS SELECT * FROM ANALYTICS.marts.things",
        )
        listed = "SELECT table_name, table_type, comment FROM information_schema.tables ORDER BY 1"
        assert asked(server, "PR_1", listed) == [
            ("BASE", "VIEW", None),
            ("SEEN", "VIEW", "shown"),
            ("THINGS", "BASE TABLE", None),
        ]
        # A signed number, the same for equal rows; other rows, another one.
        hashed = "SELECT bitxor_agg(hash(id, name)), max(mod(abs(hash(id)), 16)) FROM marts.things"
        ((one, drawer),), ((other, same),) = (
            asked(server, d, hashed) for d in ("PR_1", "ANALYTICS")
        )
        assert one != other and drawer == same and drawer < 16
        text = "SELECT to_varchar(n, '9.99999999EEEE') FROM marts.things"
        assert asked(server, "PR_1", text) == [("1.50000000e+00",)]
    with child(server):
        # The view reads a database that nobody has named since the server is there again.
        assert asked(server, "PR_1", "SELECT name FROM marts.base") == [("a",)]
        assert asked(server, "PR_1", "SELECT name FROM marts.seen") == [("b",)]
        asked(server, "ANALYTICS", "DROP DATABASE PR_1", "DROP DATABASE IF EXISTS PR_1")
        with pytest.raises(Exception, match="'PR_1' does not exist"):
            asked(server, "ANALYTICS", "DROP DATABASE PR_1")
        with pytest.raises(Exception, match="'NONE' does not exist"):
            asked(server, "ANALYTICS", "CREATE DATABASE PR_2 CLONE NONE")
        with pytest.raises(Exception, match="already exists"):
            asked(server, "ANALYTICS", "CREATE DATABASE ANALYTICS CLONE ANALYTICS")
        assert asked(server, "ANALYTICS", "SELECT name FROM marts.things") == [("a",)]
