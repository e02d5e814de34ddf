"""What the sensor has told already, as its cursor keeps it, and what a webhook adds to that.

Plain data and times; who asks the account is in ``defs``.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dataplatform.ingestion.webhooks.spool import Event

SYNC_END = "sync_end"
# How long a webhook may be ahead of what the account itself tells of a sync's end, in seconds.
AHEAD_SECONDS = 20.0
# How much later than a sync's end its webhook may say that it was made, in seconds.
_LATER_SECONDS = 5.0


@dataclass
class Told:
    """The end of the last sync told, by connection, and when all connections were last asked after.

    Attributes:
        ends: connection to the time at which its sync ended.
        round: seconds since 1970; 0 before the first round.
    """

    ends: dict[str, str] = field(default_factory=dict)
    round: float = 0.0

    @classmethod
    def read(cls, cursor: str | None) -> Told:
        """Return what a sensor's cursor says; an empty one says nothing."""
        found = json.loads(cursor) if cursor else {}
        return cls(dict(found.get("ends", {})), float(found.get("round", 0.0)))

    def written(self) -> str:
        """Return the cursor."""
        return json.dumps({"ends": self.ends, "round": self.round}, sort_keys=True)

    def knows(self, connection: str, ended: datetime) -> bool:
        """Whether this end was told."""
        return self.ends.get(connection) == ended.isoformat()

    def note(self, connection: str, ended: datetime) -> None:
        """Remember that this end was told."""
        self.ends[connection] = ended.isoformat()

    def settles(self, connection: str, event: Event, now: float) -> bool:
        """Whether nothing more is to be learnt from a webhook, its connection having been asked.

        Fivetran may send it a moment before its own API tells of the same sync.
        """
        data = event.body.get("data")
        status = data.get("status") if isinstance(data, dict) else None
        # Rows that a failed sync brought are told with the next good one.
        failed = status is not None and status != "SUCCESSFUL"
        if failed or now - event.received > AHEAD_SECONDS:
            return True
        if connection not in self.ends:
            return False
        made = datetime.fromisoformat(event.body["created"])
        made = made if made.tzinfo else made.replace(tzinfo=UTC)
        ended = datetime.fromisoformat(self.ends[connection])
        return (made - ended).total_seconds() < _LATER_SECONDS
