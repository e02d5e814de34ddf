"""What a source is, and which ones there are.

A service reads: it names its tables, extracts what takes long before the warehouse is locked, and
hands relations to the destination's session. It never writes to the warehouse itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

from dataplatform.declarations.errors import nearest
from dataplatform.local.fivetran.destination import Session
from dataplatform.local.fivetran.model import SetupTest, SyncFailure, Table, TableResult

# The settings of each service: those it needs, and those that are secret (masked in answers).
REQUIRED = {
    "postgres": ("host", "port", "user", "database"),
    "salesforce": ("domain", "client_id", "client_secret", "username", "password"),
    "s3": ("bucket", "files"),
    "gcs": ("bucket", "files"),
    "google_sheets": ("sheet_id", "named_range", "table"),
}
SECRETS = {
    "postgres": ("password",),
    "salesforce": ("client_secret", "password"),
    "s3": ("secret_access_key",),
    "gcs": ("secret_key",),
    "google_sheets": ("secret_key", "api_key"),
}
# How changes in a PostgreSQL database are found, the first unless told.
UPDATE_METHODS = ("QUERY_BASED", "WAL_PGOUTPUT")
DATABASES = frozenset({"postgres"})


class Service(Protocol):
    """A source of one connection."""

    def test(self) -> list[SetupTest]:
        """Try the set-up, one answer per thing tried."""

    def discover(self) -> list[Table]:
        """Return every table the source offers.

        Raises:
            SyncFailure: the source cannot be reached or refuses the credentials.
        """

    def approach(self, tables: Sequence[Table]) -> bool:
        """Get ready to extract, while the destination is asked what it remembers.

        Returns:
            Whether extracting takes so little that the warehouse may stay open meanwhile.
        """
        return False

    def extract(
        self, tables: Sequence[Table], cursors: dict[str, dict[str, Any]], scratch: Path
    ) -> None:
        """Fetch what takes long into files, before the warehouse is locked."""

    def attach(self, session: Session) -> None:
        """Make the source readable in the session's engine, before its transaction."""

    def load(
        self, session: Session, tables: Sequence[Table], resync: frozenset[str]
    ) -> Iterator[TableResult]:
        """Bring the tables in line, one result each; ``resync`` names those to read in full."""

    def after_commit(self) -> None:
        """Tell the source that what was loaded is safe; never fails the sync. Most need nothing."""
        return

    def close(self) -> None:
        """Let go of what a sync held open, however it ended. Most hold nothing."""
        return

    def teardown(self) -> None:
        """Undo in the source what the connection set up there, as it is deleted.

        Raises:
            SyncFailure: the source cannot be reached or refuses.
        """
        return


def open_service(service: str, schema: str, config: dict[str, Any]) -> Service:
    """Return the source that a connection describes.

    Args:
        service: the kind of source.
        schema: the destination schema, or the prefix for databases.
        config: the connection's settings, secrets included.

    Raises:
        SyncFailure: the kind is unknown or a setting is missing.
    """
    if service not in REQUIRED:
        raise SyncFailure(
            f"The service {service!r} is not known here.{nearest(service, REQUIRED)}",
            code="service_unknown",
        )
    missing = [name for name in REQUIRED[service] if config.get(name) in (None, "", [])]
    if missing:
        raise SyncFailure(
            f"The connection {schema!r} lacks the setting {missing[0]!r}.",
            code="incomplete_config",
            broken=True,
        )
    if service == "postgres":
        method = config.get("update_method") or UPDATE_METHODS[0]
        if method not in UPDATE_METHODS:
            raise SyncFailure(
                f"The update_method {method!r} of connection {schema!r} is not known here: use "
                f"{' or '.join(UPDATE_METHODS)}.{nearest(str(method), UPDATE_METHODS)}",
                code="update_method_unknown",
                broken=True,
            )
        if method == "WAL_PGOUTPUT":
            from dataplatform.local.fivetran.services.postgres_cdc import PostgresCdcService

            return PostgresCdcService(schema, config)
        from dataplatform.local.fivetran.services.postgres import PostgresService

        return PostgresService(schema, config)
    if service == "salesforce":
        from dataplatform.local.fivetran.services.salesforce import SalesforceService

        return SalesforceService(schema, config)
    if service == "google_sheets":
        from dataplatform.local.fivetran.services.google_sheets import GoogleSheetsService

        return GoogleSheetsService(schema, config)
    from dataplatform.local.fivetran.services.files import FilesService

    if service == "gcs":
        from dataplatform.local.fivetran.services.gcs import GcsBucket

        return FilesService(schema, config, GcsBucket(config))
    from dataplatform.local.fivetran.services.s3 import S3Bucket

    return FilesService(schema, config, S3Bucket(config))
