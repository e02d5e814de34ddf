"""The check report: what it says, and that it needs nobody else to say it."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ElementTree
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

from dataplatform.keys import Relation
from dataplatform.quality.report import gather, write_report
from dataplatform.quality.report.badge import overall_badge, table_badge
from dataplatform.quality.report.incident_words import Breach, Incident
from dataplatform.quality.report.machine import VERSION, document, junit_xml
from dataplatform.quality.report.model import Freshness, Report, TableReport
from dataplatform.quality.report.rule_words import Point, Rule
from dataplatform.quality.report.site import render
from dataplatform.resources.check_history import TableState
from dataplatform_tests.quality.test_defs import BAD, GOOD

_BREAK = "\N{ZERO WIDTH SPACE}"
_VOID = {"meta", "input", "br", "wbr", "path", "circle", "polyline", "link", "img", "line", "rect"}
NASTY = "<script>alert('x')</script>\"><img src=x onerror=alert(1)>\x00]]>"


class Page(HTMLParser):
    """Reads a page, and remembers its text, its links and whether its tags are in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.words: list[str] = []
        self.links: list[str] = []
        self.ids: list[str] = []
        self.headings: list[str] = []
        self.named = True
        self.feed(text)
        assert self.open == [], f"left open: {self.open}"
        assert len(self.ids) == len(set(self.ids)), self.ids
        assert self.headings.count("h1") == 1
        assert text.startswith("<!doctype html>")

    def handle_starttag(self, tag, attrs):
        if tag == "wbr":
            self.words.append(_BREAK)
        if tag not in _VOID:
            self.open.append(tag)
        if re.fullmatch(r"h\d", tag):
            self.headings.append(tag)
        found = dict(attrs)
        if tag == "svg":
            assert "aria-label" in found or found.get("aria-hidden") == "true"
        for name, value in attrs:
            if name in {"href", "src", "action"}:
                self.links.append(value)
            if name == "id":
                self.ids.append(value)
            assert not name.startswith("on"), f"{name} on {tag}"

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
        # Where a name may break, it goes on in the next piece.
        return re.sub(r"\s+", " ", " ".join(self.words).replace(f" {_BREAK} ", ""))


def table(*rules: Rule, age: float | None = 1.0, relation: str = "raw_x.y", **more) -> TableReport:
    return TableReport(
        Relation(*relation.split(".")),
        "raw",
        more.pop("owner", "team:data"),
        more.pop("description", ""),
        more.pop("contract", ""),
        TableState(0.0, 0.0, 3),
        Freshness(24.0, age, (0.0,)),
        rules,
        **more,
    )


def rule(name: str, status: str = "passed", **more) -> Rule:
    severity = more.pop("severity", "ERROR")
    return Rule(name, status, severity, "good", more.pop("observed", 0), "", "", **more)


def pages_of(report: Report) -> dict[str, Page]:
    return {name: Page(text) for name, text in render(report) if name.endswith(".html")}


def test_an_empty_project_has_pages(shop_run):
    report = gather(shop_run.project, shop_run.instance)
    pages = pages_of(report)
    assert "Nothing has been judged yet" in pages["index.html"].text
    assert "raw_shop.customers" in pages["index.html"].text
    assert "No open incident" in pages["incidents.html"].text
    assert "Nothing has run yet" in pages["pipelines.html"].text
    assert pages_of(Report("local", 0.0)).keys() == {
        "index.html", "incidents.html", "freshness.html", "pipelines.html",
    }  # fmt: skip


def test_a_green_report_says_so(shop_run):
    shop_run.run(GOOD)
    report = gather(shop_run.project, shop_run.instance)
    assert not report.failed
    assert report.counts == {"passed": 9}
    assert report.incidents == ()
    page = pages_of(report)["index.html"]
    assert "Every promise is kept" in page.text
    assert "9 rules on 1 table were judged" in page.text


def test_a_red_report_says_what_and_where_and_shows_the_past(shop_run):
    shop_run.run(GOOD)
    shop_run.run(BAD)
    report = gather(shop_run.project, shop_run.instance)
    path = write_report(shop_run.project, report)
    assert path == shop_run.project.state / "report" / "index.html"
    assert "5 rules are broken in 1 table" in Page(path.read_text()).text
    text = (path.parent / "tables" / "raw_shop.customers.html").read_text()
    page = Page(text)
    assert "2 of 3 (66.7%) fail" in page.text
    assert "team:data" in page.text
    assert "config/contracts/raw_shop/customers.yml:" in text
    assert "promised 24 h" in page.text
    found = next(r for t in report.tables for r in t.rules if r.name == "customer_id_unique")
    assert [point.status for point in found.history] == ["passed", "failed"]
    assert found.samples == ("1", "1")
    (incident,) = report.incidents
    told = Page((path.parent / "incidents" / f"{incident.id}.html").read_text()).text
    assert "raw_shop.customers breaks 5 rules" in told
    assert "customer id unique" in told
    assert "dataplatform alarm accept raw_shop.customers" in told
    assert "Its rows come straight from the source" in told


