"""``dataplatform connections``: the declared connections, and the account they live in.

Exit code 0 when nothing differs, 3 when a plan holds changes. Each verb's module says what it does.
"""

from __future__ import annotations

import typer

from dataplatform.cli.connections import importing, operating, planning, states

app = typer.Typer(
    help="Fivetran connections as code: plan, apply, import, and operate them.",
    no_args_is_help=True,
)

app.command("plan")(planning.plan)
app.command("apply")(planning.apply)
app.command("import")(importing.import_)
app.command("convert")(importing.convert)
app.command("drift")(planning.drift)
app.command("status")(states.status)
app.command("logs")(states.logs)
app.command("sync")(operating.sync)
app.command("resync")(operating.resync)
app.command("pause")(operating.pause)
app.command("resume")(operating.resume)
app.command("test")(operating.test)
