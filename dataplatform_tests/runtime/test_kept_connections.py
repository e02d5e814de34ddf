"""A kept connection that is gone is replaced before anybody uses it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.pool import QueuePool

from dataplatform.runtime.kept_connections import ask_before_use


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    made = create_engine(f"sqlite:///{tmp_path / 'x.db'}", poolclass=QueuePool, pool_size=1)
    yield made
    made.dispose()


def _lose(engine: Engine) -> None:
    """Close the kept connection behind the pool's back, as the end of a server does."""
    kept = engine.raw_connection()
    held = kept.driver_connection
    assert isinstance(held, sqlite3.Connection)
    kept.close()
    held.close()


def _ask(engine: Engine) -> int:
    with engine.connect() as connection:
        return int(connection.execute(text("select 41 + 1")).scalar_one())


def test_without_asking_the_user_meets_the_loss(engine: Engine) -> None:
    assert _ask(engine) == 42
    _lose(engine)
    with pytest.raises(ProgrammingError, match="closed"):
        _ask(engine)


def test_with_asking_nobody_does(engine: Engine) -> None:
    ask_before_use(engine)
    assert _ask(engine) == 42
    for _ in range(3):
        _lose(engine)
        assert _ask(engine) == 42
    assert engine.pool.checkedout() == 0  # type: ignore[attr-defined]
