"""Why a candidate is not published, in words; and how many versions a contract keeps."""

from __future__ import annotations

from pathlib import Path

import pytest
from dagster import AssetCheckKey, AssetKey

from dataplatform.declarations.contract import load_contract
from dataplatform.declarations.errors import DeclarationError
from dataplatform.keys import Relation
from dataplatform.resources.instance import LastVerdict, Materialised
from dataplatform.resources.warehouse.publication import KEPT
from dataplatform.transform.publish_choice import refusals
from dataplatform.transform.publish_settings import keep_of, kept_versions
from dataplatform_tests.transform.test_publish_in_run import CONTRACT

TABLE = AssetKey(["candidate", "sales"])
RULE, MONITOR = AssetCheckKey(TABLE, "amounts"), AssetCheckKey(TABLE, "usual_volume")
BUILT = Materialised(7, "run", 0.0, "v", "c", 1, None)


def verdict(
    check: AssetCheckKey, passed: bool, target: int, severity: str = "ERROR"
) -> LastVerdict:
    return LastVerdict(check, passed, severity, "run", target, None, None)


KEPT_RULE = verdict(RULE, True, 7)
JUDGED_ON_ANOTHER = "the rule {} was not judged on it"
BREAKS = "it breaks the rule {}"


@pytest.mark.parametrize(
    ("rule", "monitor", "accepted", "expected"),
    [
        (KEPT_RULE, None, (), []),
        (KEPT_RULE, verdict(MONITOR, True, 7), (), []),
        # A monitor that says nothing of this build gates nothing, unless it last said no.
        (KEPT_RULE, verdict(MONITOR, True, 3), (), []),
        (KEPT_RULE, verdict(MONITOR, False, 3), (), [JUDGED_ON_ANOTHER.format("usual_volume")]),
        (KEPT_RULE, verdict(MONITOR, False, 7), (), [BREAKS.format("usual_volume")]),
        (KEPT_RULE, verdict(MONITOR, False, 7, "WARN"), (), []),
        (None, None, (), [JUDGED_ON_ANOTHER.format("amounts")]),
        (verdict(RULE, True, 3), None, (), [JUDGED_ON_ANOTHER.format("amounts")]),
        (verdict(RULE, False, 7), None, (), [BREAKS.format("amounts")]),
        (verdict(RULE, False, 7, "WARN"), None, (), []),
        (verdict(RULE, False, 7), None, (RULE,), []),
        # What was accepted was another build.
        (verdict(RULE, False, 3), None, (RULE,), [JUDGED_ON_ANOTHER.format("amounts")]),
    ],
)
def test_what_keeps_a_candidate_from_being_published(
    rule: LastVerdict | None,
    monitor: LastVerdict | None,
    accepted: tuple[AssetCheckKey, ...],
    expected: list[str],
) -> None:
    verdicts = {one.check: one for one in (rule, monitor) if one is not None}
    found = refusals(TABLE, BUILT, [RULE, MONITOR], verdicts, {MONITOR}, set(accepted))
    assert found == expected


def test_a_table_above_that_broke_a_rule_keeps_a_candidate_from_being_published() -> None:
    far = AssetCheckKey(AssetKey(["raw_shop", "orders"]), "usual_volume")
    near = AssetCheckKey(AssetKey(["intermediate", "orders"]), "amounts")
    above = [verdict(near, False, 2), verdict(far, False, 1)]
    assert refusals(TABLE, BUILT, [RULE], {RULE: KEPT_RULE}, above=above) == [
        "intermediate.orders, above it, breaks the rule amounts",
        "raw_shop.orders, above it, breaks the rule usual_volume",
    ]


def test_what_was_never_built_is_not_published() -> None:
    assert refusals(TABLE, None, [], {}) == ["it was never built"]


def _kept(tmp_path: Path, value: str) -> int:
    file = tmp_path / "config/contracts/marts/things.yml"
    file.parent.mkdir(parents=True)
    said = f"    customProperties: [{{property: publishedVersions, value: {value}}}]\n"
    file.write_text(CONTRACT.replace("    quality:\n", f"{said}    quality:\n", 1))
    contract = load_contract(file, tmp_path)
    return keep_of(kept_versions([contract]), Relation("marts", "things"))


def test_a_contract_says_how_many_versions_are_kept(tmp_path: Path) -> None:
    assert keep_of({}, Relation("marts", "things")) == KEPT == 5
    assert _kept(tmp_path, "12") == 12


@pytest.mark.parametrize("value", ["0", "many", "101", "2.5"])
def test_another_number_is_refused_with_its_line(tmp_path: Path, value: str) -> None:
    with pytest.raises(DeclarationError, match=r"things\.yml:\d+.*from 1 to 100; .* is not"):
        _kept(tmp_path, value)
