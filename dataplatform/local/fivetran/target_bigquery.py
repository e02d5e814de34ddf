"""BigQuery as the warehouse that the local service writes to: a load job, then MERGE."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dataplatform.bigquery_load import load_parquet, merge_parquet, quoted
from dataplatform.local.fivetran.target import Target

_LABELS = {"app": "fivetran"}


class BigQueryTarget(Target):
    """A BigQuery project."""

    name = "BigQuery"
    needed = ("project_id", "token")

    @contextmanager
    def connected(self) -> Iterator[Any]:
        from google.cloud import bigquery
        from google.oauth2.credentials import Credentials

        endpoint = self._config.get("endpoint")
        client = bigquery.Client(
            project=self._config["project_id"],
            location=self._config.get("data_set_location"),
            credentials=Credentials(token=self._config["token"]),
            client_options={"api_endpoint": endpoint} if endpoint else None,
        )
        try:
            yield client
        finally:
            client.close()

    def ask(self, client: Any, sql: str) -> list[tuple[Any, ...]]:
        return [tuple(row.values()) for row in client.query(sql).result()]

    def replace(self, schema: str, table: str, file: Path) -> None:
        with self.connected() as client:
            load_parquet(client, schema, table, file, labels=_LABELS)

    def merge(self, schema: str, table: str, file: Path, key: Sequence[str]) -> None:
        with self.connected() as client:
            merge_parquet(client, schema, table, file, list(key), labels=_LABELS)

    def count(self, schema: str, table: str) -> int | None:
        from google.api_core.exceptions import NotFound

        with self.connected() as client:
            try:
                client.get_table(f"{client.project}.{schema}.{table}")
            except NotFound:
                return None
            place = f"{quoted(schema)}.{quoted(table)}"
            return int(self.ask(client, f"select count(*) from {place}")[0][0])
