"""What an environment file may say: one model per section, texts raw.

Which environment is chosen and how its references are resolved is the business of
``environment``.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from dataplatform.declarations.made import Made
from dataplatform.declarations.secrets import Secrets
from dataplatform.declarations.strict import Strict


class DuckDBWarehouse(Strict):
    """A DuckDB file; the path is relative to the project's root."""

    #: The SQL that it speaks, by the name that dbt and sqlglot have for it.
    engine: ClassVar[str] = "duckdb"

    type: Literal["duckdb"]
    path: str = ".dataplatform/warehouse.duckdb"
    #: Another file, only read, whose tables views in this one show; of a made environment.
    base: str | None = None


class LakeCatalog(Strict):
    """The PostgreSQL database that knows a DuckLake's tables, snapshots and files."""

    host: str
    port: int | str = 5432
    user: str
    password: str
    database: str


class LakeFiles(Strict):
    """Where a DuckLake's Parquet lies: an ``s3://`` address; without an endpoint Amazon's own."""

    url: str
    endpoint: str | None = None
    region: str = "us-east-1"
    access_key: str
    secret_key: str


class LakeBase(Strict):
    """Where another lake is."""

    catalog: LakeCatalog
    files: LakeFiles


class DuckLakeWarehouse(Strict):
    """A DuckLake: Parquet in object storage, its catalog in PostgreSQL; many may write at once."""

    engine: ClassVar[str] = "duckdb"

    type: Literal["ducklake"]
    catalog: LakeCatalog
    files: LakeFiles
    #: Another lake, only read, whose tables views in this one show; of a made environment.
    base: LakeBase | None = None


class SnowflakeWarehouse(Strict):
    """A Snowflake database; a password, a private key or an OAuth token opens it."""

    engine: ClassVar[str] = "snowflake"

    type: Literal["snowflake"]
    account: str
    user: str
    password: str | None = None
    private_key_path: str | None = None
    #: An OAuth access token; by reference it is read anew when its time in memory is over.
    token: str | None = None
    role: str
    warehouse: str
    #: Warehouses of other sizes, by the pipeline whose runs use them.
    warehouses: dict[str, str] = Field(default_factory=dict)
    database: str
    #: Where the account answers, where that is not known from its name: a proxy, or a stand-in.
    host: str | None = None
    port: int | str | None = None
    protocol: Literal["http", "https"] | None = None


class BigQueryWarehouse(Strict):
    """A BigQuery project, whose datasets are the schemas.

    A key file or an access token opens it, or else the credentials of the machine; each may stand
    for another service account.
    """

    engine: ClassVar[str] = "bigquery"

    type: Literal["bigquery"]
    project: str
    location: str = "EU"
    #: A service account's key as Google gives it out; without one the machine's own credentials.
    key_file: str | None = None
    #: An access token, where somebody else sees to it that there is a fresh one.
    token: str | None = None
    #: The service account to act as.
    impersonate: str | None = None
    #: A query that would read more bytes than this is refused before it costs anything.
    maximum_bytes_billed: int | str | None = None
    #: Projects that stand empty for environments made from this one, each for one at a time.
    made_in: list[str] = Field(default_factory=list)
    #: Where the service answers, where that is not Google's own address: a stand-in.
    endpoint: str | None = None


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


class LocalPostgres(LocalService):
    """The PostgreSQL server, with databases besides the demo company's own."""

    databases: list[str] = Field(default_factory=list)


class LocalObjectStore(LocalService):
    """The object store, with buckets besides the lake's."""

    buckets: list[str] = Field(default_factory=list)


class LocalServices(Strict):
    """Which stand-ins the supervisor starts; what is not named is not started."""

    postgres: LocalPostgres | None = None
    object_store: LocalObjectStore | None = None
    fivetran: LocalService | None = None
    crm: LocalService | None = None
    community: LocalService | None = None
    webhooks: LocalService | None = None
    snowflake: LocalService | None = None
    bigquery: LocalService | None = None


class Demo(Strict):
    """The generated company: the same seed gives the same bytes; scale 1 is 10,000 customers."""

    seed: int = 42
    scale: Annotated[float, Field(gt=0)] = 1.0


class EnvironmentFile(Strict):
    """Everything that differs between a laptop and production."""

    warehouse: Annotated[
        DuckDBWarehouse | DuckLakeWarehouse | SnowflakeWarehouse | BigQueryWarehouse,
        Field(discriminator="type"),
    ]
    #: Where its servers, history and artefacts are kept, below the project's folder.
    state: Annotated[str, Field(pattern=r"^\.dataplatform(/[A-Za-z0-9_-]+)?$")] = ".dataplatform"
    fivetran: Fivetran
    lake: Lake
    notifications: Notifications = Notifications()
    secrets: Secrets = Secrets()
    dagster_url: str = "http://127.0.0.1:3000"
    local: LocalServices | None = None
    variables: dict[str, str] = Field(default_factory=dict)
    demo: Demo = Demo()
    #: Of an environment that was made from another one, and is dropped again.
    made: Made | None = None
