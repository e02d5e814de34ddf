"""The local stand-in for BigQuery: bqemulator with what it lacks for the platform put right.

A program of its own, run by the Python of `.venv-bigquery`, which has bqemulator and nothing of the
platform. It reaches into bqemulator, whose version is pinned exactly; each repair says what it is
for, and has a test. How it is started is in ``bigquery``.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import runpy
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import bqemulator.api.routes.jobs as jobs
import bqemulator.api.routes.upload as upload
import bqemulator.catalog.ddl_sync as ddl_sync
import bqemulator.jobs.executor as executor
import bqemulator.server as server
import bqemulator.storage.type_map as type_map
import bqemulator.versioning.ddl as ddl
import duckdb_extension_spatial
import sqlglot
from bqemulator.config import LogLevel, PersistenceMode, Settings
from bqemulator.domain.errors import InvalidQueryError
from bqemulator.domain.result import Ok
from bqemulator.sql.translator import SQLTranslator
from bqemulator.storage.engine import DuckDBEngine
from bqemulator.storage.sql_identifiers import quoted_table_ref
from bqemulator.versioning.clone import CloneManager
from sqlglot import exp

# DuckDB has no decimal of 76 digits.
_WIDEST = "DECIMAL(38, 9)"
# A decimal of DuckDB without digits has 18 of them, which a second parse writes down.
_NO_DIGITS = re.compile(r"\bAS DECIMAL(?:\(18, 3\))?(?=\s*\))")
_DIGITS_IN_CAST = re.compile(r"\bas\s+(?:big)?(?:numeric|decimal)\s*\(", re.IGNORECASE)
_DECLARED = re.compile(
    r"\s*(?:/\*.*?\*/)?\s*create\s+(?:or\s+replace\s+)?table\b", re.IGNORECASE | re.DOTALL
)
_REPLACED = re.compile(r"\s*create\s+or\s+replace\b", re.IGNORECASE)
_replacing: ContextVar[bool] = ContextVar("replacing", default=False)


def repair_extensions() -> None:
    """Load the spatial extension from its wheel; the emulator would download it, and Avro's."""
    (path,) = Path(duckdb_extension_spatial.__file__).parent.rglob("spatial.duckdb_extension")

    def load(self: Any) -> None:
        self.connection.execute(f"LOAD '{path}'")

    DuckDBEngine._load_spatial = load


def repair_uploads() -> None:
    """Take files whose type the client does not name: google-cloud-bigquery says ``*/*``."""
    upload._PERMITTED_MEDIA_CONTENT_TYPES = (*upload._PERMITTED_MEDIA_CONTENT_TYPES, "*/*")


def repair_jobs() -> None:
    """Keep what a job was asked for, its labels among it, so that it can be read back."""
    query = jobs._handle_query_job

    async def kept(project_id: str, job_id: str, config: dict[str, Any], **more: Any) -> Any:
        done = await query(project_id, job_id, config, **more)
        if isinstance(done, dict):
            return done
        asked = {**config["query"], **done.configuration.get("query", {})}
        return done.model_copy(update={"configuration": {**config, "query": asked}})

    jobs._handle_query_job = kept


def repair_loads() -> None:
    """Let a load that truncates change the table's columns, as it does in the service."""
    execute = executor.execute_load_job

    async def repaired(project_id: str, job_id: str, config: dict[str, Any], ctx: Any) -> Any:
        load = config.get("load", {})
        if load.get("writeDisposition") == "WRITE_TRUNCATE" and load.get("schema"):
            job = executor._parse_load_job_config(project_id, config)
            place = (job.project_id, job.dataset_id, job.table_id)
            if ctx.catalog.get_table(*place) is not None:
                async with ctx.engine.write_lock():
                    ctx.engine.execute(f"DROP TABLE IF EXISTS {job.target_ref}")
                    ctx.catalog.delete_table(*place)
        return await execute(project_id, job_id, config, ctx)

    executor.execute_load_job = repaired
    for module in (jobs, upload):
        if hasattr(module, "execute_load_job"):
            module.execute_load_job = repaired


def repair_decimals() -> None:
    """Give a NUMERIC its 38 digits; keep a BIGNUMERIC in as many; refuse digits in a cast."""
    type_map._BQ_TO_DUCKDB["BIGNUMERIC"] = _WIDEST
    translate, run = SQLTranslator.translate, executor._run_query_body

    def translated(self: Any, *args: Any, **more: Any) -> Any:
        result = translate(self, *args, **more)
        return (
            Ok(_NO_DIGITS.sub(f"AS {_WIDEST}", result.value)) if isinstance(result, Ok) else result
        )

    async def strict(*, bq_sql: str, **more: Any) -> Any:
        if _DIGITS_IN_CAST.search(bq_sql):
            raise InvalidQueryError("Parameterized types are not allowed in CAST expressions.")
        return await run(bq_sql=bq_sql, **more)

    SQLTranslator.translate = translated
    executor._run_query_body = strict


