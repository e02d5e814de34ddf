"""A DuckLake for tests: a real PostgreSQL and a real object store on this machine."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, TypeVar

from dataplatform.local.object_store import ObjectStore
from dataplatform.local.postgres import Postgres
from dataplatform.local.server import Server
from dataplatform_tests.child_server import child, free_port, inner_ports

_S = TypeVar("_S", bound=Server)


@contextmanager
def served_lake() -> Iterator[dict[str, Any]]:
    """Run both servers and give the lake's settings, as an environment would resolve them."""
    # Not pytest's own folder: PostgreSQL runs as a user who cannot enter that.
    folder = Path(tempfile.mkdtemp(prefix="lake-"))
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        servers = lake_servers(folder)
        for server in servers:
            stack.enter_context(child(server))
        yield lake_settings(*servers)


def lake_servers(folder: Path) -> tuple[Postgres, ObjectStore]:
    """Return the catalog's server and the files', neither running."""
    return (
        _server(Postgres, folder, databases=("catalog",)),
        _server(ObjectStore, folder, buckets=("lake",), inner_ports=inner_ports(ObjectStore)),
    )


def lake_settings(database: Postgres, store: ObjectStore) -> dict[str, Any]:
    """Return the addresses of a lake on two servers, as an environment would resolve them."""
    held, kept = database.record(), store.record()
    catalog = {name: held[name] for name in ("host", "port", "user", "password")}
    files = {name: kept[name] for name in ("endpoint", "access_key", "secret_key")}
    return {
        "catalog": {**catalog, "database": "catalog"},
        "files": {"url": "s3://lake/", "region": "us-east-1", **files},
    }


def _server(kind: type[_S], folder: Path, **more: Any) -> _S:
    name = kind.__name__.lower()
    return kind(name, folder / name, free_port(), kind.make_credentials(), **more)
