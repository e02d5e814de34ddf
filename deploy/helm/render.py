"""Prints a chart's manifests, without the helm program and without a cluster.

.venv-deploy/bin/python deploy/helm/render.py deploy/helm/support VALUES.yaml …
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import helm_python
import yaml


def merged(under: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """Return two files of values as one, the second before the first, as helm does it."""
    found = dict(under)
    for name, value in over.items():
        both = isinstance(value, dict) and isinstance(found.get(name), dict)
        found[name] = merged(found[name], value) if both else value
    return found


def main(chart: str, files: list[str]) -> int:
    """Lint and render a chart with some files of values; return the exit code."""
    values: dict[str, Any] = {}
    for file in files:
        values = merged(values, yaml.safe_load(Path(file).read_text(encoding="utf-8")) or {})
    report = helm_python.lint(chart, values, strict=True, namespace="dataplatform")
    # What is only advice (an icon) has severity 1.
    wrong = [one for one in report["messages"] if one["severity"] > 1]
    for one in wrong:
        print(f"{one['path']}: {one['error']}", file=sys.stderr)
    if wrong or report["errors"]:
        return 1
    try:
        loaded = helm_python.Chart.load(chart)
        rendered = loaded.render(values, name="support", namespace="dataplatform")
    except helm_python.HelmRenderError as error:
        print(error, file=sys.stderr)
        return 1
    for place, text in sorted(rendered.items()):
        if text.strip():
            print(f"---\n# {place}\n{text}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1], sys.argv[2:]))
