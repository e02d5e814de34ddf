"""The report in a browser: it asks no network, nothing scrolls sideways, charts appear."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

import dataplatform.quality.report as package
from dataplatform.keys import Relation
from dataplatform.quality.profile.model import Bar, ColumnProfile, TableProfile, Value
from dataplatform.quality.profile.page import render_profile
from dataplatform.quality.report.drawings import spark
from dataplatform.quality.report.incident_words import Breach, Change, Incident, Reader
from dataplatform.quality.report.model import Freshness, Pipeline, Report, TableReport
from dataplatform.quality.report.rule_words import Answer, Point, Rule
from dataplatform.quality.report.site import render, write_assets
from dataplatform.quality.report.words import past
from dataplatform.resources.check_history import TableState
from dataplatform.resources.run_history import PastRun
from dataplatform_tests.browser import chromium, picture

NOW = datetime(2026, 3, 20, 7, 30, tzinfo=UTC).timestamp()
DAY = 86400.0
ORDERS = Relation("candidate", "fact_orders_with_quite_a_long_name_that_must_break_somewhere")


def _points(*statuses: str) -> tuple[Point, ...]:
    start = NOW - DAY * len(statuses)
    return tuple(
        Point(start + DAY * day, status, 140 if status == "failed" else day % 3, f"run{day}")
        for day, status in enumerate(statuses)
    )


def report() -> Report:
    """A report with everything in it, without a platform behind it."""
    history = _points(*["passed"] * 20, "failed", "failed")
    broken = Rule(
        "total_amount_is_not_negative", "failed", "ERROR", "every total_amount at least 0", 140,
        "An order costs something.", "config/contracts/marts/fact_orders.yml:82", 140, 12_198,
        ("12026", "12027"), "select * from " + "a_long_name_" * 12 + " where total_amount < 0",
        history=history, dimension="accuracy",
    )  # fmt: skip
    kept = Rule("order_id_unique", "passed", "ERROR", "every order_id unique", 0, "", "x.yml:3",
                history=_points(*["passed"] * 22), dimension="uniqueness")  # fmt: skip
    warned = Rule("phone_filled", "warned", "WARN", "less than 1 % null", 1.5, "", "", 12, 800)
    raw = Relation("raw_shop", "orders")
    usual = Rule("usual_volume", "passed", "ERROR", "11,900 to 12,400", "12,198", "", "",
                 monitor=True, learned_from="the last 8 Fridays")  # fmt: skip
    odd = Rule("usual_values", "warned", "WARN", "0.1 to 0.3", "0.92", "", "", monitor=True,
               learned_from="the last 28 days",
               alarms=("92 % of phone is empty; 10 % to 30 % was expected.",))  # fmt: skip
    incident = Incident(
        f"{ORDERS}-20260319T073000", ORDERS, "candidate", "shop-data@example.com", "failed",
        NOW - 1.5 * DAY, None, "0123456789", NOW - 2 * DAY,
        (Breach("total_amount_is_not_negative", "failed", NOW - 1.5 * DAY, "every amount >= 0", 140,
                failing_count=140, row_count=12_198, samples=("12026",), sql=broken.sql,
                source=broken.source, dimension="accuracy", verdicts=2, history=history),),
        (Answer("total_amount_is_not_negative", "ada", "A known return of goods.", NOW),),
        "https://example.com/runbook",
        (Change(raw, NOW - 1.6 * DAY, "abcdef12"),), (ORDERS.published,),
        (Reader("Finance sheet", "application", "finance@example.com", "", (ORDERS,)),),
    )  # fmt: skip
    made = tuple(NOW - DAY * day - 3600 for day in range(12, 1, -1))
    state = TableState(NOW - DAY, NOW - DAY, 12_198)
    tables = (
        TableReport(ORDERS, "candidate", "shop-data@example.com", "One row per order.",
                    "config/contracts/marts/fact_orders.yml", state, Freshness(26.0, 49.0, made),
                    (broken, warned, kept, odd, usual), upstream=(raw,), incidents=(incident,),
                    watched=("usual_volume", "usual_values", "usual_schema")),
        TableReport(raw, "raw", "team:shop", "", "", state, Freshness(26.0, 2.0, made), (kept,),
                    watched=("usual_volume",)),
        TableReport(Relation("staging", "stg_orders"), "staging", "", "", "", None,
                    Freshness(None, None), ()),
    )  # fmt: skip
    ends = ["success", "success", "failure", "canceled", "success"] * 5
    runs = tuple(
        PastRun(f"r{n}", "nightly", end, datetime.fromtimestamp(NOW, UTC) - timedelta(days=n),
                30.0 + n, None)
        for n, end in enumerate(ends)
    )  # fmt: skip
    return Report("local", NOW, tables, (incident,), (Pipeline("nightly", runs),))


def profile() -> TableProfile:
    """A profile with each kind of column."""
    bars = tuple(Bar(float(n), float(n + 1), (7 * n) % 40) for n in range(24))
    days = tuple(Bar(DAY * n, DAY * (n + 1), 5 + n) for n in range(20))
    words = tuple(Value(f"a_value_{n}" * 4, 10 - n, 0.2) for n in range(5))
    return TableProfile(
        Relation("marts", "fact_orders"), 500_000, 100_000,
        (
            ColumnProfile("amount", "DECIMAL(18,2)", "number", 12, 900, False, 0.5, 23.5, 9.1,
                          {0.05: 1.0, 0.25: 3.0, 0.5: 6.0, 0.75: 9.0, 0.95: 20.0}, histogram=bars),
            ColumnProfile("status_as_the_shop_wrote_it_down_in_its_own_words", "VARCHAR", "text", 0,
                          5, True, "a", "z", 6.0, lengths=(1, 40), top_values=words,
                          patterns=words),
            ColumnProfile("ordered_on", "DATE", "date", 0, 20, True, "1970-01-01", "1970-01-20",
                          histogram=days),
            ColumnProfile("email", "VARCHAR", "text", 0, 500_000, True, masked=True),
        ),
        "duckdb",
    )  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("report")
    files = dict(render(report()))
    files["profiles/marts.fact_orders.html"] = render_profile(profile(), "local", NOW)
    for name, text in files.items():
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text(text)
    write_assets(root, plotted=True)
    return root


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.mark.slow
def test_every_page_fits_a_phone_and_a_desk_and_draws_its_charts(
    folder: Path, browser: Browser
) -> None:
    asked: list[str] = []
    said: list[str] = []
    for width, scheme in ((1280, "light"), (390, "dark")):
        page = browser.new_page(
            viewport={"width": width, "height": 900},
            color_scheme="dark" if scheme == "dark" else "light",
        )
        page.on("request", lambda request: asked.append(request.url))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("console", lambda message: said.append(message.text))
        for path in sorted(folder.rglob("*.html")):
            page.goto(path.as_uri())
            charts = page.locator(".plot")
            for place in range(charts.count()):
                expect(charts.nth(place).locator("svg.main-svg").first).to_be_attached()
            over = page.evaluate(
                "document.documentElement.scrollWidth - document.documentElement.clientWidth"
            )
            assert over <= 0, f"{path.name} is {over} pixels too wide at {width}"
            picture(page, f"report-{path.stem}-{width}", whole=True)
        page.close()
    assert said == []
    assert {url.split(":")[0] for url in asked} == {"file"}


@pytest.mark.slow
def test_the_overview_is_searched_by_keyboard_and_printed_whole(
    folder: Path, browser: Browser
) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto((folder / "index.html").as_uri())
    page.keyboard.press("Tab")
    expect(page.get_by_text("Skip to the content")).to_be_focused()
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox")).to_be_focused()
    page.keyboard.type("stg_ord")
    expect(page.locator("ul.tables > li:visible")).to_have_count(1)
    page.keyboard.press("Escape")
    expect(page.locator("ul.tables > li:visible")).to_have_count(3)
    page.get_by_role("button", name="Broken").click()
    expect(page.locator("ul.tables > li:visible")).to_have_count(1)
    page.get_by_role("button", name="Everything").click()
    page.emulate_media(media="print")
    expect(page.get_by_role("searchbox")).not_to_be_visible()
    expect(page.get_by_text("stg_orders").first).to_be_visible()
    picture(page, "report-print", whole=True)
    page.close()


@pytest.mark.slow
def test_rules_stand_under_their_headings_and_show_their_past(
    folder: Path, browser: Browser
) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto((folder / f"tables/{ORDERS}.html").as_uri())
    heads = [one.bounding_box() for one in page.locator(".rules th").all()]
    for row in page.locator(".rules tbody tr[id]").all():
        cells = [one.bounding_box() for one in row.locator("td").all()]
        assert [cell and cell["x"] for cell in cells] == [head and head["x"] for head in heads]
    card = page.locator(".card").first.bounding_box()
    for drawn in page.locator(".rules .spark").all():
        box = drawn.bounding_box()
        assert box and card and box["x"] + box["width"] <= card["x"] + card["width"]
    page.close()


def _past(*statuses: str) -> str:
    return past([Point(NOW + DAY * n, status, None, "") for n, status in enumerate(statuses)])


def test_a_rules_past_is_told_in_words() -> None:
    assert past([]) == ""
    assert _past("failed") == "" and _past("passed") == "kept 1 of 1 times"
    assert _past("failed", "warned") == "never kept in 2 verdicts"
    assert _past("passed", "warned", "failed") == (
        "kept 1 of 3 times, broken since 21 Mar 2026, 07:30"
    )
    assert _past("failed", "error", "passed") == (
        "kept 1 of 3 times, last in error 21 Mar 2026, 07:30"
    )


def test_a_rules_past_is_drawn_in_order_and_told_without_colours() -> None:
    statuses = ("passed", "warned", "failed", "error", "passed")
    drawn = str(spark([Point(NOW, status, n, "") for n, status in enumerate(statuses)]))
    bars = re.findall(r'<rect class="(\w+)" x="([\d.]+)" .*? height="(\d+)"', drawn)
    assert tuple(status for status, _, _ in bars) == statuses
    places = [float(x) for _, x, _ in bars]
    assert places == sorted(places)
    high = {status: int(height) for status, _, height in bars}
    assert high["passed"] < high["warned"] < high["failed"] == high["error"]
    assert 'aria-label="Verdicts: 2 kept, 1 warning, 1 broken, 1 error"' in drawn
    assert "<polyline" in drawn
    assert "<polyline" not in str(spark(_points("passed")))
    assert "<script" not in str(spark([Point(NOW, "failed", "<script>", "")]))
    assert spark([]) == ""


def test_monitors_tell_alarms_and_what_they_still_learn() -> None:
    text = dict(render(report()))["monitors.html"]
    assert "1 table looks unusual" in text
    assert "2 tables watched; 2 with monitors that still learn" in text
    assert "92 % of phone is empty" in text
    assert text.count(">learning<") == 2
    assert "the last 8 Fridays" in text
    assert "monitors.html" not in dict(render(Report("local", 0.0)))
    watched = replace(report().tables[2], watched=("usual_volume",))
    only = dict(render(Report("local", 0.0, (watched,))))["monitors.html"]
    assert "Still learning what is usual" in only
    assert 'class="mark passed"' not in only


def _luminance(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_text_can_be_read_on_every_ground(scheme: int) -> None:
    """Contrast of at least 4.5, as WCAG's level AA asks of text."""
    text = (Path(package.__file__).parent / "assets" / "report.css").read_text()
    block = re.findall(r":root \{(.*?)\}", text, re.DOTALL)[scheme]
    colours = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", block))
    pairs = [(ink, ground) for ink in ("ink", "soft", "faint", "kept", "warn", "bad")
             for ground in ("paper", "card")]  # fmt: skip
    pairs += [(ink, ground) for ink in ("ink", "soft") for ground in ("wash", "bad-wash")]
    pairs += [("soft", "warn-wash"), ("card", "bad")]
    for ink, ground in pairs:
        bright, dark = sorted((_luminance(colours[ink]), _luminance(colours[ground])))[::-1]
        ratio = (bright + 0.05) / (dark + 0.05)
        assert ratio >= 4.5, f"{ink} on {ground}: {ratio:.2f}"
