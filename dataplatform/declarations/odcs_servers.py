"""The kinds of servers that the Open Data Contract Standard knows, and what each must name."""

from __future__ import annotations

#: What each kind of server must name.
SERVERS: dict[str, tuple[str, ...]] = {
    "api": ("location",), "athena": ("schema",), "azure": ("location", "format"),
    "bigquery": ("project", "dataset"), "clickhouse": ("host", "port", "database"),
    "databricks": ("catalog", "schema"), "denodo": ("host", "port"), "dremio": ("host", "port"),
    "duckdb": ("database",), "glue": ("account", "database"),
    "cloudsql": ("host", "port", "database", "schema"), "db2": ("host", "port", "database"),
    "hive": ("host", "database"), "impala": ("host", "database"),
    "informix": ("host", "database"), "custom": (), "kafka": ("host",), "kinesis": (),
    "local": ("path", "format"), "mysql": ("host", "port", "database"),
    "oracle": ("host", "port", "serviceName"), "postgresql": ("host", "port", "database", "schema"),
    "postgres": ("host", "port", "database", "schema"), "presto": ("host",),
    "pubsub": ("project",), "redshift": ("database", "schema"), "s3": ("location",),
    "sftp": ("location",), "snowflake": ("account", "database", "schema"),
    "sqlserver": ("host", "database", "schema"), "synapse": ("host", "port", "database"),
    "trino": ("host", "port", "catalog", "schema"),
    "vertica": ("host", "port", "database", "schema"), "zen": ("host", "database"),
}  # fmt: skip
