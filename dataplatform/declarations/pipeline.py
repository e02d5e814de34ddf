"""Pipelines: a named selection of the one graph, with a clock, retries and whom to tell.

A file ``config/pipelines/<name>.yml``. A pipeline wires nothing: what runs before what is the
graph's own business, and turning a pipeline into a job and a schedule is ``automation``'s.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from pydantic import Field

from dataplatform.declarations.cron import what_is_wrong
from dataplatform.declarations.errors import nearest
from dataplatform.declarations.naming import is_identifier
from dataplatform.declarations.owner import check_owner
from dataplatform.declarations.strict import Strict, validate
from dataplatform.declarations.yaml_file import YamlFile, read_yaml


class Retries(Strict):
    """How often a failed run is tried again, and how long it waits first."""

    max: int = 0
    delay_minutes: int = 0


@dataclass(frozen=True)
class Pipeline:
    """One declared pipeline.

    Attributes:
        name: the file's stem.
        file: the file, relative to the project.
        selection: a selection of assets in Dagster's syntax.
        cron: five fields; None has no clock.
        timezone: the zone that the clock is read in.
        notify: e-mail addresses, or "webhook".
    """

    name: str
    file: Path
    description: str
    selection: str
    cron: str | None
    timezone: str
    retries: Retries
    notify: list[str]
    owner: str


class _Schedule(Strict):
    cron: str
    timezone: str = "UTC"


class _PipelineFile(Strict):
    description: str
    owner: str
    selection: str
    schedule: _Schedule | None = None
    retries: Retries = Retries()
    notify: list[str] = Field(default_factory=list)


_KEY = re.compile(r'key:\s*"([^"]*)"')


def load_pipeline(path: Path, root: Path, known_keys: Collection[str] | None = None) -> Pipeline:
    """Read one pipeline file.

    Args:
        path: the file.
        root: the project's root.
        known_keys: assets as ``schema/table``; with it, a key in the selection must be one.

    Raises:
        DeclarationError: something in it is wrong; the text names the line.
    """
    file = read_yaml(path, root)
    content = validate(_PipelineFile, file, "a pipeline")
    if not is_identifier(path.stem):
        raise file.error((), f"{path.stem!r} is not a safe name for a pipeline.")
    check_owner(file, ("owner",), content.owner)
    _check_selection(file, content.selection, known_keys)
    if content.schedule:
        _check_clock(file, content.schedule)
    if not 0 <= content.retries.max <= 10:
        raise file.error(("retries", "max"), "retries.max must be between 0 and 10.")
    if not 0 <= content.retries.delay_minutes <= 24 * 60:
        raise file.error(
            ("retries", "delay_minutes"),
            "retries.delay_minutes must be between 0 and 1440.",
        )
    for index, who in enumerate(content.notify):
        if who != "webhook" and not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", who):
            raise file.error(
                ("notify", index),
                f"{who!r} cannot be notified: write an e-mail address or webhook."
                f"{nearest(who, ['webhook'])}",
            )
    return Pipeline(
        name=path.stem,
        file=file.path,
        description=content.description,
        selection=content.selection,
        cron=content.schedule.cron if content.schedule else None,
        timezone=content.schedule.timezone if content.schedule else "UTC",
        retries=content.retries,
        notify=list(content.notify),
        owner=content.owner,
    )


def _check_selection(file: YamlFile, selection: str, known: Collection[str] | None) -> None:
    if not selection.strip():
        raise file.error(("selection",), "the selection is empty.")
    if selection.count('"') % 2 or selection.count("(") != selection.count(")"):
        raise file.error(
            ("selection",), "the selection has a quote or a bracket that is not closed."
        )
    if known is None:
        return
    for key in _KEY.findall(selection):
        if "*" not in key and key not in known:
            raise file.error(
                ("selection",),
                f"the selection names {key!r}, which nothing makes.{nearest(key, known)}",
            )


def _check_clock(file: YamlFile, schedule: _Schedule) -> None:
    from zoneinfo import ZoneInfo, available_timezones

    problem = what_is_wrong(schedule.cron)
    if problem:
        raise file.error(("schedule", "cron"), f"{schedule.cron!r} is not a cron: {problem}.")
    try:
        ZoneInfo(schedule.timezone)
    except (KeyError, ValueError, OSError):
        hint = nearest(schedule.timezone, available_timezones())
        raise file.error(
            ("schedule", "timezone"), f"{schedule.timezone!r} is not a time zone.{hint}"
        ) from None
