"""The stand-in for Snowflake alone, as a test's own, with the settings that open it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from dataplatform.local.snowflake import Snowflake
from dataplatform_tests.child_server import child, free_port


@contextmanager
def snowflake() -> Iterator[dict[str, Any]]:
    """Run the stand-in; give a resolved ``warehouse`` block."""
    with TemporaryDirectory(prefix="snowflake-") as folder:
        server = Snowflake("snowflake", Path(folder), free_port(), Snowflake.make_credentials())
        with child(server):
            yield {
                "type": "snowflake",
                **server.record(),
                "protocol": "http",
                "account": "local",
                "role": "TRANSFORMER",
                "warehouse": "TRANSFORMING",
                "database": "ANALYTICS",
            }
