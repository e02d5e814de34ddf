"""BigQuery's API for access lists, through Google's client, beside its SQL for views."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from dataplatform.access.bigquery import Datasets, Entry, compared
from dataplatform.access.engines import PATIENCE, Finished, Settings, SqlEngine, send
from dataplatform.access.items import Change, Holding
from dataplatform.declarations.errors import UserError

if TYPE_CHECKING:
    from dataplatform.access.rights import Rights
    from dataplatform.resources.warehouse import Session, Warehouse


class ClientDatasets:
    """The datasets of a project.

    Args:
        client: Google's client.
    """

    def __init__(self, client: Any) -> None:
        self._client = client

    def names(self) -> list[str]:
        """Return the project's datasets."""
        return [one.dataset_id for one in self._client.list_datasets()]

    def entries(self, dataset: str) -> list[Entry]:
        """Return a dataset's access list."""
        return [entry.to_api_repr() for entry in self._client.get_dataset(dataset).access_entries]

    def change(self, dataset: str, add: Iterable[Entry], remove: Iterable[Entry]) -> None:
        """Change a dataset's access list; what somebody changed meanwhile is not written over.

        Raises:
            UserError: somebody changed the list at this moment.
        """
        from google.api_core.exceptions import PreconditionFailed
        from google.cloud.bigquery import AccessEntry

        found = self._client.get_dataset(dataset)
        gone = list(remove)
        kept = [one for one in found.access_entries if one.to_api_repr() not in gone]
        there = [one.to_api_repr() for one in kept]
        new = [AccessEntry.from_api_repr(dict(one)) for one in add if one not in there]
        found.access_entries = [*kept, *new]
        try:
            # The dataset's etag goes with it, so a change of somebody else's is refused.
            self._client.update_dataset(found, ["access_entries"])
        except PreconditionFailed:
            raise UserError(
                f"Somebody changed the access list of {dataset} at this moment: plan again."
            ) from None


class BigQueryEngine(SqlEngine):
    """BigQuery: authorised views by SQL, and access lists of datasets by the API.

    Args:
        warehouse: the project's datasets.
        settings: gives the resolved ``warehouse`` block.
        datasets: the API, where a test brings its own.
    """

    def __init__(
        self,
        warehouse: Warehouse,
        settings: Settings,
        datasets: Datasets | None = None,
    ) -> None:
        super().__init__(warehouse, settings)
        self._given = datasets

    def read(self, session: Session, rights: Rights) -> tuple[Holding, Holding]:
        """Return what the project should hold about access and what it holds."""
        return compared(session, self._datasets(), rights, self._settings()["project"])

    def carry_out(self, changes: Sequence[Change], finished: Finished) -> None:
        """Send each change: a text is SQL, anything else a change of an access list."""
        datasets = self._datasets()
        with self._warehouse.session("apply access", PATIENCE) as session:
            for change in changes:
                said = [one for one in change.statements if isinstance(one, str)]
                send(session, [replace(change, statements=tuple(said))], lambda done: None)
                for one in change.statements:
                    if not isinstance(one, str):
                        datasets.change(one["dataset"], one.get("add", ()), one.get("remove", ()))
                finished(change)

    def _datasets(self) -> Datasets:
        from dataplatform.resources.warehouse.bigquery_client import open_client

        return self._given or ClientDatasets(open_client(self._settings()))
