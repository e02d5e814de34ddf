"""Runs the receiver: ``python -m dataplatform.ingestion.webhooks --state DIR --port N``.

The secret comes in the variable FIVETRAN_WEBHOOK_SECRET. ``dataplatform webhooks serve`` takes all
of it from the environment's file instead.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from dataplatform.declarations.environment import process_environment
from dataplatform.ingestion.webhooks.receiver import HOST, serve
from dataplatform.ingestion.webhooks.spool import Spool

SECRET_VARIABLE = "FIVETRAN_WEBHOOK_SECRET"


def main() -> int:
    """Serve until stopped; return the exit code."""
    parser = argparse.ArgumentParser(prog="dataplatform.ingestion.webhooks", description=__doc__)
    parser.add_argument("--state", type=Path, required=True, help="folder of the spool")
    parser.add_argument("--host", default=HOST)
    parser.add_argument("--port", type=int, required=True)
    options = parser.parse_args()
    secret = process_environment().get(SECRET_VARIABLE)
    if not secret:
        print(f"Set {SECRET_VARIABLE}: what the webhooks are signed with.")
        return 2
    serve(secret, Spool(options.state), options.host, options.port)
    return 0


if __name__ == "__main__":
    sys.exit(main())
