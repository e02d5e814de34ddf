"""Who judges a case: our scan, or Great Expectations on DuckDB, PostgreSQL or pandas.

A judgement is ``passed``, ``failed`` or ``error: …``; the same words from every engine.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from dataplatform.checks.gx_rules import translate
from dataplatform.checks.scan import run_scan
from dataplatform.checks.spec import Check
from dataplatform.checks.threshold import Threshold
from dataplatform.checks.verdicts import Verdict
from dataplatform.keys import Relation
from dataplatform.quality.gx import quiet
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
    return {verdict.name: judgement_of(verdict) for verdict in verdicts}


def context() -> Any:
    """Return a GX context that keeps nothing and shows no bars."""
    import great_expectations as gx

    warnings.simplefilter("ignore")
    quiet()
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


def platform_gx(folder: Path, cases: Iterable[Case]) -> Iterator[tuple[Case, str, bool]]:
    """Judge cases by Great Expectations as the platform runs it on a DuckDB file.

    Yields:
        The case, its judgement, and whether it was judged in memory.
    """
    from dataplatform.declarations.project import open_project
    from dataplatform.duckdb_file import open_duckdb
    from dataplatform.quality import gx
    from dataplatform.quality.gx_judge import judge as judge_portion
    from dataplatform.quality.gx_suites import portions
    from dataplatform_tests.quality.conftest import bare_project

    bare_project(folder)
    project = open_project(folder)
    with open_duckdb(project.state / "warehouse.duckdb", purpose="cases") as connection:
        for statement in statements():
            connection.execute(statement)
    by_name = {case.name: case for case in cases}
    checks = [
        Check(
            name=case.name,
            relation=Relation(SCHEMA, TABLE),
            metric="expectation",
            threshold=Threshold("eq", True),
            columns=(case.kwargs["column"],) if "column" in case.kwargs else (),
            engine="gx",
            expectation={"type": case.kind, "kwargs": case.kwargs},
            key=("id",),
        )
        for case in by_name.values()
    ]
    with gx.opened(project, "cases") as opened:
        for portion in portions(TABLE, checks):
            for verdict in judge_portion(opened, Relation(SCHEMA, TABLE), portion):
                yield by_name[verdict.name], judgement_of(verdict), portion.in_memory


def judgement_of(verdict: Verdict) -> str:
    """Return a verdict in the words of all judges."""
    if verdict.error:
        return f"error: {verdict.error}"
    return "passed" if verdict.passed else "failed"
