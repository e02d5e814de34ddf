"""Who judges a case: our scan, or Great Expectations on DuckDB, PostgreSQL or pandas.

A judgement is ``passed``, ``failed`` or ``error: …``; the same words from every engine.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterable
from typing import Any

from dataplatform.checks.gx_rules import translate
from dataplatform.checks.scan import run_scan
from dataplatform.checks.spec import Check
from dataplatform.keys import Relation
from dataplatform_tests.expectations.cases import Case
from dataplatform_tests.expectations.table import SCHEMA, TABLE, rows, statements


def check_of(case: Case) -> Check | None:
    """Return a case as a check of our scan, or None where only GX can judge it."""
    neutral = translate(case.kind, case.kwargs)
    if neutral is None:
        return None
    return Check(
        name=case.name,
        relation=Relation(SCHEMA, TABLE),
        metric=neutral.metric,
        threshold=neutral.threshold,
        columns=neutral.columns,
        arguments=neutral.arguments,
        filter=neutral.filter,
        key=("id",),
    )


def scan(cases: Iterable[Case]) -> dict[str, str]:
    """Judge all cases that our scan can say in one statement on DuckDB."""
    import duckdb

    connection = duckdb.connect()
    for statement in statements():
        connection.execute(statement)
    described = connection.execute(f"describe {SCHEMA}.{TABLE}").fetchall()
    columns = {row[0]: row[1] for row in described}
    checks = [check for case in cases if (check := check_of(case)) is not None]
    verdicts = run_scan(lambda sql: connection.execute(sql).fetchall(), checks, "duckdb", columns)
    return {
        verdict.name: f"error: {verdict.error}"
        if verdict.error
        else ("passed" if verdict.passed else "failed")
        for verdict in verdicts
    }


def context() -> Any:
    """Return a GX context that keeps nothing and shows no bars."""
    import great_expectations as gx

    warnings.simplefilter("ignore")
    for name in ("great_expectations", "great_expectations.data_context"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    made: Any = gx.get_context(mode="ephemeral")
    made.enable_analytics(False)
    made.variables.progress_bars = {"globally": False}
    return made


def postgres_batch(made: Any, url: str) -> Any:
    """Return the shared table in PostgreSQL."""
    source = made.data_sources.add_postgres("warehouse", connection_string=url)
    asset = source.add_table_asset(TABLE, table_name=TABLE, schema_name=SCHEMA)
    return asset.add_batch_definition_whole_table("whole").get_batch()


def pandas_batch(made: Any) -> Any:
    """Return the shared table as a data frame."""
    import pandas as pd

    source = made.data_sources.add_pandas("warehouse")
    asset = source.add_dataframe_asset(TABLE)
    definition = asset.add_batch_definition_whole_dataframe("whole")
    return definition.get_batch(batch_parameters={"dataframe": pd.DataFrame(rows())})


def judge(batch: Any, cases: Iterable[Case]) -> dict[str, str]:
    """Let GX judge each case alone, so that none disturbs another."""
    from great_expectations.expectations.registry import get_expectation_impl

    found = {}
    for case in cases:
        kwargs = dict(case.kwargs)
        if "row_condition" in kwargs:
            kwargs["condition_parser"] = "great_expectations"
        try:
            outcome = batch.validate(get_expectation_impl(case.kind)(**kwargs))
        except Exception as error:
            found[case.name] = "error: " + str(error).strip().splitlines()[0][:150]
            continue
        raised = [
            item
            for item in ([outcome.exception_info, *outcome.exception_info.values()])
            if isinstance(item, dict) and item.get("raised_exception")
        ]
        if raised:
            text = str(raised[0].get("exception_message")).strip().splitlines()[0]
            found[case.name] = f"error: {text[:150]}"
        else:
            found[case.name] = "passed" if outcome.success else "failed"
    return found