def repair_typed_tables() -> None:
    """Make a table of a query with its columns declared, and know JSON from text in it."""
    run, introspect = executor._run_query_body, ddl_sync._introspect_schema

    async def repaired(*, bq_sql: str, **more: Any) -> Any:
        return await run(bq_sql=_cast_as_declared(bq_sql), **more)

    def introspected(project: str, dataset: str, table: str, ctx: Any) -> Any:
        place = quoted_table_ref(project, dataset, table)
        rows = ctx.engine.execute(f"PRAGMA table_info({place})").fetchall()
        texts = {name for _, name, kind, *_ in rows if kind == "JSON"}
        schema = introspect(project, dataset, table, ctx)
        fields = (
            one.model_copy(update={"type": "JSON"}) if one.name in texts else one
            for one in schema.fields
        )
        return schema.model_copy(update={"fields": tuple(fields)})

    executor._run_query_body = repaired
    ddl_sync._introspect_schema = introspected


def _cast_as_declared(sql: str) -> str:
    """Cast a query's columns as ``CREATE TABLE`` declares them; DuckDB takes one or the other."""
    if not _DECLARED.match(sql):
        return sql
    tree = sqlglot.parse_one(sql, read="bigquery")
    declared = tree.this
    if not isinstance(declared, exp.Schema) or tree.expression is None:
        return sql
    query = tree.expression
    cast = [
        exp.alias_(exp.cast(exp.column(one.this.copy()), one.kind.copy()), one.this.copy())
        for one in declared.expressions
        if isinstance(one, exp.ColumnDef) and one.kind is not None
    ]
    inner = query.unnest() if isinstance(query, exp.Subquery) else query
    if not isinstance(inner, exp.Query):
        return sql
    tree.set("this", declared.this)
    tree.set("expression", exp.select(*cast).from_(inner.subquery("declared")))
    return str(tree.sql(dialect="bigquery"))


def repair_clones() -> None:
    """Replace a table by a clone where that is what the statement says."""
    parse, create = ddl.VersioningDDLRouter.parse, CloneManager.create

    def parsed(self: Any, sql: str) -> Any:
        _replacing.set(_REPLACED.match(sql) is not None)
        return parse(self, sql)

    async def created(self: Any, project: str, dataset: str, table: str, *source: str) -> Any:
        catalog, place = self._ctx.catalog, (project, dataset, table)
        there = catalog.get_table(*place)
        if there is not None and _replacing.get() and there.table_type != "VIEW":
            async with self._ctx.engine.write_lock():
                self._ctx.engine.execute(f"DROP TABLE IF EXISTS {quoted_table_ref(*place)}")
                catalog.delete_table(*place)
        return await create(self, project, dataset, table, *source)

    ddl.VersioningDDLRouter.parse = parsed
    CloneManager.create = created


def _beside(module: str) -> dict[str, Any]:
    """Run a module by its path: this folder, with its common names, is none to import from."""
    return runpy.run_path(str(Path(__file__).with_name(f"{module}.py")))


def main() -> None:
    """Serve until told to end; tables are in a file of the state folder."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--grpc-port", type=int, required=True)
    parser.add_argument("--project", required=True)
    options = parser.parse_args()
    repair_extensions()
    repair_uploads()
    repair_jobs()
    repair_loads()
    repair_typed_tables()
    repair_decimals()
    repair_clones()
    of_speed = _beside("bigquery_speed")
    of_speed["repair_functions"]()
    of_speed["repair_parsing"]()
    _beside("bigquery_layout")["repair_layouts"]()
    account = json.loads((options.state / "service-account.json").read_text(encoding="utf-8"))
    _beside("bigquery_login")["repair_login"](os.environ["BIGQUERY_TOKEN"], account)
    server.run_forever(
        Settings(
            rest_host=options.host,
            rest_port=options.port,
            grpc_host=options.host,
            grpc_port=options.grpc_port,
            persistence_mode=PersistenceMode.PERSISTENT,
            data_dir=options.state / "data",
            upload_staging_dir=options.state / "uploads",
            default_project_id=options.project,
            enable_format_extensions=False,
            log_level=LogLevel.WARNING,
        )
    )


if __name__ == "__main__":
    main()
