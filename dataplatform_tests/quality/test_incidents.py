"""Incidents from verdicts, what lies around them, and a table's age over time: all plain data."""

from __future__ import annotations

from typing import Any

import pytest

from dataplatform.keys import Relation
from dataplatform.quality.report.drawings import age_line, ages
from dataplatform.quality.report.impact import Lineage, with_impact
from dataplatform.quality.report.incident_words import Reader
from dataplatform.quality.report.incidents import incidents_of, order
from dataplatform.quality.report.model import Freshness, TableReport
from dataplatform.quality.report.rule_words import Rule
from dataplatform.quality.report.words import breakable, hours, percent, seconds, value
from dataplatform.resources.check_history import Evaluation, TableChange
from dataplatform.resources.instance import ACCEPTED_BY, ACCEPTED_WHY

RAW = Relation("raw_x", "orders")
STAGING = Relation("staging", "stg_orders")
MART = Relation("candidate", "fact_orders")
Story = list[tuple[float, str, str]]


def table(*rules: str, relation: Relation = MART) -> TableReport:
    found = tuple(Rule(name, "passed", "ERROR", "good", 0, "", "") for name in rules)
    return TableReport(
        relation, relation.schema, "team:data", "", "", None, Freshness(None, None), found,
        runbook="https://example.com/mend",
    )  # fmt: skip


def verdict(at: float, word: str) -> Evaluation:
    metadata: dict[str, Any] = {"expected": "good", "observed": int(at), "sample_keys": ["7"]}
    if word == "error":
        metadata["error"] = "no such column"
    if word == "accepted":
        metadata |= {ACCEPTED_BY: "ada", ACCEPTED_WHY: "known"}
    severity = "WARN" if word in {"warned", "accepted"} else "ERROR"
    return Evaluation(at, f"run{at:g}", word == "passed", severity, "", metadata)


def told(story: Story) -> dict[str, list[Evaluation]]:
    found: dict[str, list[Evaluation]] = {}
    for at, name, word in sorted(story, reverse=True):
        found.setdefault(name, []).append(verdict(at, word))
    return found


@pytest.mark.parametrize(
    ("story", "expected"),
    [
        ([(1, "a", "passed"), (2, "a", "passed")], []),
        ([(1, "a", "passed"), (2, "a", "failed")], [(2, None, "failed", 1)]),
        ([(1, "a", "failed"), (2, "a", "passed")], [(1, 2, "failed", None)]),
        (
            [(1, "a", "failed"), (2, "a", "passed"), (3, "a", "failed"), (4, "a", "passed")],
            [(3, 4, "failed", 2), (1, 2, "failed", None)],
        ),
        # Two rules overlap: one incident, from the first broken to the last mended.
        (
            [(1, "b", "passed"), (2, "a", "failed"), (3, "b", "failed"), (4, "a", "passed"),
             (5, "b", "passed")],
            [(2, 5, "failed", None)],
        ),
        ([(1, "a", "warned"), (2, "a", "warned")], [(1, None, "warned", None)]),
        ([(1, "a", "warned"), (2, "b", "error")], [(1, None, "error", None)]),
        # A rule that the table no longer has cannot hold an incident open.
        ([(1, "gone", "failed"), (2, "gone", "failed")], [(1, 2, "failed", None)]),
        # Who accepts a broken rule answers; nothing turns green by itself.
        ([(1, "a", "failed"), (2, "a", "accepted")], [(1, None, "failed", None)]),
    ],
)  # fmt: skip
def test_an_incident_lasts_from_the_first_broken_rule_until_all_are_kept(story, expected):
    found = incidents_of(table("a", "b"), told(story))
    assert [(one.began, one.ended, one.status, one.kept_until) for one in found] == expected


def test_a_breach_tells_the_last_word_and_since_when():
    story = [
        (1.0, "a", "failed"),
        (2.0, "b", "failed"),
        (3.0, "a", "failed"),
        (4.0, "a", "accepted"),
    ]
    (incident,) = incidents_of(table("a", "b"), told(story))
    first = incident.breaches[0]
    assert (first.rule, first.since, first.observed, first.verdicts) == ("a", 1.0, 3, 2)
    assert first.samples == ("7",)
    assert [(one.who, one.why, one.rule) for one in incident.answers] == [("ada", "known", "a")]
    assert incident.id == "candidate.fact_orders-19700101T000001"
    assert incident.title == "fact_orders: a and 1 more"


