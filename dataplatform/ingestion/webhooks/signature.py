"""Whether a webhook's body was signed with our secret, and by when it may arrive.

Fivetran signs the raw body with HMAC-SHA256 and sends upper-case hexadecimal digits.
"""

from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, datetime, timedelta

HEADER = "X-Fivetran-Signature-256"
# Fivetran repeats an undelivered event for 24 hours, with the time at which it was made.
OLDEST = timedelta(hours=25)
# How far a sender's clock may run ahead of ours.
EARLIEST = timedelta(minutes=5)


def sign(secret: str, body: bytes) -> str:
    """Return the signature of a body, as Fivetran writes it."""
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest().upper()


def is_signed(secret: str, body: bytes, given: str) -> bool:
    """Tell whether a signature is right; takes the same time wherever it differs."""
    # An empty secret would let in whoever knows that it is empty.
    return bool(secret) and hmac.compare_digest(
        sign(secret, body).encode(), given.strip().upper().encode("utf-8", "replace")
    )


def age_trouble(created: object, now: datetime) -> str | None:
    """Return what is wrong with the time at which an event says it was made, or None."""
    if not isinstance(created, str):
        return "it does not say when it was made"
    try:
        moment = datetime.fromisoformat(created)
    except ValueError:
        return f"its time {created[:40]!r} cannot be read"
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    if now - moment > OLDEST:
        return f"it is older than {OLDEST.total_seconds() / 3600:.0f} hours"
    if moment - now > EARLIEST:
        return "it was made in the future"
    return None