def test_a_mended_incident_is_over_and_leaves_its_page(shop_run):
    for rows in (GOOD, BAD, BAD, GOOD):
        shop_run.run(rows)
    report = gather(shop_run.project, shop_run.instance)
    (incident,) = report.incidents
    assert incident.ended is not None
    assert incident.kept_until is not None and incident.kept_until < incident.began
    assert {breach.verdicts for breach in incident.breaches} == {2}
    page = pages_of(report)[f"incidents/{incident.id}.html"]
    assert "raw_shop.customers broke 5 rules" in page.text
    assert "Every promise is kept" in pages_of(report)["index.html"].text
    assert [pipeline.name for pipeline in report.pipelines] == ["by hand"]
    assert len(report.pipelines[0].runs) == 4


def test_every_link_leads_somewhere_and_nowhere_else(shop_run):
    shop_run.run(BAD)
    path = write_report(shop_run.project, gather(shop_run.project, shop_run.instance))
    folder = path.parent
    found = sorted(folder.rglob("*.html"))
    assert len(found) == 7
    pages = {one.resolve(): Page(one.read_text()) for one in found}
    for one, page in pages.items():
        assert "@import" not in one.read_text()
        for link in page.links:
            target, _, anchor = unquote(link).partition("#")
            assert ":" not in target, f"{one} leads to {link}"
            reached = (one.parent / target).resolve() if target else one
            assert reached.exists(), f"{one} leads to {link}"
            if anchor:
                assert anchor in pages[reached].ids, f"{one} leads to {link}"


def test_pages_of_tables_and_incidents_that_are_gone_are_removed(shop_run):
    shop_run.run(BAD)
    report = gather(shop_run.project, shop_run.instance)
    folder = write_report(shop_run.project, report).parent
    (folder / "profiles").mkdir()
    kept = folder / "profiles" / "a.b.html"
    kept.write_text("a profile")
    gone = [folder / "tables" / "a.b.html", folder / "badges" / "a.b.svg"]
    for one in gone:
        one.write_text("old")
    write_report(shop_run.project, report)
    assert kept.exists()
    assert not any(one.exists() for one in gone)


def test_plotly_is_laid_beside_only_where_something_is_drawn(tmp_path, shop_run):
    folder = write_report(shop_run.project, Report("local", 0.0), tmp_path / "none").parent
    assert not (folder / "assets" / "plotly.min.js").exists()
    shop_run.run(GOOD)
    report = gather(shop_run.project, shop_run.instance)
    folder = write_report(shop_run.project, report, tmp_path / "some").parent
    library = folder / "assets" / "plotly.min.js"
    assert library.stat().st_size > 1_000_000
    before = library.stat().st_mtime_ns
    write_report(shop_run.project, report, tmp_path / "some")
    assert library.stat().st_mtime_ns == before


def test_nothing_in_a_table_can_become_markup():
    nasty = rule(
        "r",
        "failed",
        observed=NASTY,
        samples=(NASTY,),
        sql=NASTY,
        history=(Point(0.0, "failed", NASTY, "run"), Point(9.0, "failed", NASTY, "run")),
        runbook="javascript:alert(1)",
    )
    breach = Breach("r", "failed", 0.0, NASTY, NASTY, NASTY, samples=(NASTY,), sql=NASTY)
    incident = Incident(
        "raw_x.y-1", Relation("raw_x", "y"), "raw", NASTY, "failed", 0.0, None, NASTY, None,
        (breach,), runbook="javascript:alert(1)",
    )  # fmt: skip
    odd = table(nasty, owner=NASTY, description=NASTY, contract=NASTY, runbook="javascript:x")
    report = Report("local", 0.0, (odd,), (incident,))
    for name, text in render(report):
        if name.endswith(".html"):
            assert "<img" not in text, name
            assert "<script>" not in text, name
            page = Page(text)
            assert not any(link.startswith("javascript") for link in page.links)
        elif name.endswith((".xml", ".svg")):
            ElementTree.fromstring(text)
    assert "alert(&#39;x&#39;)" in dict(render(report))["tables/raw_x.y.html"]


