"""What a broken rule keeps from being built: in its run, in the next, and when asked for alone."""

from __future__ import annotations

import pytest

from dataplatform.declarations.dbt_graph import DbtGraph, DbtNode, DbtSource, DbtTest
from dataplatform.keys import Relation
from dataplatform.transform.gate import left_out, outside_parents
from dataplatform.transform.step_plan import plan_step
from dataplatform.transform.unchanged import (
    Expected,
    Recorded,
    RecordedVerdict,
    data_version,
    expected_versions,
)


def node(name: str, *parents: str, schema: str = "staging", code: str = "1") -> DbtNode:
    """A model that reads others."""
    return DbtNode(
        id=f"model.x.{name}",
        kind="model",
        name=name,
        schema=schema,
        table=name,
        description="",
        owner=None,
        tags=(),
        columns={},
        materialized="table",
        parents=parents,
        path=f"models/{name}.sql",
        code_version=code,
    )


RAW, OTHER = Relation("raw", "a"), Relation("raw", "b")
A, B, C, ASIDE = "model.x.a", "model.x.b", "model.x.c", "model.x.aside"
IDS = (A, B, C, ASIDE)


def graph(code: str = "1") -> DbtGraph:
    """raw.a -> a -> b -> c, and raw.b -> aside."""
    return DbtGraph(
        version="1",
        nodes=(
            node("a", "source.x.a", code=code),
            node("aside", "source.x.b"),
            node("b", A),
            node("c", B, schema="candidate"),
        ),
        tests=(DbtTest("test.x.t", "t", A, (A,), "ERROR", "", "t.yml", "1"),),
        sources=(DbtSource("source.x.a", "raw", "a", ""), DbtSource("source.x.b", "raw", "b", "")),
        exposures=(),
    )


def relations(ids: tuple[str, ...] = IDS) -> dict[str, Relation]:
    return {one: graph().by_id[one].relation for one in ids}


def recorded(raw: str = "v1") -> dict[Relation, Recorded]:
    """Everything as a run on this version of raw.a left it."""
    known = {RAW: Recorded(raw), OTHER: Recorded("w1")}
    versions = expected_versions(graph(), IDS, known)
    for index, (one, relation) in enumerate(relations().items()):
        known[relation] = Recorded(versions[one], "1", 10 + index)
    return known


def plan(
    failed: dict[Relation, list[str]] | None = None,
    known: dict[Relation, Recorded] | None = None,
    verdict: RecordedVerdict | None = RecordedVerdict(True, "ERROR", 10, "1"),
    selected: tuple[str, ...] = IDS,
    code: str = "1",
    present: set[Relation] | None = None,
):
    """Plan a step over the small graph."""
    checks = {Relation("staging", "a"): {"t": Expected("1")}}
    verdicts = {Relation("staging", "a"): {"t": verdict}} if verdict else {}
    return plan_step(
        graph(code),
        selected,
        failed=failed or {},
        recorded=recorded() if known is None else known,
        checks=checks,
        verdicts=verdicts,
        present=set(relations().values()) if present is None else present,
    )


def test_a_broken_rule_on_raw_leaves_out_everything_below_it_and_nothing_else() -> None:
    found = left_out(graph(), IDS, {RAW: ["amount_positive"]})
    assert set(found) == {A, B, C}
    assert found[C].sentence() == (
        "candidate.c was left out: raw.a breaks the rule amount_positive."
    )


def test_a_model_asked_for_alone_is_gated_by_its_parent() -> None:
    assert set(left_out(graph(), {C}, {Relation("staging", "b"): ["r"]})) == {C}
    assert not left_out(graph(), {C}, {Relation("staging", "a"): ["r"]})


def test_what_the_step_builds_itself_is_judged_anew() -> None:
    assert not left_out(graph(), {A, B}, {Relation("staging", "a"): ["r"]})


def test_outside_parents_are_what_the_step_reads_and_does_not_build() -> None:
    assert outside_parents(graph(), {B, C}) == {Relation("staging", "a")}
    assert outside_parents(graph(), set(IDS)) == {RAW, OTHER}


def test_nothing_runs_when_nothing_changed() -> None:
    found = plan()
    assert not found.run
    assert set(found.unchanged) == set(IDS)


def test_new_input_data_runs_what_is_below_it() -> None:
    known = recorded()
    known[RAW] = Recorded("v2")
    found = plan(known=known)
    assert set(found.run) == {A, B, C}
    assert found.unchanged == (ASIDE,)
    assert found.run[A] == "its input data changed"


def test_new_code_runs_the_model_and_what_is_below_it() -> None:
    found = plan(code="2")
    assert set(found.run) == {A, B, C}
    assert found.code_changed == {A}


def test_a_missing_table_is_built_again() -> None:
    present = set(relations().values()) - {Relation("staging", "b")}
    assert set(plan(present=present).run) == {B}


@pytest.mark.parametrize(
    ("verdict", "why"),
    [
        (None, "was not judged"),
        (RecordedVerdict(True, "ERROR", 9, "1"), "was not judged"),
        (RecordedVerdict(True, "ERROR", 10, "0"), "changed"),
        (RecordedVerdict(False, "ERROR", 10, "1"), "it broke"),
    ],
)
def test_a_model_without_a_good_verdict_on_its_last_build_runs(
    verdict: RecordedVerdict | None, why: str
) -> None:
    assert why in plan(verdict=verdict).run[A]


def test_a_warning_runs_nothing_again() -> None:
    assert not plan(verdict=RecordedVerdict(False, "WARN", 10, "1")).run


def test_an_input_of_unknown_version_always_runs_what_reads_it() -> None:
    known = recorded()
    known[RAW] = Recorded(None)
    assert set(plan(known=known).run) == {A, B, C}


def test_left_out_models_keep_their_version_and_do_not_run() -> None:
    known = recorded()
    known[RAW] = Recorded("v2")
    found = plan(failed={RAW: ["r"]}, known=known)
    assert set(found.left_out) == {A, B, C}
    assert not found.run


def test_a_data_version_depends_on_code_and_inputs_and_not_on_their_order() -> None:
    one = data_version("c", {RAW: "1", OTHER: "2"})
    assert one == data_version("c", {OTHER: "2", RAW: "1"})
    assert one != data_version("c", {RAW: "2", OTHER: "1"})
    assert one != data_version("d", {RAW: "1", OTHER: "2"})


def test_a_graph_survives_its_file() -> None:
    from dataplatform.declarations.dbt_graph import graph_from_json

    assert graph_from_json(graph().to_json()) == graph()
