"""``make bench``: every benchmark in turn; name some to run those alone.

Each prints ratios against its peer, measured in turns within one run; absolute times are only
reported.
"""

from __future__ import annotations

import subprocess
import sys

ALL = (
    "scan",
    "many_checks",
    "sync",
    "cdc",
    "connections",
    "webhook",
    "loads",
    "lakes",
    "launch",
    "dbt_graph",
    "warm_run",
)


def main() -> int:
    """Run the chosen benchmarks, each in a process of its own; return the worst exit code."""
    chosen = sys.argv[1:] or list(ALL)
    unknown = [name for name in chosen if name not in ALL]
    if unknown:
        print(f"No benchmark {unknown[0]!r}: there are {', '.join(ALL)}.", file=sys.stderr)
        return 2
    worst = 0
    for name in chosen:
        print(f"── {name}", flush=True)
        ended = subprocess.run([sys.executable, "-W", "ignore", "-m", f"benchmarks.{name}"])
        worst = max(worst, ended.returncode)
    return worst


if __name__ == "__main__":
    sys.exit(main())