def test_open_and_grave_incidents_come_first():
    stories = {
        "over": [(1.0, "a", "failed"), (9.0, "a", "passed")],
        "warns": [(8.0, "a", "warned")],
        "old": [(2.0, "a", "failed")],
        "new": [(5.0, "a", "failed")],
    }
    found = [
        incident
        for name, story in stories.items()
        for incident in incidents_of(table("a", relation=Relation("s", name)), told(story))
    ]
    assert [one.relation.table for one in order(found)] == ["new", "old", "warns", "over"]


def _lineage() -> Lineage:
    parents = {STAGING: (RAW,), MART: (STAGING,), MART.published: (MART,)}
    sheet = Reader("Sheet", "application", "", "", (MART,))
    other = Reader("Other", "dashboard", "", "", (Relation("candidate", "other"),))
    return Lineage(parents, (sheet, other))


def test_what_changed_first_and_what_is_touched_is_told():
    story = [(10.0, "a", "passed"), (50.0, "a", "failed")]
    found = incidents_of(table("a"), told(story))
    changes = {
        RAW: [TableChange(5.0, "early", True), TableChange(20.0, "r1", True)],
        STAGING: [TableChange(15.0, "seen", False), TableChange(30.0, "r2", True)],
        MART: [TableChange(40.0, "r2", True), TableChange(60.0, "late", True)],
    }
    (incident,) = with_impact(found, _lineage(), changes, {MART: table("a")})
    assert [(c.relation, c.at, c.run_id) for c in incident.upstream] == [
        (RAW, 20.0, "r1"), (STAGING, 30.0, "r2"), (MART, 40.0, "r2"),
    ]  # fmt: skip
    assert incident.downstream == (MART.published,)
    assert [reader.name for reader in incident.readers] == ["Sheet"]
    assert incident.runbook == "https://example.com/mend"


def test_an_incident_above_comes_before_what_merely_changed():
    above = incidents_of(table("a", relation=RAW), told([(45.0, "a", "failed")]))
    below = incidents_of(table("a"), told([(10.0, "a", "passed"), (50.0, "a", "failed")]))
    changes = {STAGING: [TableChange(30.0, "r2", True)]}
    tables = {RAW: table("a", relation=RAW), MART: table("a")}
    found = with_impact([*above, *below], _lineage(), changes, tables)
    assert [(c.relation, bool(c.incident)) for c in found[1].upstream] == [
        (RAW, True), (STAGING, False),
    ]  # fmt: skip
    assert found[0].upstream == ()
    assert found[0].downstream == (STAGING, MART, MART.published)


def test_age_grows_and_falls_when_a_table_is_made():
    hour = 3600.0
    made = Freshness(2.0, 1.0, (1 * hour, 3 * hour, 6 * hour))
    assert ages(made, 7 * hour, 2 * hour) == [
        (2 * hour, 1.0), (3 * hour, 2.0), (3 * hour, 0.0), (6 * hour, 3.0), (6 * hour, 0.0),
        (7 * hour, 1.0),
    ]  # fmt: skip
    assert ages(Freshness(2.0, 9.0, (0.0,)), 9 * hour, 5 * hour) == [
        (5 * hour, 5.0),
        (9 * hour, 9.0),
    ]
    assert ages(Freshness(2.0, None), 9 * hour, 0.0) == []
    assert age_line(Freshness(None, 1.0, (0.0,)), hour) == ""
    assert str(age_line(made, 7 * hour)).count("<line") == 1


def test_numbers_read_as_people_say_them():
    assert [hours(n) for n in (0.2, 30, 100)] == ["12 min", "30 h", "4 days"]
    assert [seconds(n) for n in (2.34, 30, 200)] == ["2.3 s", "30 s", "3 min"]
    assert [percent(n) for n in (0.5, 0.0001)] == ["50.0%", "under 0.1%"]
    assert [value(n) for n in (None, True, 1234, 0.25, 7182131612276760.0, float("nan"))] == [
        "nothing", "yes", "1,234", "0.25", "7,182,131,612,276,760", "nan",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("customer_id", "customer_<wbr>id"),
        ("marts.daily_sales", "marts.<wbr>daily_<wbr>sales"),
        ("_synced_", "_<wbr>synced_"),
        ("a<b", "a&lt;b"),
    ],
)
def test_a_name_breaks_between_its_words(name: str, shown: str) -> None:
    assert breakable(name) == shown
