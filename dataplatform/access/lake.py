"""DuckLake: DuckDB's views, and roles in the PostgreSQL that knows the lake's tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from dataplatform.access.engines import Finished, send
from dataplatform.access.items import Change, Holding
from dataplatform.access.postgres import KIND, compared
from dataplatform.access.views import ViewsEngine
from dataplatform.resources.warehouse.catalog import catalog_session

if TYPE_CHECKING:
    from dataplatform.access.rights import Rights


class LakeEngine(ViewsEngine):
    """A lake and its catalog, each told in its own way."""

    def compare(self, rights: Rights) -> tuple[Holding, Holding]:
        """Return what the lake and its catalog should hold and what they hold."""
        declared, found = super().compare(rights)
        with catalog_session(self._settings()["catalog"]) as session:
            roles, held = compared(session, rights)
        return (
            Holding({**declared.items, **roles.items}, (*declared.notes, *roles.notes)),
            Holding({**found.items, **held.items}, (*found.notes, *held.notes)),
        )

    def carry_out(self, changes: Sequence[Change], finished: Finished) -> None:
        """Send each statement to the lake or to its catalog, the catalog's last."""
        of_catalog = [change for change in changes if change.item.key[0] == KIND]
        super().carry_out([one for one in changes if one not in of_catalog], finished)
        with catalog_session(self._settings()["catalog"]) as session:
            send(session, of_catalog, finished)
