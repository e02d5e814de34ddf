"""The graph in each environment, loaded with nothing up and no credentials."""

from __future__ import annotations

import json

import pytest

from dataplatform_tests.graph.snapshot import ENVIRONMENTS, load, written

#: The others declare the same graph, as is held below: loading each is the long proof.
LOADED = [
    name if name in ("local", "production") else pytest.param(name, marks=pytest.mark.prove)
    for name in ENVIRONMENTS
]


@pytest.mark.parametrize("environment", LOADED)
def test_the_graph_is_as_reviewed(environment: str) -> None:
    # A wanted change: python -m dataplatform_tests.graph.snapshot
    found = load(environment)
    assert found == json.loads(written(environment).read_text(encoding="utf-8"))


def test_every_mart_is_built_checked_published_and_exported() -> None:
    assets = json.loads(written("local").read_text(encoding="utf-8"))["assets"]
    marts = [name.split("/")[1] for name in assets if name.startswith("marts/")]
    assert {"dim_customers", "fact_orders", "daily_sales", "community_engagement"} == set(marts)
    for mart in marts:
        assert assets[f"marts/{mart}"]["from"] == [f"candidate/{mart}"]
        assert assets[f"curated/{mart}"]["from"] == [f"marts/{mart}"]
        assert assets[f"candidate/{mart}"]["checks"]


def test_every_environment_runs_the_same_graph() -> None:
    first, *others = (json.loads(written(name).read_text()) for name in ENVIRONMENTS)
    assert all(other == first for other in others)
