"""What the file of a made environment says of itself: from which other one, how, and until when.

Such an environment is written by ``dataplatform env create`` and never by hand. Making and dropping
one is the business of the room ``environments``.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal

from pydantic import Field

from dataplatform.declarations.errors import UserError
from dataplatform.declarations.strict import Strict

#: What a made environment is called: told apart from declared ones at sight, and by .gitignore.
NAME = re.compile(r"pr-[a-z0-9][a-z0-9-]{0,39}")
_SPAN = re.compile(r"(\d{1,4})\s*([hdw])")
_HOURS = {"h": 1, "d": 24, "w": 24 * 7}


class Made(Strict):
    """How an environment was made.

    Attributes:
        base: the environment whose tables it began with.
        how: ``defer`` shows the base's tables until they are built anew, ``clone`` copied them.
        state: the base's state folder, whose local servers it shares.
        tables: how many of the base's tables it began with.
    """

    base: Annotated[str, Field(alias="from")]
    how: Literal["defer", "clone"]
    state: Annotated[str, Field(pattern=r"^\.dataplatform(/[A-Za-z0-9_-]+)?$")]
    by: str
    at: Annotated[datetime, Field(strict=False)]
    expires: Annotated[datetime, Field(strict=False)]
    tables: int = 0

    def expired(self, now: datetime | None = None) -> bool:
        """Return whether its time is over."""
        return self.expires <= (now or datetime.now(UTC))


def check_name(name: str) -> str:
    """Return a name that a made environment may have.

    Raises:
        UserError: it may not be called so.
    """
    if not NAME.fullmatch(name):
        raise UserError(
            f"{name!r} cannot be the name of a made environment: it begins with 'pr-', followed by "
            "up to 40 small letters, digits and dashes, such as pr-123."
        )
    return name


def span(text: str) -> timedelta:
    """Return how long ``12h``, ``7d`` or ``2w`` is.

    Raises:
        UserError: it is written otherwise, or is nothing.
    """
    found = _SPAN.fullmatch(text.strip())
    if not found or not int(found[1]):
        raise UserError(f"{text!r} is no time to live: write hours, days or weeks: 12h, 7d, 2w.")
    return timedelta(hours=int(found[1]) * _HOURS[found[2]])
