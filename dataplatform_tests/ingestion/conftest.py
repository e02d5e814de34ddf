"""A small project of its own, so that these tests do not move with the demo's declarations."""

from __future__ import annotations

from pathlib import Path

import pytest

from dataplatform.declarations.project import Project, open_project

ENVIRONMENT = """
warehouse: {type: duckdb, path: .dataplatform/warehouse.duckdb}
fivetran:
  api_url: "${FIVETRAN_URL}"
  api_key: key
  api_secret: secret
  group: shop
  destination: {service: duckdb, config: {path: /nowhere/warehouse.duckdb}}
lake:
  endpoint: "${LAKE_URL}"
  region: us-east-1
  access_key: a
  secret_key: s
  buckets: {raw: raw, staging: staging, curated: curated}
variables:
  FIVETRAN_URL: http://127.0.0.1:9
  LAKE_URL: http://127.0.0.1:9
  API_URL: http://127.0.0.1:9
  DB_PASSWORD: sesame
"""
SHOP = """
service: postgres
prefix: raw_shop
description: The shop.
owner: team:shop
sync_frequency: 60
freshness: 26
config: {host: db, port: 5432, user: u, password: "${DB_PASSWORD}", database: d}
tables:
  public.orders:
    description: Orders.
    primary_key: [order_id]
    columns: {order_id: bigint, amount: "decimal(12,2)"}
  public.OrderItems:
    columns: {order_id: bigint}
"""
SITE = """
service: s3
schema: raw_site
description: The site.
owner: team:site
after: [site]
config:
  bucket: raw
  files:
    - {table_name: users, file_pattern: "site/users/.*", file_type: jsonl, primary_keys: [id]}
tables:
  users:
    primary_key: [id]
    columns: {id: bigint, name: string}
"""
EXTRACT = """
kind: rest
description: The site's API.
owner: team:site
base_url: "${API_URL}"
resources:
  - {name: users, path: users, primary_key: [id], page_size: 2}
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.delenv("DATAPLATFORM_ENV", raising=False)
    files = {
        "environments/local.yml": ENVIRONMENT,
        "connections/shop.yml": SHOP,
        "connections/site.yml": SITE,
        "extracts/site.yml": EXTRACT,
    }
    for name, text in files.items():
        path = tmp_path / "config" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return open_project(tmp_path)
