"""The report as a folder of pages that open from disk, without a server or a network.

Which pages there are and where they lie; what stands on them is the templates' business. Every
page is written whole, the overview last, so that a reader never finds links to nothing.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from dataplatform.quality.report import charts
from dataplatform.quality.report.badge import overall_badge, table_badge
from dataplatform.quality.report.drawings import age_line, spark
from dataplatform.quality.report.gather import HISTORY_SHOWN, report_folder
from dataplatform.quality.report.headline import many, verdict
from dataplatform.quality.report.incident_words import Incident
from dataplatform.quality.report.machine import junit_xml, report_json
from dataplatform.quality.report.model import Report
from dataplatform.quality.report.rule_words import BROKEN, FAILED, STATUSES, WARNED
from dataplatform.quality.report.words import FILTERS, linkable

if TYPE_CHECKING:
    import jinja2

    from dataplatform.declarations.project import Project
    from dataplatform.keys import Relation

_HERE = Path(__file__).parent
_ABOUT = {
    "lake_raw": "files as sources outside the sync gave them",
    "raw": "tables as the sync left them",
    "staging": "cleaned, one model for each source table",
    "intermediate": "joined and prepared",
    "snapshots": "how rows were before they changed",
    "candidate": "marts on probation, published once their rules are kept",
    "marts": "what everybody reads",
    "curated": "published marts as Parquet",
}
#: Folders whose pages are ours alone: what is not written again is of a table that is gone.
_OURS = {"tables": ".html", "incidents": ".html", "badges": ".svg"}


def write_report(project: Project, report: Report, output: Path | None = None) -> Path:
    """Write the report and return its first page.

    Args:
        project: the project.
        report: what to say.
        output: the folder; ``.dataplatform/report`` by default.
    """
    folder = output or report_folder(project)
    pages = dict(render(report))
    for name in ("", *_OURS):
        (folder / name).mkdir(parents=True, exist_ok=True)
    write_assets(folder, plotted=any(_PLOTTED in page for page in pages.values()))
    index = pages.pop("index.html")
    for name, text in pages.items():
        (folder / name).write_text(text, encoding="utf-8")
    if "monitors.html" not in pages:
        (folder / "monitors.html").unlink(missing_ok=True)
    for name, ending in _OURS.items():
        for path in (folder / name).glob(f"*{ending}"):
            if f"{name}/{path.name}" not in pages:
                path.unlink()
    draft = folder / "index.html.draft"
    draft.write_text(index, encoding="utf-8")
    return draft.replace(folder / "index.html")


def render(report: Report) -> Iterator[tuple[str, str]]:
    """Yield every file of the report: its path in the folder, and its text."""
    yield "report.json", report_json(report)
    yield "junit.xml", junit_xml(report)
    yield "badges/overall.svg", overall_badge(report)
    common = {"report": report, "about": _ABOUT, "statuses": STATUSES, "shown": HISTORY_SHOWN}
    now = report.made_at
    for table in report.tables:
        name = page_name(table.relation)
        yield f"badges/{name}.svg", table_badge(table)
        figure = charts.age(table.freshness, now)
        yield f"tables/{name}.html", page("table", "../", table=table, figure=figure, **common)
    known = {table.relation for table in report.tables}
    for incident in report.incidents:
        text = page(
            "incident",
            "../",
            incident=incident,
            known=known,
            figure=_observed(incident, now),
            **common,
        )
        yield f"incidents/{incident.id}.html", text
    yield "incidents.html", page("incidents", "", **common)
    late = sorted(
        (table for table in report.tables if table.freshness.promised),
        key=lambda table: -(table.freshness.age or 0) / (table.freshness.promised or 1),
    )
    yield (
        "freshness.html",
        page(
            "freshness",
            "",
            promised=[(table, age_line(table.freshness, now)) for table in late],
            **common,
        ),
    )
    drawn = [(pipeline, charts.durations(pipeline)) for pipeline in report.pipelines]
    yield "pipelines.html", page("pipelines", "", drawn=drawn, **common)
    if report.monitored:
        yield "monitors.html", _monitors(report, common)
    mark, title, lede = verdict(report)
    worst = [table for table in report.tables if table.status in {BROKEN, FAILED}]
    yield (
        "index.html",
        page("index", "", verdict=mark, headline=title, lede=lede, worst=worst[:5], **common),
    )


def _monitors(report: Report, common: dict[str, Any]) -> str:
    loud = {BROKEN, FAILED, WARNED}
    told = {table.relation: table.monitors for table in report.monitored}
    alarmed = [
        table
        for table in report.monitored
        if any(rule is not None and rule.status in loud for rule in told[table.relation].values())
    ]
    return page(
        "monitors",
        "",
        alarmed=alarmed,
        spoken=any(rule is not None for monitors in told.values() for rule in monitors.values()),
        learning=sum(None in monitors.values() for monitors in told.values()),
        names=list(dict.fromkeys(name for monitors in told.values() for name in monitors)),
        **common,
    )


def page(template: str, root: str, **values: Any) -> str:
    """Return one page.

    Args:
        template: its template's name.
        root: the way from the page to the report's folder, such as ``../``.
        values: what the template needs.
    """
    return _template(template).render(root=root, template=template, **{"alone": False, **values})


def page_name(relation: Relation) -> str:
    """Return the name of a table's files, without an ending."""
    return re.sub(r"[^\w.-]", "_", str(relation))


def write_assets(folder: Path, plotted: bool) -> None:
    """Lay the style, the script and, where there is something to plot, plotly.js beside pages."""
    assets = folder / "assets"
    assets.mkdir(parents=True, exist_ok=True)
    for source in sorted((_HERE / "assets").iterdir()):
        shutil.copyfile(source, assets / source.name)
    target = assets / "plotly.min.js"
    if plotted:
        library = _plotly()
        if not target.exists() or target.stat().st_size != library.stat().st_size:
            shutil.copyfile(library, target)


#: What a page that has a chart holds.
_PLOTTED = 'class="plot"'


def _observed(incident: Incident, now: float) -> charts.Figure | None:
    for breach in incident.breaches:
        figure = charts.observed(breach.history, incident.began, incident.ended or now)
        if figure is not None:
            figure["layout"]["title"] = breach.rule
            return figure
    return None


def _plotly() -> Path:
    """Return plotly.js in the installed package, which is found but never imported."""
    found = find_spec("plotly")
    assert found is not None and found.submodule_search_locations
    return Path(found.submodule_search_locations[0]) / "package_data" / "plotly.min.js"


@cache
def _template(name: str) -> jinja2.Template:
    return _environment().get_template(f"{name}.html.j2")


@cache
def _environment() -> jinja2.Environment:
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_HERE / "templates"),
        # Compiling costs more than writing the pages: once on a machine, not in every run.
        bytecode_cache=jinja2.FileSystemBytecodeCache(),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
        auto_reload=False,
    )
    environment.filters |= {
        **FILTERS,
        "page": lambda relation: quote(page_name(relation)) + ".html",
        "figure": charts.page_json,
        "spark": spark,
        "many": many,
        "gravest": lambda found: next(status for status in STATUSES if status in found),
        "file": lambda path: Path(path).as_uri() if Path(path).is_absolute() else path,
    }
    environment.tests["linkable"] = linkable
    return environment
