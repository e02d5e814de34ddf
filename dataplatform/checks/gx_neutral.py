"""What an expectation becomes when our own scan can judge it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from dataplatform.checks.threshold import Threshold


@dataclass(frozen=True)
class Translated:
    """The neutral form of an expectation; its parts are those of a ``Check``."""

    metric: str
    threshold: Threshold
    columns: tuple[str, ...] = ()
    arguments: Mapping[str, Any] = field(default_factory=dict)
    filter: str | None = None
