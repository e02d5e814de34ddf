"""The tables of a made environment in a DuckLake: a catalog of its own beside the base's.

The catalog is a database of the same PostgreSQL server, the files lie under a folder of their own
in the base's bucket. The base's tables are shown by views and never copied.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlparse

from dataplatform.declarations.errors import UserError
from dataplatform.environments.deferring import show_all
from dataplatform.resources.warehouse.catalog import CatalogSession, catalog_session
from dataplatform.resources.warehouse.ducklake import DuckLakeAdapter

if TYPE_CHECKING:
    from dataplatform.declarations.project import Project


class LakeMaker:
    """Makes a lake that shows another one's tables."""

    usual = "defer"

    def __init__(self, base: Project, name: str) -> None:
        self._environment = base.environment
        self._declared: Any = base.environment.warehouse
        self._name = name

    def make(self, how: str) -> int:
        """Make the catalog's database, and views in it."""
        if how == "clone":
            raise UserError(
                "A DuckLake cannot be cloned: its catalog would not know whose files they are. "
                "Make the environment without --clone; what is built in it has files of its own."
            )
        base = self._environment.resolve_all(self._declared)
        changed = self._environment.resolve_all(self.settings(how))
        mine = {
            **base,
            "catalog": {**base["catalog"], **changed["catalog"]},
            "files": {**base["files"], **changed["files"]},
            "base": {part: base[part] for part in ("catalog", "files")},
        }
        with self._server() as session:
            session.execute(f"DROP DATABASE IF EXISTS {self._quoted(mine)}")
            session.execute(f"CREATE DATABASE {self._quoted(mine)}")
        purpose = f"make the environment {self._name}"
        return show_all(DuckLakeAdapter(lambda: base), DuckLakeAdapter(lambda: mine), purpose)

    def settings(self, how: str) -> dict[str, Any]:
        """Return the catalog, the files and the base as they differ from the base's own."""
        catalog, files = self._declared.catalog, self._declared.files
        return {
            "catalog": {"database": f"{catalog.database}_{self._name.replace('-', '_')}"},
            "files": {"url": f"{files.url.rstrip('/')}/{self._name}/"},
            "base": {
                "catalog": catalog.model_dump(mode="json", exclude_none=True),
                "files": files.model_dump(mode="json", exclude_none=True),
            },
        }

    def drop(self) -> None:
        """Remove the catalog's database and the files; what is not there is no mistake."""
        changed = self._environment.resolve_all(self.settings("defer"))
        with self._server() as session:
            session.execute(f"DROP DATABASE IF EXISTS {self._quoted(changed)} WITH (FORCE)")
        self._remove_files(changed["files"]["url"])

    def _quoted(self, settings: Mapping[str, Any]) -> str:
        return '"' + str(settings["catalog"]["database"]).replace('"', '""') + '"'

    @contextmanager
    def _server(self) -> Iterator[CatalogSession]:
        import psycopg

        catalog = self._environment.resolve_all(self._declared.catalog)
        with catalog_session(catalog) as session:
            try:
                yield session
            except psycopg.errors.InsufficientPrivilege as error:
                raise UserError(
                    f"{catalog['user']} may not make databases for catalogs: "
                    f"ALTER ROLE … CREATEDB lets it. ({str(error).splitlines()[0]})"
                ) from error

    def _remove_files(self, url: str) -> None:
        import boto3

        files = self._environment.resolve_all(self._declared.files)
        place = urlparse(url)
        bucket = boto3.resource(
            "s3",
            endpoint_url=files.get("endpoint"),
            region_name=files["region"],
            aws_access_key_id=files["access_key"],
            aws_secret_access_key=files["secret_key"],
        ).Bucket(place.netloc)
        bucket.objects.filter(Prefix=place.path.lstrip("/")).delete()
