"""One suite judged by Great Expectations: a checkpoint, its results as verdicts, its Data Docs.

Most expectations are pushed down to the warehouse; those that GX evaluates in pandas alone get the
columns that they name as a data frame. Which suites there are is ``gx_suites``' business.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlparse

from dataplatform.checks.dialects import dialect
from dataplatform.checks.masking import MASK
from dataplatform.checks.scan import errored
from dataplatform.checks.spec import Check
from dataplatform.checks.verdicts import SAMPLE_LIMIT, Verdict, plain
from dataplatform.declarations.errors import UserError
from dataplatform.keys import Relation
from dataplatform.quality import gx_source
from dataplatform.quality.gx_suites import META, Portion, columns_read, suite
from dataplatform.resources.warehouse.alchemy import Alchemy

DATASOURCE = "warehouse"
MEMORY = "warehouse columns in memory"


@dataclass(frozen=True)
class Opened:
    """An open GX project.

    Attributes:
        context: GX's data context.
        warehouse: the data source of the warehouse.
        memory: the data source of data frames.
        alchemy: how the warehouse is asked.
    """

    context: Any
    warehouse: Any
    memory: Any
    alchemy: Alchemy


def judge(opened: Opened, relation: Relation, portion: Portion) -> list[Verdict]:
    """Judge the rules of one suite, store the result and renew the Data Docs.

    Args:
        opened: the GX project.
        relation: the table.
        portion: the rules, all evaluated in the same place.
    """
    try:
        definition, parameters = _batch(opened, relation, portion)
    except UserError as error:
        return [errored(check, str(error)) for check in portion.checks]
    outcomes, page = _checkpoint(opened, definition, parameters, portion)
    if any(_error(one) for one in outcomes.values()) and len(portion.checks) > 1:
        # What one statement asked for is lost together: ask for each alone.
        batch = definition.get_batch(batch_parameters=parameters)
        for name, outcome in outcomes.items():
            if _error(outcome):
                outcomes[name] = batch.validate(_configured(outcome))
    return [_verdict(check, outcomes[check.name], page) for check in portion.checks]


def _batch(opened: Opened, relation: Relation, portion: Portion) -> tuple[Any, Any]:
    """Return the batch definition of a table and the parameters that it needs."""
    if not portion.in_memory:
        with warnings.catch_warnings():
            # One data source serves every schema of the warehouse, which its connection cannot say.
            warnings.simplefilter("ignore", DeprecationWarning)
            table = dialect(opened.alchemy.dialect).identifier(relation.table)
            asset = opened.warehouse.add_table_asset(
                name=str(relation), table_name=table, schema_name=relation.schema
            )
        return asset.add_batch_definition_whole_table("whole"), None
    names = [asset.name for asset in opened.memory.assets]
    if str(relation) in names:
        opened.memory.delete_asset(str(relation))
    asset = opened.memory.add_dataframe_asset(str(relation))
    read = columns_read(portion.checks)
    frame = gx_source.frame(opened.warehouse, opened.alchemy, relation, read)
    return asset.add_batch_definition_whole_dataframe("whole"), {"dataframe": frame}


def _checkpoint(
    opened: Opened, definition: Any, parameters: Any, portion: Portion
) -> tuple[dict[str, Any], str | None]:
    from great_expectations import Checkpoint, ValidationDefinition
    from great_expectations.checkpoint import UpdateDataDocsAction

    name, context = portion.name, opened.context
    expected = context.suites.add_or_update(suite(name, portion.checks, opened.alchemy.dialect))
    validation = context.validation_definitions.add_or_update(
        ValidationDefinition(name=name, data=definition, suite=expected)
    )
    checkpoint = context.checkpoints.add_or_update(
        Checkpoint(
            name=name,
            validation_definitions=[validation],
            actions=[UpdateDataDocsAction(name="data_docs")],
            result_format=_shape(portion),
        )
    )
    result = checkpoint.run(batch_parameters=parameters)
    outcomes = {
        item.expectation_config.meta[META]["check"]: item
        for run in result.run_results.values()
        for item in run.results
    }
    return outcomes, _page(context, next(iter(result.run_results)))


def _shape(portion: Portion) -> Any:
    """How much GX may keep of what it saw: of classified columns, the verdict alone."""
    if portion.classified:
        return "BOOLEAN_ONLY"
    shape: dict[str, Any] = {"result_format": "SUMMARY", "partial_unexpected_count": SAMPLE_LIMIT}
    if portion.checks[0].key:
        shape["unexpected_index_column_names"] = list(portion.checks[0].key)
    return shape


def _page(context: Any, identifier: Any) -> str | None:
    """Return the file of a result's page in the Data Docs."""
    for site in context.get_docs_sites_urls(resource_identifier=identifier):
        if site.get("site_url"):
            return unquote(urlparse(site["site_url"]).path)
    return None


def _configured(outcome: Any) -> Any:
    return outcome.expectation_config.to_domain_obj()


def _verdict(check: Check, outcome: Any, page: str | None) -> Verdict:
    result = outcome.result or {}
    error = _error(outcome)
    hidden = any(column.lower() in check.masked for column in columns_read([check]))
    if error is not None and hidden:
        error = f"Great Expectations failed on the classified columns {', '.join(check.columns)}"
    failing = result.get("unexpected_count")
    observed = result.get("observed_value", failing)
    if hidden and observed is None:
        observed = "as promised" if outcome.success else "not as promised"
    return Verdict(
        name=check.name,
        relation=check.relation,
        passed=bool(outcome.success) and error is None,
        severity=check.severity,
        expected=check.expected,
        observed=plain(observed),
        failing_count=None if failing is None else int(failing),
        row_count=result.get("element_count"),
        sample_keys=tuple(_samples(check, result))[:SAMPLE_LIMIT],
        error=error,
        page=page,
    )


def _samples(check: Check, result: dict[str, Any]) -> list[str]:
    def shown(row: dict[str, Any], name: str) -> str:
        return MASK if name.lower() in check.masked else str(row.get(name))

    listed = result.get("partial_unexpected_index_list") or []
    if check.key:
        return [", ".join(shown(row, name) for name in check.key) for row in listed]
    return [str(value) for value in result.get("partial_unexpected_list") or []]


def _error(outcome: Any) -> str | None:
    """Return why GX could not evaluate a rule, as one line."""
    info = outcome.exception_info or {}
    entries: Sequence[Any] = [info] if "raised_exception" in info else list(info.values())
    for entry in entries:
        if isinstance(entry, dict) and entry.get("raised_exception"):
            text = str(entry.get("exception_message") or "Great Expectations raised an error")
            return text.strip().splitlines()[0]
    return None
