"""BigQuery's API for access lists, through Google's client."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from dataplatform.access.bigquery import Entry
from dataplatform.declarations.errors import UserError


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
