"""A dbt project of any size for measuring: layers of models on a generated table, three tests each.

Only the project's files come from here; what is measured with them is another module's business.
"""

from __future__ import annotations

from pathlib import Path

_ENVIRONMENT = """\
warehouse: {type: duckdb, path: .dataplatform/warehouse.duckdb}
fivetran:
  api_url: http://127.0.0.1:1
  api_key: none
  api_secret: none
  group: none
  destination: {service: duckdb, config: {}}
lake:
  endpoint: http://127.0.0.1:1
  region: eu
  access_key: none
  secret_key: none
  buckets: {raw: raw, staging: staging, curated: curated}
"""
_PROJECT = """\
name: generated
version: "1.0"
config-version: 2
profile: dataplatform
flags: {send_anonymous_usage_stats: false}
models: {generated: {+schema: staging, +materialized: table}}
"""
_PROFILES = """\
dataplatform:
  target: duckdb
  outputs:
    duckdb:
      type: duckdb
      path: "{{ env_var('DATAPLATFORM_DUCKDB_PATH', 'warehouse.duckdb') }}"
      schema: staging
      threads: 4
"""
_SCHEMA = "{% macro generate_schema_name(n, node) %}{{ (n or target.schema) | trim }}{% endmacro %}"
_WORKSPACE = """\
load_from:
  - python_module: {module_name: dataplatform.definitions, location_name: dataplatform}
"""
_ROWS = 1000
_WIDTH = 10


def generate(root: Path, models: int) -> int:
    """Write a project.

    Args:
        root: its folder.
        models: how many models it has, three tests each.

    Returns:
        The number of tests.
    """
    files = {
        "config/environments/local.yml": _ENVIRONMENT,
        "dbt_project/dbt_project.yml": _PROJECT,
        "dbt_project/profiles.yml": _PROFILES,
        "dbt_project/macros/schema.sql": _SCHEMA,
        "workspace.yaml": _WORKSPACE,
    }
    described = ["version: 2", "models:"]
    for index in range(models):
        name = f"model_{index:04d}"
        files[f"dbt_project/models/{name}.sql"] = _sql(index)
        described += [
            f"  - name: {name}",
            "    columns:",
            "      - name: id",
            "        data_tests: [not_null, unique]",
            "      - name: amount",
            "        data_tests: [not_null]",
        ]
    files["dbt_project/models/models.yml"] = "\n".join(described) + "\n"
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return 3 * models


def _sql(index: int) -> str:
    """Every tenth layer reads the one before; every third model is a view."""
    kind = "{{ config(materialized='view') }}\n" if index % 3 == 2 else ""
    if index < _WIDTH:
        return f"{kind}select range as id, range * {index + 1} as amount from range({_ROWS})\n"
    parent = f"model_{index - _WIDTH:04d}"
    return f"{kind}select id, amount + {index} as amount from {{{{ ref('{parent}') }}}}\n"
