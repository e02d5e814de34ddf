"""``dataplatform prune``: old runs out of Dagster's records."""

from __future__ import annotations

import datetime
import json
from typing import Annotated

import typer


def command(
    older_than: Annotated[
        int, typer.Option("--older-than", min=7, help="Runs that are older than so many days.")
    ] = 400,
    apply: Annotated[bool, typer.Option("--apply", help="Delete them; else only count.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
) -> None:
    """Forget old runs and their events, but for what gates and versions still read."""
    from dataplatform.declarations.project import open_project
    from dataplatform.runtime.home import open_instance
    from dataplatform.runtime.retention import forget, old_runs

    before = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=older_than)
    with open_instance(open_project()) as instance:
        runs = old_runs(instance, before)
        if apply:
            forget(instance, runs)
    if as_json:
        typer.echo(json.dumps({"runs": len(runs), "before": before.isoformat(), "deleted": apply}))
        return
    said = "were forgotten" if apply else "can be forgotten: --apply does it"
    typer.echo(f"{len(runs):,} runs from before {before:%Y-%m-%d} {said}.")
