"""The warehouse as datasets of a BigQuery project, through Google's own client.

The client is imported and the credentials are read at the first session. Each query is a job of
its own: it bears labels that say what asked for it, and ends unbilled where it would read more than
the environment allows. dagster-gcp's resource would do the same for one client alone: it hands
credentials over in the process environment, which the threads of a run share.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dataplatform.bigquery_jobs import asset_label, label
from dataplatform.bigquery_load import load_parquet, quoted, type_name
from dataplatform.keys import Relation
from dataplatform.resources.warehouse.alchemy import Alchemy
from dataplatform.resources.warehouse.bigquery_alchemy import of_project
from dataplatform.resources.warehouse.bigquery_client import open_client
from dataplatform.resources.warehouse.bigquery_errors import explained
from dataplatform.resources.warehouse.bigquery_session import BigQuerySession
from dataplatform.resources.warehouse.bigquery_swap import BigQuerySwap
from dataplatform.resources.warehouse.interface import Session
from dataplatform.resources.warehouse.sql import ROWS, SqlWarehouse
from dataplatform.resources.warehouse.work import TAG_VARIABLE, told

_HASH = f"farm_fingerprint(to_json_string({ROWS}))"


def labels(purpose: str | None = None) -> dict[str, str]:
    """Return the labels of a job that is sent now: what ``work`` tells.

    Args:
        purpose: why it is sent; a table that it names is the asset.
    """
    return {
        name: asset_label(text) if name == "asset" else label(text)
        for name, text in told(purpose).items()
    }


class BigQueryAdapter(SqlWarehouse):
    """A warehouse in a BigQuery project; schemas are its datasets.

    Args:
        settings: gives the resolved ``warehouse`` block when it is first needed.
    """

    dialect = "bigquery"
    # Two figures of the rows' hashes: pairs of equal rows cancel one another in the first.
    rows_state = f"bit_xor({_HASH}), sum(mod({_HASH}, 1000000007))"
    rows_hash = f"cast(sum(mod({_HASH}, 1000000007)) as string)"

    def __init__(self, settings: Callable[[], Mapping[str, Any]]) -> None:
        self._settings = settings

    @property
    def swap(self) -> BigQuerySwap:
        """Versions are clones, and so is what consumers read."""
        return BigQuerySwap()

    @contextmanager
    def session(self, purpose: str, patience: float | None = None) -> Iterator[Session]:
        """Open a client for one conversation, whose jobs say what they are for."""
        settings = self._settings()
        job: dict[str, Any] = {"labels": labels(purpose)}
        if settings.get("maximum_bytes_billed"):
            job["maximum_bytes_billed"] = int(settings["maximum_bytes_billed"])
        client = open_client(settings)
        try:
            yield BigQuerySession(client, job)
        except Exception as error:
            sentence = explained(error, settings)
            if sentence is None:
                raise
            raise sentence from error
        finally:
            client.close()

    @contextmanager
    def alchemy(self, purpose: str) -> Iterator[Alchemy]:
        """Open the project through SQLAlchemy; whatever is not one query is refused."""
        from google.cloud.bigquery import QueryJobConfig

        with self.session(purpose) as session:
            assert isinstance(session, BigQuerySession)
            session.client.default_query_job_config = QueryJobConfig(**session.job)
            with of_project(session.client, fast=not self._settings().get("endpoint")) as opened:
                yield opened

    def dbt_variables(self) -> dict[str, str]:
        """Return what dbt's profile reads: every setting under its own name; and the labels."""
        found = {
            f"BIGQUERY_{name.upper()}": str(value)
            for name, value in self._settings().items()
            if name != "type" and value is not None
        }
        return found | {TAG_VARIABLE: json.dumps(labels())}

    def together(self, session: Session, statements: Sequence[str]) -> None:
        """Run statements as one job: a transaction ends with its job, undone where that fails."""
        script = ("BEGIN TRANSACTION", *statements, "COMMIT TRANSACTION")
        session.execute(";\n".join(script))

    def load_parquet(self, relation: Relation, path: Path) -> int:
        """Make a table of a Parquet file's rows by a load job, which costs nothing."""
        with self.session(f"load {relation}") as session:
            assert isinstance(session, BigQuerySession)
            return load_parquet(
                session.client, relation.schema, relation.table, path, **session.job
            )

    def export_parquet(self, relation: Relation, path: Path) -> int:
        """Write a relation as one Parquet file, sorted by all its columns."""
        from pyarrow import parquet

        with self.session(f"export {relation}") as session:
            assert isinstance(session, BigQuerySession)
            columns = self._columns_of(session, relation)
            rows = session.run(f"select * from {named(relation)}")
            # Over the storage API where there is one: the double's speaks without encryption.
            fast = not self._settings().get("endpoint")
            table = rows.to_arrow(create_bqstorage_client=fast)
        # Here, because the service sorts no JSON, and a sort there would cost a slot's memory.
        table = table.sort_by([(name, "ascending") for name in columns])
        parquet.write_table(table, path, compression="zstd")
        return int(table.num_rows)

    def _columns(self, session: Session, relation: Relation) -> dict[str, str] | None:
        table = session.table(relation)  # type: ignore[attr-defined]
        return None if table is None else {one.name: type_name(one) for one in table.schema}


def named(relation: Relation) -> str:
    """Return the ``dataset.table`` of a relation in backticks."""
    return f"{quoted(relation.schema)}.{quoted(relation.table)}"
