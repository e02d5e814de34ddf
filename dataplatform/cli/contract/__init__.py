"""``dataplatform contract``: compile, lint, show, compare, draft and test the promises of tables.

The words on the screen live here; what a contract compiles to, and what a change of one breaks,
lives in the quality room.
"""

from __future__ import annotations

import typer

from dataplatform.cli.contract import comparing, drafting, judging, reading

app = typer.Typer(help="The promises of tables.", no_args_is_help=True)

app.command("compile")(reading.compile_contracts)
app.command()(reading.lint)
app.command()(reading.show)
app.command()(comparing.diff)
app.command()(drafting.init)
app.command()(judging.test)
app.command()(judging.docs)
