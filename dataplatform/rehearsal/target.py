"""The table that an incident befalls, and which of its columns suit it.

Statements about it are DuckDB's: a rehearsal's copy is always a DuckDB file.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from dataplatform.declarations.errors import UserError
from dataplatform.keys import Relation
from dataplatform.resources.warehouse.interface import DELETED_COLUMN, SYNCED_COLUMN, quoted
from dataplatform.resources.warehouse.types import family

if TYPE_CHECKING:
    import duckdb

TEXT = frozenset({"string"})
NUMBERS = frozenset({"integer", "bigint", "decimal", "double"})
AMOUNTS = frozenset({"decimal", "double"})
TIMES = frozenset({"timestamptz", "timestamp"})


@dataclass(frozen=True)
class Target:
    """A copied table.

    Attributes:
        connection: of the copy's warehouse file.
        relation: the table.
        keys: columns that tell its rows apart, as declared.
        now: the moment at which the damaged sync ends.
        share: of the rows that are damaged.
        prefer: columns to damage where the table has them.
    """

    connection: duckdb.DuckDBPyConnection
    relation: Relation
    keys: tuple[str, ...]
    now: datetime
    share: float
    prefer: tuple[str, ...] = ()

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Run a statement; ``{table}`` in it is the table."""
        result = self.connection.execute(
            sql.replace("{table}", f"{quoted(self.relation.schema)}.{quoted(self.relation.table)}"),
            list(parameters) or None,
        )
        return result.fetchall() if result.description else []

    @property
    def columns(self) -> Mapping[str, str]:
        """Columns to the family of their type, those of the sync itself left out."""
        rows = self.execute(
            "select column_name, data_type from duckdb_columns() where database_name = "
            "current_database() and schema_name = ? and table_name = ? order by column_index",
            self.relation,
        )
        return {
            name: family("duckdb", kind).partition("(")[0]
            for name, kind in rows
            if not name.startswith("_fivetran") and name not in ("_file", "_line", "_modified")
        }

    @property
    def synced(self) -> bool:
        """Whether its rows tell when they were synced."""
        return bool(
            self.execute(
                "select 1 from duckdb_columns() where database_name = current_database() "
                f"and schema_name = ? and table_name = ? and column_name = '{SYNCED_COLUMN}'",
                self.relation,
            )
        )

    def rows(self) -> int:
        """Return how many rows it has."""
        return int(self.execute("select count(*) from {table}")[0][0])

    def pick(
        self, families: Collection[str], what: str, *, count: int = 1, least: float = 0.9
    ) -> list[str]:
        """Return the columns that suit an incident best: the preferred ones, else the fullest.

        Args:
            families: of types that suit.
            what: the incident, for the sentence where nothing suits.
            count: how many.
            least: share of values that must not be NULL.

        Raises:
            UserError: the table has too few such columns.
        """
        known = {
            name: kind
            for name, kind in self.columns.items()
            if kind in families and name not in self.keys
        }
        found = [name for name in self.prefer if name in known]
        rest = [name for name in known if name not in found]
        if len(found) < count and rest:
            filled = ", ".join(f"count({quoted(name)})" for name in rest)
            different = ", ".join(f"approx_count_distinct({quoted(name)})" for name in rest)
            figures = self.execute(f"select count(*), {filled}, {different} from {{table}}")[0]
            full = dict(zip(rest, figures[1 : len(rest) + 1], strict=True))
            # A column of one value cannot be damaged so that anybody would mind.
            varied = dict(zip(rest, figures[len(rest) + 1 :], strict=True))
            found += [
                name
                for name in rest
                if full[name] >= least * figures[0] and full[name] and varied[name] > 1
            ]
        if len(found) < count:
            kinds = " or ".join(sorted(families)) or "any type"
            wanted = "a column" if count == 1 else f"{count} columns"
            raise UserError(
                f"{self.relation} does not suit {what}: it needs {wanted} of type {kinds} with "
                "values in nearly every row, beside its key."
            )
        return found[:count]

    def struck(self, salt: str = "") -> str:
        """Return the condition that is true of the damaged share of the rows, always the same."""
        if self.share >= 1:
            return "true"
        return f"hash(rowid || '{salt}') % 10000 < {int(self.share * 10000)}"

    def update(self, assignments: str, condition: str | None = None) -> int:
        """Change rows as a sync does, which stamps every row that it touches.

        Args:
            assignments: of an UPDATE.
            condition: which rows; the damaged share without it.

        Returns:
            How many rows were changed.
        """
        stamp = f", {SYNCED_COLUMN} = timestamptz '{self.now.isoformat()}'" if self.synced else ""
        rows = self.execute(
            f"update {{table}} set {assignments}{stamp} where {condition or self.struck()}"
        )
        return int(rows[0][0])

    def stamp(self) -> None:
        """Say that the sync touched the table although no row's own values changed."""
        if self.synced:
            self.execute(
                f"update {{table}} set {SYNCED_COLUMN} = timestamptz '{self.now.isoformat()}' "
                f"where rowid = (select max(rowid) from {{table}})"
            )


__all__ = ["AMOUNTS", "DELETED_COLUMN", "NUMBERS", "TEXT", "TIMES", "Target"]
