"""A DuckLake for tests: a real PostgreSQL and a real object store on this machine."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from dataplatform.local.object_store import ObjectStore
from dataplatform.local.postgres import Postgres
from dataplatform.local.server import Server
from dataplatform_tests.child_server import child, free_port


@contextmanager
def served_lake() -> Iterator[dict[str, Any]]:
    """Run both servers and give the lake's settings, as an environment would resolve them."""
    # Not pytest's own folder: PostgreSQL runs as a user who cannot enter that.
    folder = Path(tempfile.mkdtemp(prefix="lake-"))
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        database = _served(stack, Postgres, folder, databases=("catalog",))
        inner = {name: free_port() for name in ObjectStore.inner_ports_wanted()}
        store = _served(stack, ObjectStore, folder, buckets=("lake",), inner_ports=inner)
        catalog = {name: database[name] for name in ("host", "port", "user", "password")}
        files = {name: store[name] for name in ("endpoint", "access_key", "secret_key")}
        yield {
            "catalog": {**catalog, "database": "catalog"},
            "files": {"url": "s3://lake/", "region": "us-east-1", **files},
        }


def _served(stack: ExitStack, kind: type[Server], folder: Path, **more: Any) -> dict[str, Any]:
    name = kind.__name__.lower()
    server = kind(name, folder / name, free_port(), kind.make_credentials(), **more)
    stack.enter_context(child(server))
    return server.record()
