"""The tables of a made environment: shown, cloned, dropped, by each kind of warehouse in its way.

A maker touches only what it made: a file, a database or a project of its own. The choice alone
lives here; makers are imported when they are chosen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from dataplatform.declarations.errors import UserError

if TYPE_CHECKING:
    from dataplatform.declarations.project import Project


class Maker(Protocol):
    """Makes the tables of one environment."""

    @property
    def usual(self) -> str:
        """How it is done unless it is said otherwise: ``defer`` or ``clone``."""
        ...

    def make(self, how: str) -> int:
        """Make the tables and return how many there are."""
        ...

    def settings(self, how: str) -> dict[str, Any]:
        """Return the settings of the warehouse that differ from the base's."""
        ...

    def drop(self) -> None:
        """Remove everything that was made; what is not there is no mistake."""
        ...


def maker_of(base: Project, name: str) -> Maker:
    """Return the maker for a base's kind of warehouse; nothing is contacted yet.

    Raises:
        UserError: environments cannot be made from such a warehouse.
    """
    kind = base.environment.warehouse.type
    if kind == "duckdb":
        from dataplatform.environments.made_duckdb import DuckDBMaker

        return DuckDBMaker(base, name)
    if kind == "ducklake":
        from dataplatform.environments.made_lake import LakeMaker

        return LakeMaker(base, name)
    if kind == "snowflake":
        from dataplatform.environments.made_snowflake import SnowflakeMaker

        return SnowflakeMaker(base, name)
    if kind == "bigquery":
        from dataplatform.environments.made_bigquery import BigQueryMaker

        return BigQueryMaker(base, name)
    raise UserError(f"An environment cannot be made from a warehouse of type {kind!r}.")
