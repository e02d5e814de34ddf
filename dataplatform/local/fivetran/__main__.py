"""Runs the service: ``python -m dataplatform.local.fivetran --state DIR --host H --port N``."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path


def main() -> int:
    """Serve until stopped; return the exit code."""
    parser = argparse.ArgumentParser(prog="dataplatform.local.fivetran", description=__doc__)
    parser.add_argument("--state", type=Path, required=True, help="folder the service writes to")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument(
        "--rate-limits",
        action="store_true",
        help="refuse more requests per minute than Fivetran would",
    )
    options = parser.parse_args()
    # A program of its own: its two credentials come from whoever starts it, not from a project.
    credentials = [os.environ.get(name) for name in ("FIVETRAN_API_KEY", "FIVETRAN_API_SECRET")]
    if not all(credentials):
        print("Set FIVETRAN_API_KEY and FIVETRAN_API_SECRET: requests must bear them.")
        return 2

    import uvicorn

    from dataplatform.local.fivetran.app import create_app
    from dataplatform.local.fivetran.faults_http import resettable
    from dataplatform.local.fivetran.limits import FIVETRAN_LIMITS

    limits: dict[str, int | None] = {**FIVETRAN_LIMITS} if options.rate_limits else {}
    app = create_app(options.state, str(credentials[0]), str(credentials[1]), limits)
    uvicorn.run(
        resettable(app),
        host=options.host,
        port=options.port,
        log_level="warning",
        timeout_graceful_shutdown=5,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
