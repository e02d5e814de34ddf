"""What a promotion is told of its target's access: only what a hand did, and not all of it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from dataplatform.access import opening, plan
from dataplatform.access.items import Action, Change, Item
from dataplatform.cli.promote_facts import drift


def _change(action: Action, number: int) -> Change:
    """Return a difference; the ninth is of something that hides."""
    told = f"analyst reads marts.t{number}"
    return Change(action, Item(("role", str(number)), told, protects=number == 9))


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ([("grant", n) for n in range(8)], []),
        (
            [("grant", 1), ("grant", 9)],
            ["analyst reads marts.t9: is missing: see `dataplatform access plan`."],
        ),
        (
            [("grant", 1), ("revoke", 2), ("change", 3)],
            [
                "analyst reads marts.t2: is not declared: see `dataplatform access plan`.",
                "analyst reads marts.t3: is not as declared: see `dataplatform access plan`.",
            ],
        ),
        (
            [("revoke", n) for n in range(5)],
            [
                *(
                    f"analyst reads marts.t{n}: is not declared: see `dataplatform access plan`."
                    for n in range(3)
                ),
                "and 2 more.",
            ],
        ),
    ],
)
def test_what_is_declared_and_not_yet_granted_stops_no_promotion(
    monkeypatch: pytest.MonkeyPatch, changes: list[tuple[Action, int]], told: list[str]
) -> None:
    found = plan.Plan([_change(*one) for one in changes])
    monkeypatch.setattr(opening, "open_engine", lambda project: None)
    monkeypatch.setattr(plan, "make_plan", lambda project, engine: found)
    project: Any = SimpleNamespace(
        connections=[],
        access=SimpleNamespace(file="config/access.yml"),
        environment=SimpleNamespace(made=None),
    )
    assert drift(project) == told
