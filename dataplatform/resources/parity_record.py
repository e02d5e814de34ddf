"""The last verdict of ``dataplatform parity`` for one checkout, and the files that it was about.

Kept beside the state of every environment, because the files are the same for all of them. Whoever
asks whether the engines agree compares the fingerprint with that of the files now.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dataplatform.declarations.project import Project

_LEFT_OUT = {"target", "logs", "dbt_packages", "__pycache__"}


@dataclass(frozen=True)
class ParityRecord:
    """One comparison of engines.

    Attributes:
        engines: which, the one that the others were held against first.
        equal: whether every model and every check was the same on all.
        files: the fingerprint of what was built and judged.
        at: when it ended, as ISO 8601 in UTC.
        models, checks: how many were compared on each engine.
    """

    engines: tuple[str, ...]
    equal: bool
    files: str
    at: str
    models: int
    checks: int


def files_fingerprint(project: Project) -> str:
    """Return a text that changes when a model, macro, test or contract does."""
    digest = hashlib.sha256()
    for folder in (project.dbt, project.config / "contracts"):
        for path in sorted(folder.rglob("*")):
            within = path.relative_to(folder)
            if path.is_file() and not _LEFT_OUT.intersection(within.parts):
                digest.update(f"{within}\n{path.stat().st_size}\n".encode())
                digest.update(path.read_bytes())
    return digest.hexdigest()[:32]


def keep_parity(project: Project, record: ParityRecord) -> None:
    """Write a verdict in the place of the last one."""
    file = _file(project)
    file.parent.mkdir(parents=True, exist_ok=True)
    beside = file.with_suffix(".new")
    beside.write_text(json.dumps(asdict(record), indent=2) + "\n", encoding="utf-8")
    beside.replace(file)


def last_parity(project: Project) -> ParityRecord | None:
    """Return the last verdict, whatever files it was about; None where there is none."""
    try:
        told: dict[str, Any] = json.loads(_file(project).read_text(encoding="utf-8"))
        return ParityRecord(**{**told, "engines": tuple(told["engines"])})
    except (OSError, ValueError, TypeError, KeyError):
        # Never compared, or written by another version: nothing is known.
        return None


def _file(project: Project) -> Path:
    return project.root / ".dataplatform" / "parity.json"
