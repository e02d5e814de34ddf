"""Projects of a test's own whose local servers really run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from dataplatform.declarations.project import Project, open_project

_ENVIRONMENT = """
warehouse: {type: duckdb, path: .dataplatform/warehouse.duckdb}
fivetran:
  api_url: "${local:fivetran.url}"
  api_key: "${local:fivetran.api_key}"
  api_secret: "${local:fivetran.api_secret}"
  group: shop
  destination: {service: duckdb, config: {path: "${PROJECT_ROOT}/.dataplatform/warehouse.duckdb"}}
lake:
  endpoint: "${local:object_store.endpoint}"
  region: us-east-1
  access_key: "${local:object_store.access_key}"
  secret_key: "${local:object_store.secret_key}"
  buckets: {raw: raw, staging: staging, curated: curated}
local:
"""


@contextmanager
def served_project(servers: list[str], files: dict[str, str] | None = None) -> Iterator[Project]:
    """Make a project, start some of its local servers, and stop them at the end.

    Args:
        servers: names by the environment's ``local`` section.
        files: further declared files, by their path below ``config``.
    """
    declared = {
        "environments/local.yml": _ENVIRONMENT
        + "".join(f"  {name}: {{port: auto}}\n" for name in servers),
        **(files or {}),
    }
    # Not pytest's own folder: each session of pytest shuts that to other users, and PostgreSQL runs
    # as one.
    with TemporaryDirectory(prefix="dataplatform-served-") as folder:
        yield from _served(Path(folder), declared)


def _served(root: Path, declared: dict[str, str]) -> Iterator[Project]:
    from dataplatform.local import supervisor

    for name, text in declared.items():
        path = root / "config" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    project = open_project(root)
    try:
        supervisor.start(project)
        yield project
    finally:
        supervisor.stop(project)
