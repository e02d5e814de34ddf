"""What a new project begins with: one connection, one staging model, one mart, one promise.

The texts only. Where they are written, and what is taken over from the platform's own dbt
project, is the business of ``init``.
"""

from __future__ import annotations

ENVIRONMENT = """\
# The laptop: every outside system is a real server on this machine.
warehouse:
  type: duckdb
  path: .dataplatform/warehouse.duckdb

fivetran:
  api_url: ${local:fivetran.url}
  api_key: ${local:fivetran.api_key}
  api_secret: ${local:fivetran.api_secret}
  group: local_warehouse
  destination:
    service: duckdb
    config:
      path: ${PROJECT_ROOT}/.dataplatform/warehouse.duckdb

lake:
  endpoint: ${local:object_store.endpoint}
  region: us-east-1
  access_key: ${local:object_store.access_key}
  secret_key: ${local:object_store.secret_key}
  buckets: {raw: raw, staging: staging, curated: curated}

# What connections refer to as ${NAME}; elsewhere these come from the process environment.
variables:
  PRODUCTION_DB_HOST: ${local:postgres.host}
  PRODUCTION_DB_PORT: ${local:postgres.port}
  PRODUCTION_DB_USER: ${local:postgres.user}
  PRODUCTION_DB_PASSWORD: ${local:postgres.password}
  PRODUCTION_DB_NAME: ${local:postgres.database}

local:
  postgres: {port: auto}
  object_store: {port: auto}
  fivetran: {port: auto}

demo:
  seed: ${DATAPLATFORM_DEMO_SEED:-42}
  scale: ${DATAPLATFORM_DEMO_SCALE:-0.1}
"""

CONNECTION = """\
# The demo company's shop. Its schema `public` lands as `raw_postgres_public`.
service: postgres
prefix: raw_postgres
description: The PostgreSQL database of the shop.
owner: team:data
sync_frequency: 60
freshness: 26

config:
  host: ${PRODUCTION_DB_HOST}
  port: ${PRODUCTION_DB_PORT}
  user: ${PRODUCTION_DB_USER}
  password: ${PRODUCTION_DB_PASSWORD}
  database: ${PRODUCTION_DB_NAME}

tables:
  public.customers:
    description: Everyone who has an account in the shop.
    primary_key: [customer_id]
    columns:
      customer_id: bigint
      email: string
      first_name: string
      last_name: string
      phone: string
      country: string
      status: string
      marketing_opt_in: boolean
      preferences: json
      tags: json
      created_at: timestamptz
      updated_at: timestamptz
"""

SOURCES = """\
version: 2

sources:
  - name: raw_postgres_public
    schema: raw_postgres_public
    description: The shop's database, as Fivetran brings it.
    tables:
      - name: customers
        description: Everyone who has an account in the shop.
        config:
          meta:
            dagster:
              asset_key: [raw_postgres_public, customers]
"""

STAGING_SQL = """\
with source as (
    select * from {{ source('raw_postgres_public', 'customers') }}
),

renamed as (
    select
        customer_id,
        lower(trim(email)) as email,
        upper(trim(country)) as country,
        status,
        marketing_opt_in,
        updated_at
    from source
    where not coalesce(_fivetran_deleted, false)
)

select * from renamed
"""

STAGING_YML = """\
version: 2

models:
  - name: stg_customers
    description: Customers of the shop that were not deleted.
    config:
      meta:
        owner: data@example.com
        dagster:
          owners: [data@example.com]
    columns:
      - name: customer_id
        data_type: bigint
        description: Number of the customer.
        data_tests: [unique, not_null]
      - name: email
        data_type: varchar
        description: Mail address in lower case.
      - name: country
        data_type: varchar
        description: ISO country code in upper case.
      - name: status
        data_type: varchar
        description: How the shop sees the customer.
      - name: marketing_opt_in
        data_type: boolean
        description: Whether the customer may be written to.
      - name: updated_at
        data_type: timestamp with time zone
        description: When the record last changed.
"""

MART_SQL = """\
with customers as (
    select * from {{ ref('stg_customers') }}
)

select
    country,
    count(*) as customer_count,
    count(case when marketing_opt_in then customer_id end) as reachable_count
from customers
where country is not null
group by country
"""

MART_YML = """\
version: 2

models:
  - name: customers_by_country
    description: How many customers live where, and how many of them may be written to.
    config:
      meta:
        owner: data@example.com
        dagster:
          owners: [data@example.com]
    columns:
      - name: country
        data_type: varchar
        description: ISO country code in upper case.
      - name: customer_count
        data_type: bigint
        description: Customers who live there.
      - name: reachable_count
        data_type: bigint
        description: Those of them who may be written to.
"""

CONTRACT = """\
kind: DataContract
apiVersion: v3.1.0
id: marts.customers_by_country
name: Customers by country
version: 1.0.0
status: active
description:
  purpose: How many customers live where.
team:
  name: data
  members:
    - username: data@example.com
      role: owner
slaProperties:
  - property: latency
    value: 26
    unit: h
schema:
  - name: customers_by_country
    physicalName: marts.customers_by_country
    logicalType: object
    physicalType: table
    quality:
      - name: countries_are_there
        dimension: completeness
        metric: rowCount
        mustBeGreaterThan: 0
        severity: error
    properties:
      - name: country
        logicalType: string
        description: ISO country code.
        primaryKey: true
        primaryKeyPosition: 1
        required: true
        unique: true
        quality:
          - name: country_has_two_letters
            dimension: conformity
            metric: invalidValues
            arguments: {pattern: '^[A-Z]{2}$'}
            mustBe: 0
            severity: error
      - name: customer_count
        logicalType: integer
        description: Customers who live there.
        required: true
      - name: reachable_count
        logicalType: integer
        description: Those of them who may be written to.
        required: true
"""

PIPELINE = """\
description: Customers by country, every morning.
owner: data@example.com
selection: +key:"curated/customers_by_country"
schedule:
  cron: 0 6 * * *
  timezone: UTC
retries:
  max: 1
  delay_minutes: 5
notify: []
"""

README = """\
# A data project

`config/` declares environments, connections, contracts and pipelines; `dbt_project/` holds the
models. Run it with the platform's commands and this folder's path in `DATAPLATFORM_PROJECT`:

    DATAPLATFORM_PROJECT={folder} dataplatform run

`dataplatform new source|model|contract|pipeline` adds to it.
"""

IGNORED = """\
.dataplatform/
.env
dbt_project/target/
dbt_project/logs/
"""

#: Path in the project -> text.
FILES: dict[str, str] = {
    ".gitignore": IGNORED,
    "README.md": README,
    "config/environments/local.yml": ENVIRONMENT,
    "config/connections/production.yml": CONNECTION,
    "config/contracts/marts/customers_by_country.yml": CONTRACT,
    "config/pipelines/daily.yml": PIPELINE,
    "dbt_project/models/staging/production/_sources.yml": SOURCES,
    "dbt_project/models/staging/production/stg_customers.sql": STAGING_SQL,
    "dbt_project/models/staging/production/stg_customers.yml": STAGING_YML,
    "dbt_project/models/marts/customers_by_country.sql": MART_SQL,
    "dbt_project/models/marts/customers_by_country.yml": MART_YML,
}
