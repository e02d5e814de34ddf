"""What an environment file may say: one model per section, texts raw.

Which environment is chosen and how its references are resolved is the business of
``environment``.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from dataplatform.declarations.strict import Strict


class DuckDBWarehouse(Strict):
    """A DuckDB file; the path is relative to the project's root."""

    type: Literal["duckdb"]
    path: str = ".dataplatform/warehouse.duckdb"


class SnowflakeWarehouse(Strict):
    """A Snowflake database; either a password or a private key opens it."""

    type: Literal["snowflake"]
    account: str
    user: str
    password: str | None = None
    private_key_path: str | None = None
    role: str
    warehouse: str
    database: str


class Destination(Strict):
    """What Fivetran writes into: the service's name and its settings by Fivetran's names."""

    service: str
    config: dict[str, Any] = Field(default_factory=dict)


class FivetranWebhook(Strict):
    """Where Fivetran tells of syncs that ended, and the secret it signs with."""

    url: str
    secret: str


class Fivetran(Strict):
    """The account whose REST API is spoken to; without a webhook, syncs are asked after."""

    api_url: str
    api_key: str
    api_secret: str
    group: str
    destination: Destination
    webhook: FivetranWebhook | None = None


class Buckets(Strict):
    """The layers of the lake, each a bucket."""

    raw: str
    staging: str
    curated: str


class Lake(Strict):
    """An S3-compatible object store; without an endpoint it is Amazon's own."""

    endpoint: str | None = None
    region: str
    access_key: str
    secret_key: str
    buckets: Buckets


class Smtp(Strict):
    """The mail server that notices go through."""

    host: str
    port: int | str = 25
    sender: str
    username: str | None = None
    password: str | None = None


class Notifications(Strict):
    """Where notices can go; what is not set is not used."""

    smtp: Smtp | None = None
    webhook_url: str | None = None


class LocalService(Strict):
    """One stand-in on this machine; "auto" takes a free port and keeps it."""

    port: Annotated[int, Field(ge=1, le=65535)] | Literal["auto"] = "auto"


class LocalServices(Strict):
    """Which stand-ins the supervisor starts; what is not named is not started."""

    postgres: LocalService | None = None
    object_store: LocalService | None = None
    fivetran: LocalService | None = None
    crm: LocalService | None = None
    community: LocalService | None = None
    webhooks: LocalService | None = None


class Demo(Strict):
    """The generated company: the same seed gives the same bytes; scale 1 is 10,000 customers."""

    seed: int = 42
    scale: Annotated[float, Field(gt=0)] = 1.0


class EnvironmentFile(Strict):
    """Everything that differs between a laptop and production."""

    warehouse: Annotated[DuckDBWarehouse | SnowflakeWarehouse, Field(discriminator="type")]
    fivetran: Fivetran
    lake: Lake
    notifications: Notifications = Notifications()
    dagster_url: str = "http://127.0.0.1:3000"
    local: LocalServices | None = None
    variables: dict[str, str] = Field(default_factory=dict)
    demo: Demo = Demo()
