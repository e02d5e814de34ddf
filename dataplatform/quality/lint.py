"""What is wrong with contracts beyond what reading them already refuses.

Compiled files and models' yml that have come apart from their contracts, and promises that could
not be kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dataplatform.checks.contract_rules import checks_of, gx_checks, scan_checks
from dataplatform.declarations.dbt_project import load_graph
from dataplatform.declarations.errors import DeclarationError
from dataplatform.quality import compile_dbt, contract_yml

if TYPE_CHECKING:
    from dataplatform.declarations.contract import Contract
    from dataplatform.declarations.project import Project


def findings(project: Project) -> list[str]:
    """Return one sentence for each thing that must be mended."""
    found = [
        f"{path.relative_to(project.root)}: is not what its contract compiles to; "
        "run `dataplatform contract compile`."
        for path in compile_dbt.stale(project)
    ]
    for contract in project.contracts:
        found += _ungated(project, contract)
        found += _of_views(project, contract)
        found += [
            f"{contract.file}: dbt enforces the contract of {contract.relation.table} only if "
            f"every column has a type: give {name!r} a data_type in the model's yml."
            for name in contract_yml.untyped(project, contract)
            if compile_dbt.of_model(contract)
        ]
    return found


def _ungated(project: Project, contract: Contract) -> list[str]:
    """An error rule that runs only after dbt cannot hold back children inside the same build."""
    late = [check for check in gx_checks(checks_of(contract)) if check.gate]
    if not late or not compile_dbt.of_model(contract):
        return []
    graph = load_graph(project)
    node = graph.by_relation.get(contract.relation)
    children = (
        [graph.by_id[child].name for child in graph.children.get(node.id, ())] if node else []
    )
    if not children:
        return []
    return [
        str(
            DeclarationError(
                contract.file,
                check.line,
                f"the error rule {check.name!r} can only be evaluated by Great Expectations, after "
                f"dbt has built {', '.join(sorted(children))}: make it a warning, or say it as a "
                "library or SQL rule.",
            )
        )
        for check in late
    ]


def _of_views(project: Project, contract: Contract) -> list[str]:
    """A rule that sets rows aside, of a model that has no rows of its own."""
    moving = [one for one in scan_checks(checks_of(contract)) if one.on_failure == "quarantine"]
    if not moving or not compile_dbt.of_model(contract):
        return []
    node = load_graph(project).by_relation.get(contract.relation)
    if node is None or "view" not in node.materialized:
        return []
    return [
        str(
            DeclarationError(
                contract.file,
                check.line,
                f"the rule {check.name!r} cannot set rows aside: {contract.relation} is a "
                f"{node.materialized.replace('_', ' ')}, and only a table has rows to move. Give "
                f"the model {contract.relation.table} the setting materialized: table, or say "
                "onFailure: keep.",
            )
        )
        for check in moving
    ]
