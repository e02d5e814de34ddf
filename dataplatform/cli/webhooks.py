"""``dataplatform webhooks``: the receiver of Fivetran's webhooks."""

from __future__ import annotations

from typing import Annotated

import typer

app = typer.Typer(help="Receive Fivetran's webhooks.", no_args_is_help=True)

DEFAULT_PORT = 8085


@app.command()
def serve(
    host: Annotated[
        str, typer.Option(help="Where to listen; this machine alone unless told.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535)] = DEFAULT_PORT,
) -> None:
    """Verify what Fivetran sends and hand it to the sensor of the same state folder."""
    from dataplatform.declarations.errors import UserError
    from dataplatform.declarations.project import open_project
    from dataplatform.ingestion.webhooks import receiver
    from dataplatform.ingestion.webhooks.spool import spool_of

    project = open_project()
    environment = project.environment
    webhook = environment.fivetran.webhook
    if webhook is None:
        raise UserError(
            f"The environment {environment.name!r} has no fivetran webhook: name its url and "
            f"secret in {environment.file}."
        )
    secret = environment.resolve(webhook.secret)
    if not secret:
        raise UserError(f"The secret of fivetran.webhook in {environment.file} is empty.")
    typer.echo(f"Receiving on http://{host}:{port}{receiver.PATH}; end with Ctrl-C.")
    receiver.serve(secret, spool_of(project.state), host, port)
