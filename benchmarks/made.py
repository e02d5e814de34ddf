"""How long it takes to make an environment from another one, beside building that one.

``python -m benchmarks.made [--models N]``: dbt builds models on a DuckDB file, then an environment
that shows them is made, and one that has a copy.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path

from benchmarks.generated_project import generate
from benchmarks.targets import Targets

MODELS = 200


def main() -> int:
    """Measure, print, and tell by the exit code whether the target was met."""
    from dataplatform.declarations.dbt_project import load_graph
    from dataplatform.declarations.project import open_project
    from dataplatform.environments.made import create
    from dataplatform.transform.dbt_command import run_dbt_command

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=int, default=MODELS)
    models = parser.parse_args().models
    targets = Targets("made")
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        generate(root, models)
        project = open_project(root, "local")
        load_graph(project)
        began = time.perf_counter()
        code = run_dbt_command(project, ["--quiet", "run"], "a benchmark")
        built = time.perf_counter() - began
        assert code == 0, "dbt could not build the models."
        targets.reported("build_seconds", built)
        for how in ("defer", "clone"):
            made = create(root, f"pr-{how}", "local", how, timedelta(days=1), "a benchmark")
            assert made.made.tables == models
            targets.at_most(f"{how}_vs_build", made.seconds / built, 0.1)
    return targets.code


if __name__ == "__main__":
    sys.exit(main())
