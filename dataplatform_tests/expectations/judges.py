"""Who judges a case: our scan, or Great Expectations on DuckDB, PostgreSQL or pandas.

A judgement is ``passed``, ``failed`` or ``error: …``; the same words from every engine.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterable
from typing import Any

from dataplatform_tests.expectations.cases import Case
from dataplatform_tests.expectations.table import SCHEMA, TABLE, rows


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
