"""``dataplatform``: the command line, one file per verb.

Exit codes: 0 green, 1 a failed check or run, 2 a user's mistake, 3 a plan with differences.
"""

from __future__ import annotations

import sys

import typer

from dataplatform.cli import (
    access,
    alarm,
    backfill,
    connections,
    contract,
    cost,
    dbt,
    demo,
    diff,
    doctor,
    env,
    init,
    lineage,
    new,
    parity,
    pipeline,
    profile,
    promote,
    prune,
    publish,
    quarantine,
    rehearse,
    report,
    run,
    servers,
    status,
    storage,
    webhooks,
)
from dataplatform.declarations.errors import UserError

app = typer.Typer(
    help="A data platform a team can hold in its hand.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

app.command("run")(run.command)
app.command("status")(status.command)
app.command("report")(report.command)
app.command("profile")(profile.command)
app.command("publish")(publish.command)
app.command("promote")(promote.command)
app.command("backfill")(backfill.command)
app.command("lineage")(lineage.command)
app.command("parity")(parity.command)
app.command("prune")(prune.command)
app.command("diff")(diff.command)
app.command("cost")(cost.command)
app.command("doctor")(doctor.command)
app.command("init")(init.command)
app.command("rehearse")(rehearse.command)
for name, group in {
    "access": access,
    "alarm": alarm,
    "pipeline": pipeline,
    "connections": connections,
    "webhooks": webhooks,
    "contract": contract,
    "quarantine": quarantine,
    "dbt": dbt,
    "storage": storage,
    "new": new,
    "servers": servers,
    "env": env,
    "demo": demo,
}.items():
    app.add_typer(group.app, name=name)


def main() -> None:
    """Run the command line; a user's mistake is one line and exit code 2."""
    try:
        app()
    except UserError as error:
        typer.secho(str(error), fg=typer.colors.RED, err=True)
        sys.exit(2)
