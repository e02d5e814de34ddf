"""A profile as a page that opens from disk, in the clothes of the check report."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dataplatform.checks.spec import safe_name
from dataplatform.keys import layer_of
from dataplatform.quality.profile.model import ColumnProfile, TableProfile
from dataplatform.quality.profile.paste import compact, suggested_yaml
from dataplatform.quality.profile.rules import Suggestion, suggested_rules
from dataplatform.quality.report import charts
from dataplatform.quality.report.gather import report_folder
from dataplatform.quality.report.model import Report
from dataplatform.quality.report.site import page, page_name, write_assets

if TYPE_CHECKING:
    from dataplatform.declarations.project import Project


def write_profile(
    project: Project, profile: TableProfile, owner: str = "", output: Path | None = None
) -> Path:
    """Write a profile's page and return where it lies.

    Args:
        project: the project.
        profile: what was found.
        owner: of the table, where it is known.
        output: the file; a page of the check report by default.
    """
    alone = output is not None
    root = "" if alone else "../"
    folder = output.parent if output else report_folder(project)
    path = output or folder / "profiles" / f"{page_name(profile.relation)}.html"
    path.parent.mkdir(parents=True, exist_ok=True)
    text = render_profile(profile, project.environment.name, time.time(), root, owner, alone)
    write_assets(folder, plotted=any(column.histogram for column in profile.columns))
    path.write_text(text, encoding="utf-8")
    return path


def render_profile(
    profile: TableProfile,
    environment: str,
    made_at: float,
    root: str = "../",
    owner: str = "",
    alone: bool = False,
) -> str:
    """Return a profile's page.

    Args:
        profile: what was found.
        environment: where.
        made_at: when, seconds since 1970.
        root: the way from the page to the folder of the assets.
        owner: of the table, where it is known.
        alone: whether no report lies around it.
    """
    rows = compact(profile)
    return page(
        "profile",
        root,
        alone=alone,
        report=Report(environment, made_at),
        profile=profile,
        layer=layer_of(profile.relation),
        owner=owner,
        columns=[(one, row, _chart(one)) for one, row in zip(profile.columns, rows, strict=True)],
        rules=_by_column(suggested_rules(profile)),
        yaml=suggested_yaml(profile),
    )


def _by_column(rules: list[Suggestion]) -> list[tuple[str, list[tuple[str, Suggestion]]]]:
    """Return suggestions by column, each with its name without the column's."""
    found: dict[str, list[tuple[str, Suggestion]]] = {}
    for one in rules:
        name = str(one.rule["name"])
        short = name.removeprefix(safe_name(f"{one.column}_")) if one.column else name
        short = short.lstrip("_")
        found.setdefault(one.column or "the table", []).append((short, one))
    return list(found.items())


def _chart(column: ColumnProfile) -> dict[str, Any] | None:
    if not column.histogram:
        return None
    return charts.histogram(column.histogram, dates=column.kind in {"date", "timestamp"})
