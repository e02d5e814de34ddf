"""What is raised when Fivetran refuses, fails or cannot be reached: one sentence."""

from __future__ import annotations

from typing import Any

from dagster import Failure

from dataplatform.declarations.errors import UserError


class FivetranFailure(Failure, UserError):
    """A failed request or sync: fails a Dagster step, and reads as one line on a terminal.

    Args:
        description: the sentence.
        status: the HTTP status that was answered; None where nothing readable was.
        passing: whether the same request may well succeed a little later.
        more: as ``Failure`` takes it.
    """

    def __init__(
        self,
        description: str,
        *,
        status: int | None = None,
        passing: bool = False,
        **more: Any,
    ) -> None:
        super().__init__(description, **more)
        self.status = status
        self.passing = passing
