"""Which checks dbt evaluates for which model: dbt's own tests, and contracts compiled to tests.

Plain Python. How checks appear in Dagster is the translator's business.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from dataplatform.checks.contract_rules import checks_of, scan_checks
from dataplatform.checks.spec import Check, safe_name
from dataplatform.declarations.dbt_graph import DbtGraph, DbtTest
from dataplatform.keys import Relation
from dataplatform.transform.unchanged import Expected

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from dataplatform.declarations.contract import Contract


@dataclass(frozen=True)
class Rules:
    """The checks of a dbt graph.

    Attributes:
        graph: the dbt graph.
        contract_checks: rules of the contracts that are compiled to a dbt test, by relation.
    """

    graph: DbtGraph
    contract_checks: dict[Relation, tuple[Check, ...]]

    @cached_property
    def contract_test(self) -> dict[Relation, DbtTest]:
        """The compiled test of each relation with a contract."""
        return {
            self.graph.by_id[test.node].relation: test for test in self.graph.tests if test.contract
        }

    @cached_property
    def plain_tests(self) -> tuple[DbtTest, ...]:
        """Tests that are a check of their own."""
        return tuple(
            test
            for test in self.graph.tests
            if not (test.contract and self.graph.by_id[test.node].relation in self.contract_checks)
        )

    @cached_property
    def expected(self) -> dict[Relation, dict[str, Expected]]:
        """The checks of each relation, by name, with the version of their rule."""
        found: dict[Relation, dict[str, Expected]] = {}
        for test in self.plain_tests:
            relation = self.graph.by_id[test.node].relation
            found.setdefault(relation, {})[safe_name(test.name)] = Expected(test.code_version)
        for relation, checks in self.contract_checks.items():
            version = self.contract_test[relation].code_version
            for check in checks:
                found.setdefault(relation, {})[check.name] = Expected(version)
        return found

    def set_aside(self, replays: Mapping[Relation, str]) -> dict[Relation, str]:
        """Return what changes the rows of relations after their build: rules that set rows aside.

        Args:
            replays: when rows of a relation were last brought back.
        """
        return {
            relation: f"{self.contract_test[relation].code_version} {replays.get(relation, '')}"
            for relation, checks in self.contract_checks.items()
            if any(check.on_failure == "quarantine" for check in checks)
        }

    def tests_of_checks(self, checks: set[tuple[Relation, str]]) -> set[str]:
        """Return the ids of the tests that evaluate these checks, named by relation and name."""
        found: set[str] = set()
        for test in self.plain_tests:
            if (self.graph.by_id[test.node].relation, safe_name(test.name)) in checks:
                found.add(test.id)
        for relation, name in checks:
            if any(check.name == name for check in self.contract_checks.get(relation, ())):
                found.add(self.contract_test[relation].id)
        return found


def rules_of(graph: DbtGraph, contracts: Iterable[Contract]) -> Rules:
    """Return the checks of a graph.

    A contract whose compiled test is missing is left to plain ``dbt`` and the lint: its rules
    would never be judged here.
    """
    compiled = {graph.by_id[test.node].relation for test in graph.tests if test.contract}
    checks = {
        contract.relation: tuple(scan_checks(checks_of(contract)))
        for contract in contracts
        if contract.relation in compiled
    }
    return Rules(graph, {relation: found for relation, found in checks.items() if found})
