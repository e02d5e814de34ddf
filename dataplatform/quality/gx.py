"""Great Expectations run on the contracts.

A GX project lives in the state folder ``gx``: a data source, one suite and one checkpoint for each
contract, validation results and Data Docs. Rules that only GX can evaluate are judged here; the
whole suites are there for GX's own users, and give the verdicts that our scan gives.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dataplatform.checks.contract_rules import checks_of
from dataplatform.checks.spec import Check
from dataplatform.checks.verdicts import SAMPLE_LIMIT, Verdict, plain
from dataplatform.declarations.errors import UserError
from dataplatform.duckdb_file import warehouse_lock
from dataplatform.quality import gx_duckdb
from dataplatform.quality.gx_suites import META, suite

if TYPE_CHECKING:
    from dataplatform.declarations.contract import Contract
    from dataplatform.declarations.project import Project

DATASOURCE = "warehouse"
#: Of each suite; Dagster keeps every verdict, GX and its Data Docs the last ones.
RESULTS_KEPT = 50


def folder(project: Project) -> Path:
    """Return where the GX project lives."""
    return project.state / "gx"


def data_docs(project: Project) -> Path:
    """Return the first page of the Data Docs."""
    return folder(project) / "gx" / "uncommitted" / "data_docs" / "local_site" / "index.html"


def validate(
    project: Project, contract: Contract, checks: Sequence[Check] | None = None
) -> list[Verdict]:
    """Let Great Expectations judge rules of one contract and build the Data Docs.

    Args:
        project: the project.
        contract: whose table is looked at.
        checks: the rules; None for all of the contract's.

    Returns:
        One verdict for each rule, in their order.

    Raises:
        UserError: the warehouse is locked, or GX is not supported on it.
    """
    whole = checks is None
    chosen = checks_of(contract) if checks is None else list(checks)
    name = str(contract.relation) if whole else f"{contract.relation} gx"
    with _project(project, f"Great Expectations on {contract.relation}") as (context, datasource):
        _forget_old_results(project, name)
        result = _checkpoint(context, datasource, contract, chosen, name)
    outcomes = {
        item.expectation_config.meta[META]["check"]: item
        for run in result.run_results.values()
        for item in run.results
    }
    return [_verdict(check, outcomes[check.name]) for check in chosen]


def validate_all(project: Project) -> dict[str, list[Verdict]]:
    """Run the whole suite of every contract; verdicts by table."""
    return {str(contract.relation): validate(project, contract) for contract in project.contracts}


@contextmanager
def _project(project: Project, purpose: str) -> Iterator[tuple[Any, Any]]:
    """Open the GX project with its data source, alone with the warehouse file."""
    declared = project.environment.warehouse
    if declared.type != "duckdb":
        raise UserError(
            "Rules that only Great Expectations can evaluate run on DuckDB; "
            f"the warehouse of {project.environment.name} is {declared.type}."
        )
    path = project.root / project.environment.resolve(declared.path)
    if not path.exists():
        raise UserError(f"The warehouse file {path} does not exist yet: run `make run` first.")
    _quiet()
    import great_expectations as gx

    kind = gx_duckdb.datasource_class()
    gx_duckdb.mend_verdicts()
    with warehouse_lock(path, purpose):
        home = folder(project)
        home.mkdir(parents=True, exist_ok=True)
        context: Any = gx.get_context(mode="file", project_root_dir=str(home))
        context.enable_analytics(False)
        if context.variables.progress_bars != {"globally": False}:
            context.variables.progress_bars = {"globally": False}
            context.variables.save()
        datasource = kind(name=DATASOURCE, connection_string=f"duckdb:///{path}")
        datasource = context.data_sources.add_or_update_duckdb(datasource)
        try:
            yield context, datasource
        finally:
            gx_duckdb.close(datasource)


def _quiet() -> None:
    """GX talks to the log a great deal, and shows bars that have no place in a step's output."""
    for name in ("great_expectations", "great_expectations.data_context"):
        logging.getLogger(name).setLevel(logging.ERROR)


def _forget_old_results(project: Project, suite_name: str) -> None:
    """Make room for one more result of a suite, in GX's store and in the Data Docs."""
    kept = folder(project) / "gx" / "uncommitted"
    for results in (kept / "validations", kept / "data_docs" / "local_site" / "validations"):
        # One folder for each run, named by its time, below the suite's, whose dots are folders.
        of_suite = results.joinpath(*suite_name.split("."))
        runs = sorted(of_suite.glob("*/*/"), key=lambda run: run.name, reverse=True)
        for run in runs[RESULTS_KEPT - 1 :]:
            shutil.rmtree(run)


def _checkpoint(
    context: Any, datasource: Any, contract: Contract, checks: Sequence[Check], name: str
) -> Any:
    import warnings

    from great_expectations import Checkpoint, ValidationDefinition
    from great_expectations.checkpoint import UpdateDataDocsAction

    relation = contract.relation
    with warnings.catch_warnings():
        # One data source serves every schema of the warehouse, which its connection cannot say.
        warnings.simplefilter("ignore", DeprecationWarning)
        asset = datasource.add_table_asset(
            name=str(relation), table_name=f'"{relation.table}"', schema_name=relation.schema
        )
    batch = asset.add_batch_definition_whole_table("whole")
    expected = context.suites.add_or_update(suite(name, checks, "duckdb"))
    definition = context.validation_definitions.add_or_update(
        ValidationDefinition(name=name, data=batch, suite=expected)
    )
    keys = list(checks[0].key) if checks else []
    shape: dict[str, Any] = {"result_format": "SUMMARY", "partial_unexpected_count": SAMPLE_LIMIT}
    if keys:
        shape["unexpected_index_column_names"] = keys
    checkpoint = context.checkpoints.add_or_update(
        Checkpoint(
            name=name,
            validation_definitions=[definition],
            actions=[UpdateDataDocsAction(name="data_docs")],
            result_format=shape,
        )
    )
    return checkpoint.run()


def _verdict(check: Check, outcome: Any) -> Verdict:
    result = outcome.result or {}
    error = _error(outcome)
    failing = result.get("unexpected_count")
    observed = result.get("observed_value", failing)
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
    )


def _samples(check: Check, result: dict[str, Any]) -> list[str]:
    listed = result.get("partial_unexpected_index_list") or []
    found = [", ".join(str(row.get(name)) for name in check.key) for row in listed if check.key]
    return found or [str(value) for value in result.get("partial_unexpected_list") or []]


def _error(outcome: Any) -> str | None:
    """Return why GX could not evaluate a rule, as one line."""
    info = outcome.exception_info or {}
    entries = [info] if "raised_exception" in info else list(info.values())
    for entry in entries:
        if isinstance(entry, dict) and entry.get("raised_exception"):
            text = str(entry.get("exception_message") or "Great Expectations raised an error")
            return text.strip().splitlines()[0]
    return None
