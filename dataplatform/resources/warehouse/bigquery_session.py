"""One conversation with BigQuery: statements as jobs, and what the service knows of its tables.

How a client is opened is the business of ``bigquery_client``; which jobs are sent, that of
``bigquery``.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from dataplatform.bigquery_jobs import patience, run
from dataplatform.keys import Relation

_LISTING = ".INFORMATION_SCHEMA."


class BigQuerySession:
    """One conversation: jobs with the same labels and the same limit.

    Args:
        client: Google's client.
        job: settings of each query job.
    """

    def __init__(self, client: Any, job: Mapping[str, Any]) -> None:
        self.client = client
        self.job = dict(job)

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Run one statement as a job and return its rows; a missing dataset lists nothing."""
        from google.api_core.exceptions import NotFound

        try:
            return [tuple(row.values()) for row in self.run(sql, parameters)]
        except NotFound:
            if _LISTING not in sql:
                raise
            return []

    def run(self, sql: str, parameters: Sequence[Any] = ()) -> Any:
        """Run one statement as a job; return its rows as the client has them."""
        from google.cloud import bigquery

        settings = bigquery.QueryJobConfig(**self.job)
        if parameters:
            settings.query_parameters = [
                bigquery.ScalarQueryParameter(None, _kind(one), one) for one in parameters
            ]
        return run(self.client, sql, settings)

    def table(self, relation: Relation) -> Any:
        """Return what the service knows of a relation, or None; costs no query."""
        from google.api_core.exceptions import NotFound

        try:
            return self.client.get_table(f"{self.client.project}.{relation}", retry=patience())
        except NotFound:
            return None

    def datasets(self) -> list[str]:
        """Return the names of the project's datasets."""
        return [one.dataset_id for one in self.client.list_datasets(retry=patience())]

    def tables(self, schema: str) -> list[str]:
        """Return the names of a dataset's relations; none where there is no dataset."""
        from google.api_core.exceptions import NotFound

        try:
            return [one.table_id for one in self.client.list_tables(schema, retry=patience())]
        except NotFound:
            return []


def _kind(value: Any) -> str:
    kinds: dict[type, str] = {
        bool: "BOOL",
        int: "INT64",
        float: "FLOAT64",
        Decimal: "NUMERIC",
        datetime.datetime: "TIMESTAMP",
        datetime.date: "DATE",
        bytes: "BYTES",
    }
    return kinds.get(type(value), "STRING")
