"""BigQuery as the warehouse that the local service writes to: a load job, then MERGE."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dataplatform.bigquery_load import load_parquet, merge_parquet, quoted
from dataplatform.local.fivetran.model import SetupTest, SyncFailure

_NEEDED = ("project_id", "token", "mirror")
_LABELS = {"app": "fivetran"}


class BigQueryTarget:
    """A BigQuery project.

    Args:
        config: the destination's settings.

    Raises:
        SyncFailure: a setting is missing.
    """

    def __init__(self, config: Mapping[str, Any]) -> None:
        missing = [name for name in _NEEDED if not config.get(name)]
        if missing:
            raise SyncFailure(
                f"The destination has no {missing[0]!r}: BigQuery needs {', '.join(_NEEDED)}.",
                code="destination_incomplete",
            )
        self._config = config

    @contextmanager
    def _connected(self) -> Iterator[Any]:
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

    def test(self) -> list[SetupTest]:
        title = "Connect to BigQuery"
        try:
            with self._connected() as client:
                client.query("select 1").result()
        except Exception as error:
            return [SetupTest(title, "FAILED", " ".join(str(error).split()))]
        return [SetupTest(title, "PASSED")]

    def replace(self, schema: str, table: str, file: Path) -> None:
        with self._connected() as client:
            load_parquet(client, schema, table, file, labels=_LABELS)

    def merge(self, schema: str, table: str, file: Path, key: Sequence[str]) -> None:
        with self._connected() as client:
            merge_parquet(client, schema, table, file, list(key), labels=_LABELS)

    def count(self, schema: str, table: str) -> int | None:
        from google.api_core.exceptions import NotFound

        with self._connected() as client:
            try:
                client.get_table(f"{client.project}.{schema}.{table}")
            except NotFound:
                return None
            place = f"{quoted(schema)}.{quoted(table)}"
            ((rows,),) = client.query(f"select count(*) from {place}").result()
            return int(rows)
