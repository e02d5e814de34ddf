"""The check report: what it says, and that it needs nobody else to say it."""

from __future__ import annotations

import re
from html.parser import HTMLParser

from dataplatform.keys import Relation
from dataplatform.quality.report import gather, render, write_report
from dataplatform.quality.report_model import Freshness, Point, Report, Rule, TableReport
from dataplatform.resources.check_history import TableState
from dataplatform_tests.quality.test_defs import BAD, GOOD

_VOID = {"meta", "input", "br", "path", "circle", "polyline", "link", "img"}


class Page(HTMLParser):
    """Reads a page, and remembers its text, its links and whether its tags are in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.words: list[str] = []
        self.links: list[str] = []
        self.ids: list[str] = []
        self.feed(text)
        assert self.open == [], f"left open: {self.open}"

    def handle_starttag(self, tag, attrs):
        if tag not in _VOID:
            self.open.append(tag)
        for name, value in attrs:
            if name in {"href", "src", "action"}:
                self.links.append(value)
            if name == "id":
                self.ids.append(value)

    def handle_startendtag(self, tag, attrs):
        pass

    def handle_endtag(self, tag):
        if tag not in _VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] not in {"style", "script"}:
            self.words.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.words))


def test_an_empty_project_has_a_page(shop_run):
    page = Page(render(gather(shop_run.project, shop_run.instance)))
    assert "Nothing has been judged yet" in page.text
    assert "raw_shop.customers" in page.text


def test_a_green_page_says_so(shop_run):
    shop_run.run(GOOD)
    report = gather(shop_run.project, shop_run.instance)
    assert not report.failed
    assert report.counts == {"passed": 9}
    page = Page(render(report))
    assert "Every promise is kept" in page.text
    assert "9 rules on 1 table were judged" in page.text


def test_a_red_page_says_what_and_where_and_shows_the_past(shop_run):
    shop_run.run(GOOD)
    shop_run.run(BAD)
    path = write_report(shop_run.project, gather(shop_run.project, shop_run.instance))
    assert path == shop_run.project.state / "report" / "index.html"
    text = path.read_text()
    page = Page(text)
    assert "5 rules are broken in 1 table" in page.text
    assert "2 of 3 (66.7%) fail" in page.text
    assert "team:data" in page.text
    assert "config/contracts/raw_shop/customers.yml:" in text
    assert "promised 24 h" in page.text
    report = gather(shop_run.project, shop_run.instance)
    rule = next(r for t in report.tables for r in t.rules if r.name == "customer_id_unique")
    assert [point.status for point in rule.history] == ["passed", "failed"]
    assert rule.samples == ("1", "1")


def test_the_page_needs_no_network(shop_run):
    shop_run.run(BAD)
    text = render(gather(shop_run.project, shop_run.instance))
    page = Page(text)
    assert all(link.startswith("#") for link in page.links), page.links
    assert {link[1:] for link in page.links} <= set(page.ids)
    assert not re.search(r"(https?:)?//[a-z]", re.sub(r"<pre>.*?</pre>", "", text, flags=re.S))
    assert "@import" not in text
    assert len(page.ids) == len(set(page.ids))


def test_nothing_in_a_table_can_become_markup():
    nasty = "<script>alert('x')</script>\"><img src=x onerror=alert(1)>"
    rule = Rule(
        name="r",
        status="failed",
        severity="ERROR",
        expected=nasty,
        observed=nasty,
        description=nasty,
        source=nasty,
        samples=(nasty,),
        sql=nasty,
        history=(Point(0.0, "failed", nasty, "run"),),
    )
    table = TableReport(
        Relation("raw_x", "y"),
        "raw",
        nasty,
        nasty,
        nasty,
        TableState(0.0, 0.0, 3),
        Freshness(24.0, 30.0),
        (rule,),
    )
    text = render(Report("local", 0.0, (table,)))
    assert "<img" not in text
    assert "alert(&#39;x&#39;)" in text
    Page(text)


def test_a_late_table_is_said_to_be_late():
    table = TableReport(
        Relation("raw_x", "y"),
        "raw",
        "team:data",
        "",
        "",
        TableState(0.0, 0.0, 3),
        Freshness(24.0, 30.0),
        (),
    )
    report = Report("local", 0.0, (table,))
    assert report.late == (table,)
    assert not report.failed
    assert "30 h old" in Page(render(report)).text
