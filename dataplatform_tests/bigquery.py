"""The stand-in for BigQuery alone, as a test's own, with the settings that open it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from dataplatform.local.bigquery import BigQuery
from dataplatform_tests.child_server import child, free_port, inner_ports


@contextmanager
def bigquery() -> Iterator[tuple[dict[str, Any], Path]]:
    """Run the stand-in; give a resolved ``warehouse`` block and the key file of its account."""
    with TemporaryDirectory(prefix="bigquery-") as folder:
        server = BigQuery(
            "bigquery", Path(folder), free_port(), BigQuery.make_credentials(),
            inner_ports(BigQuery),
        )  # fmt: skip
        with child(server):
            record = server.record()
            yield (
                {
                    "type": "bigquery",
                    "project": record["project"],
                    "location": "EU",
                    "token": record["token"],
                    "endpoint": record["url"],
                    "maximum_bytes_billed": 10**12,
                },
                server.key_file,
            )
