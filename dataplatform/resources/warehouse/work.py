"""For whom the warehouse works at this moment, and the query tag that says so.

Told are ``app``, ``pipeline``, ``run``, ``asset``, ``purpose``; what is not known is left out. The
tag is that as JSON; BigQuery has labels instead. What queries cost is told apart by them. A
process does one run at a time, so that the run is the process's own.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

APP = "dataplatform"
#: What dbt's profile tags its sessions with; a model's own statements add the model.
TAG_VARIABLE = "DATAPLATFORM_QUERY_TAG"
_LONGEST = 2000
_RELATION = re.compile(r"(?<![\w.])([a-z_][a-z0-9_]*\.[a-z_][a-z0-9_]*)(?![\w.])")


@dataclass(frozen=True)
class Work:
    """A run, and the pipeline that it is a run of."""

    run: str
    pipeline: str | None = None


_current: Work | None = None


def begin(work: Work) -> None:
    """Say for which run this process works from now on."""
    global _current
    _current = work


def current() -> Work | None:
    """Return for which run this process works, or None."""
    return _current


def told(purpose: str | None = None) -> dict[str, str]:
    """Return what is known of what is done now, by name.

    Args:
        purpose: why a session is opened; a table that it names is the asset.
    """
    found = {"app": APP}
    if _current is not None:
        found |= {"pipeline": _current.pipeline or "", "run": _current.run}
    if purpose:
        asset = _RELATION.search(purpose)
        found |= {"asset": asset[1] if asset else "", "purpose": purpose}
    return {name: value for name, value in found.items() if value}


def query_tag(purpose: str | None = None) -> str:
    """Return the tag for what is done now.

    Args:
        purpose: why a session is opened; a table that it names is the asset.
    """
    found = told(purpose)
    text = json.dumps(found)
    if len(text) > _LONGEST:
        found["purpose"] = found["purpose"][: max(0, _LONGEST - len(text) - 1)]
        text = json.dumps(found)
    return text