def test_a_late_table_is_said_to_be_late():
    late = table(age=30.0)
    report = Report("local", 120 * 3600.0, (late,))
    assert report.late == (late,)
    assert not report.failed
    pages = pages_of(report)
    assert "30 h old" in pages["index.html"].text
    assert "1 table older than promised" in pages["freshness.html"].text


def test_health_is_told_by_owner_and_dimension():
    report = Report(
        "local",
        0.0,
        (
            table(rule("a", dimension="accuracy"), rule("b", "failed"), relation="raw_x.a"),
            table(rule("c", dimension="accuracy"), owner="", relation="raw_x.b"),
        ),
    )
    assert report.grouped("owner") == [
        ("team:data", {"passed": 1, "failed": 1}),
        ("no owner", {"passed": 1}),
    ]
    assert [name for name, _ in report.grouped("dimension")] == ["no dimension", "accuracy"]
    text = pages_of(report)["index.html"].text
    assert "1 broken of 2" in text


def _mixed() -> Report:
    return Report(
        "local",
        0.0,
        (
            table(
                rule("kept"),
                rule("broken", "failed", samples=("7",), sql="select <1>"),
                rule("warned", "warned", severity="WARN"),
                rule("waits", "waiting"),
                rule("errs", "error", error="no such column & more"),
            ),
            table(relation="raw_x.none"),
        ),
    )


def test_junit_counts_as_a_ci_counts():
    root = ElementTree.fromstring(junit_xml(_mixed()))
    assert root.tag == "testsuites"
    (suite,) = root
    assert suite.attrib == {
        "name": "raw_x.y", "tests": "5", "failures": "1", "errors": "1", "skipped": "1",
    }  # fmt: skip
    cases = {case.attrib["name"]: [child.tag for child in case] for case in suite}
    assert cases == {
        "kept": [],
        "broken": ["failure"],
        "warned": ["system-out"],
        "waits": ["skipped"],
        "errs": ["error"],
    }
    failure = suite.find("testcase/failure")
    assert failure is not None and "select <1>" in (failure.text or "")
    assert "Such as: 7." in (failure.text or "")


def test_the_json_is_as_documented():
    found = json.loads(json.dumps(document(_mixed())))
    assert found["version"] == VERSION
    assert found["failed"] is True
    assert found["rules"] == {"error": 1, "failed": 1, "warned": 1, "waiting": 1, "passed": 1}
    text = (Path(__file__).parents[2] / "docs" / "how-to" / "report.md").read_text()
    fields = [*found, *found["tables"][0], *found["tables"][0]["rules"][0]]
    assert [name for name in fields if f"`{name}`" not in text] == []


def test_badges_say_the_worst():
    def said(svg: str) -> str:
        title = ElementTree.fromstring(svg).find("{http://www.w3.org/2000/svg}title")
        assert title is not None and title.text
        return title.text

    assert said(table_badge(_mixed().tables[0])) == "raw_x.y: 2 broken"
    assert said(table_badge(table(rule("a"), rule("b")))) == "raw_x.y: 2 kept"
    assert said(table_badge(table(rule("a"), age=30))) == "raw_x.y: late"
    assert said(table_badge(table(rule("a", "warned")))) == "raw_x.y: 1 warning"
    assert said(table_badge(table(rule("a", "waiting")))) == "raw_x.y: not judged"
    assert said(table_badge(table())) == "raw_x.y: no rules"
    assert said(overall_badge(_mixed())) == "data: 2 rules broken"
    assert said(overall_badge(Report("local", 0.0, (table(rule("a")),)))) == "data: 1 rule kept"
    assert said(overall_badge(Report("local", 0.0))) == "data: not judged"


def test_the_command_prints_json_and_writes_junit_where_a_ci_looks(shop_run, monkeypatch, tmp_path):
    from typer.testing import CliRunner

    from dataplatform.cli.main import app

    monkeypatch.setenv("DATAPLATFORM_PROJECT", str(shop_run.project.root))
    junit, folder = tmp_path / "ci" / "junit.xml", tmp_path / "pages"
    arguments = ["report", "--json", "--junit", str(junit), "--output", str(folder)]
    found = CliRunner().invoke(app, arguments)
    assert found.exit_code == 0, found.output
    assert json.loads(found.stdout)["headline"] == "Nothing has been judged yet"
    assert junit.read_text() == (folder / "junit.xml").read_text()
    assert (folder / "index.html").exists()
