"""Prints what Terraform files say, as JSON: the names of a test, read without the program.

.venv-deploy/bin/python deploy/terraform/read.py deploy/terraform/aws
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import hcl2


def plain(node: Any) -> Any:
    """Return a parsed node without the parser's own marks and without quotes around texts."""
    if isinstance(node, dict):
        return {plain(k): plain(v) for k, v in node.items() if not str(k).startswith("__")}
    if isinstance(node, list):
        return [plain(one) for one in node]
    quoted = isinstance(node, str) and len(node) > 1 and node[0] == node[-1] == '"'
    return node[1:-1] if quoted else node


def main(folder: str) -> None:
    """Print every block of a module's files, by its kind."""
    found: dict[str, list[Any]] = {}
    for file in sorted(Path(folder).glob("*.tf")):
        for kind, blocks in plain(hcl2.loads(file.read_text(encoding="utf-8"))).items():
            found.setdefault(kind, []).extend(blocks)
    print(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1])
