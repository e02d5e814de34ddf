"""Building the same inputs on one engine: load raw tables, run dbt, judge every contract.

What came out is kept as Parquet files and plain facts, so that engines are compared without being
asked again. What differs is said by ``compare``.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from dataplatform.checks.contract_rules import checks_of
from dataplatform.checks.scan import run_scan
from dataplatform.checks.spec import SCAN
from dataplatform.declarations.dbt_project import load_graph, target_folder
from dataplatform.declarations.errors import UserError
from dataplatform.keys import Relation
from dataplatform.resources.warehouse import open_warehouse
from dataplatform.resources.warehouse.types import family
from dataplatform.transform.dbt_command import run_dbt_command

if TYPE_CHECKING:
    from dataplatform.declarations.dbt_graph import DbtGraph
    from dataplatform.declarations.project import Project


@dataclass(frozen=True)
class Built:
    """What one engine made of the inputs.

    Attributes:
        engine: its name.
        files: the rows of each model, as Parquet.
        types: the type family of each column of each model.
        verdicts: of each check: passed, failed, or why it could not be judged.
        sql: the compiled SQL of each model.
        dialect: of that SQL, by sqlglot's name.
        seconds: how long loading, building, judging and reading the models took.
    """

    engine: str
    files: dict[Relation, Path] = field(default_factory=dict)
    types: dict[Relation, dict[str, str]] = field(default_factory=dict)
    verdicts: dict[str, str] = field(default_factory=dict)
    sql: dict[Relation, str] = field(default_factory=dict)
    dialect: str = ""
    seconds: dict[str, float] = field(default_factory=dict)


def inputs(project: Project, folder: Path) -> dict[Relation, Path]:
    """Write the raw tables that models read as Parquet files; return them by relation.

    Raises:
        UserError: the project's warehouse has none of them.
    """
    warehouse = open_warehouse(project.environment, project)
    wanted = [source.relation for source in load_graph(project).sources]
    found = {}
    folder.mkdir(parents=True, exist_ok=True)
    for relation in warehouse.facts(wanted, fingerprint=False):
        found[relation] = folder / f"{relation}.parquet"
        warehouse.export_parquet(relation, found[relation])
    missing = [str(relation) for relation in wanted if relation not in found]
    if missing:
        raise UserError(
            f"The warehouse of {project.environment.name} has no {missing[0]}: "
            "run `make run` first, for its raw tables are what every engine is given."
        )
    return found


def build(project: Project, engine: str, raw: dict[Relation, Path], folder: Path) -> Built:
    """Load the inputs into an engine's own copy of the project, build everything and judge it.

    Args:
        project: the engine's copy; its servers run.
        engine: its name.
        raw: the inputs.
        folder: where the models' rows are written.

    Raises:
        UserError: the warehouse cannot be reached, or dbt cannot run.
    """
    warehouse = open_warehouse(project.environment, project)
    graph = load_graph(project)
    built = Built(engine, dialect=warehouse.dialect)
    began = time.monotonic()
    for relation, path in raw.items():
        warehouse.load_parquet(relation, path)
    built.seconds["load"] = time.monotonic() - began
    began = time.monotonic()
    code = run_dbt_command(project, ["--quiet", "build"], f"parity of {engine}")
    results = target_folder(project) / "hand" / "run_results.json"
    if code not in (0, 1) or not results.is_file():
        raise UserError(f"dbt could not build the models on {engine} (exit code {code}).")
    built.seconds["build"] = time.monotonic() - began
    began = time.monotonic()
    _read_results(graph, json.loads(results.read_text(encoding="utf-8")), built)
    _judge(project, built)
    built.seconds["judge"] = time.monotonic() - began
    began = time.monotonic()
    folder.mkdir(parents=True, exist_ok=True)
    relations = [node.relation for node in graph.nodes]
    for relation, facts in warehouse.facts(relations).items():
        built.types[relation] = {
            name.lower(): family(warehouse.dialect, kind) for name, kind in facts.columns.items()
        }
        built.files[relation] = folder / f"{relation}.parquet"
        warehouse.export_parquet(relation, built.files[relation])
    built.seconds["read"] = time.monotonic() - began
    return built


def _read_results(graph: DbtGraph, results: dict[str, object], built: Built) -> None:
    for result in results["results"]:  # type: ignore[attr-defined]
        node = graph.by_id.get(result["unique_id"])
        if node is not None:
            built.sql[node.relation] = result.get("compiled_code") or ""
            if result["status"] == "error":
                built.verdicts[f"{node.relation} is built"] = " ".join(result["message"].split())
            continue
        test = graph.test_by_id.get(result["unique_id"])
        if test is not None and test.node in graph.by_id:
            name = f"{graph.by_id[test.node].relation} {test.name}"
            said = {"pass": "passed", "warn": "failed", "fail": "failed"}.get(result["status"])
            built.verdicts[name] = said or f"error: {' '.join(str(result['message']).split())}"


def _judge(project: Project, built: Built) -> None:
    """Evaluate the rules of every contract through the warehouse, as the check steps do."""
    warehouse = open_warehouse(project.environment, project)
    for contract in project.contracts:
        columns = warehouse.columns(contract.relation)
        checks = [check for check in checks_of(contract) if check.engine == SCAN]
        if columns is None or not checks:
            continue
        with warehouse.session(f"judge {contract.relation}") as session:
            verdicts = run_scan(session.execute, checks, warehouse.dialect, columns)
        for verdict in verdicts:
            name = f"{verdict.relation} {verdict.name} (contract)"
            said = "passed" if verdict.passed else "failed"
            built.verdicts[name] = f"error: {verdict.error}" if verdict.error else said
