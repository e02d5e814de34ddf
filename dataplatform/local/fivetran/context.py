"""What the routes work with, put together once when the service starts."""

from __future__ import annotations

from dataclasses import dataclass, field

from dataplatform.local.fivetran.events import Events
from dataplatform.local.fivetran.faults import Faults
from dataplatform.local.fivetran.limits import Limits
from dataplatform.local.fivetran.platform_log import PlatformLog
from dataplatform.local.fivetran.runner import Runner
from dataplatform.local.fivetran.store import Document, Store
from dataplatform.local.fivetran.views import connection_view
from dataplatform.local.fivetran.webhooks import Webhooks


@dataclass
class Context:
    """The parts of one running service."""

    store: Store
    runner: Runner
    events: Events
    webhooks: Webhooks
    platform_log: PlatformLog
    faults: Faults = field(default_factory=Faults)
    limits: Limits = field(default_factory=Limits)

    def view(self, connection: Document) -> Document:
        """Return what the API shows of a connection now."""
        return connection_view(connection, syncing=self.runner.is_running(connection["id"]))
