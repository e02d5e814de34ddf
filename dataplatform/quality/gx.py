"""Great Expectations run on the contracts.

A GX project lives in the state folder ``gx``: data sources, suites and checkpoints for each
contract, validation results and Data Docs. Rules that only GX can evaluate are judged here; the
whole suites are there for GX's own users, and give the verdicts that our scan gives. How GX judges
one suite is ``gx_judge``'s business.
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
from dataplatform.checks.verdicts import Verdict
from dataplatform.duckdb_file import warehouse_lock
from dataplatform.quality import gx_source
from dataplatform.quality.gx_judge import DATASOURCE, MEMORY, Opened, judge
from dataplatform.quality.gx_suites import portions
from dataplatform.resources.warehouse import open_warehouse

if TYPE_CHECKING:
    from dataplatform.declarations.contract import Contract
    from dataplatform.declarations.project import Project

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
        One verdict for each rule, in their order. A rule that GX cannot evaluate is an error of
        its own and leaves the others alone.

    Raises:
        UserError: the warehouse is locked, or is not there.
    """
    whole = checks is None
    chosen = checks_of(contract) if checks is None else list(checks)
    name = str(contract.relation) if whole else f"{contract.relation} gx"
    found: dict[str, Verdict] = {}
    with opened(project, f"Great Expectations on {contract.relation}") as project_of_gx:
        for portion in portions(name, chosen):
            _forget_old_results(project, portion.name)
            for verdict in judge(project_of_gx, contract.relation, portion):
                found[verdict.name] = verdict
    return [found[check.name] for check in chosen]


def validate_all(project: Project) -> dict[str, list[Verdict]]:
    """Run the whole suite of every contract; verdicts by table."""
    return {str(contract.relation): validate(project, contract) for contract in project.contracts}


@contextmanager
def opened(project: Project, purpose: str) -> Iterator[Opened]:
    """Open the GX project with its data sources.

    Args:
        project: the project.
        purpose: who asks and why, in words that help someone who waits for the file.

    Raises:
        UserError: the warehouse is locked, or is not there.
    """
    quiet()
    import great_expectations as gx

    gx_source.mend_verdicts()
    # A data source is known to GX by its class.
    gx_source.datasource_class()
    home = folder(project)
    home.mkdir(parents=True, exist_ok=True)
    warehouse = open_warehouse(project.environment, project)
    # The project of GX is one for all who judge, whatever the warehouse lets them do at once.
    with warehouse_lock(home / "project", purpose), warehouse.alchemy(purpose) as alchemy:
        written = home / "gx" / "great_expectations.yml"
        gx_source.forget(written)
        context: Any = gx.get_context(mode="file", project_root_dir=str(home))
        context.enable_analytics(False)
        if context.variables.progress_bars != {"globally": False}:
            context.variables.progress_bars = {"globally": False}
            context.variables.save()
        memory = context.data_sources.add_or_update_pandas(MEMORY)
        try:
            with gx_source.opened(context, DATASOURCE, alchemy) as datasource:
                yield Opened(context, datasource, memory, alchemy)
        finally:
            gx_source.forget(written)


def quiet() -> None:
    """GX talks to the log a great deal, and shows bars that have no place in a step's output."""
    for name in (
        "great_expectations",
        "great_expectations.data_context",
        "great_expectations.render",
    ):
        logging.getLogger(name).setLevel(logging.CRITICAL)


def _forget_old_results(project: Project, suite_name: str) -> None:
    """Make room for one more result of a suite, in GX's store and in the Data Docs."""
    kept = folder(project) / "gx" / "uncommitted"
    for results in (kept / "validations", kept / "data_docs" / "local_site" / "validations"):
        # One folder for each run, named by its time, below the suite's, whose dots are folders.
        of_suite = results.joinpath(*suite_name.split("."))
        runs = sorted(of_suite.glob("*/*/"), key=lambda run: run.name, reverse=True)
        for run in runs[RESULTS_KEPT - 1 :]:
            shutil.rmtree(run)
