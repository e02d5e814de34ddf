"""Dagster's instance, but that events it makes together are stored together.

Creating a run announces every table and check it intends to make, an event each; stored one by
one, these take longer than all the rest of a launch. Where events are kept is event_store.py.
And the web server's connections outlive a restart of PostgreSQL (kept_connections.py).
"""

from __future__ import annotations

from collections.abc import Mapping

from dagster import DagsterInstance, Field
from dagster._core.instance.ref import InstanceRef
from dagster._serdes import ConfigurableClassData

from dataplatform.runtime.kept_connections import ask_before_use

_TOGETHER = 1000


class BatchingInstance(DagsterInstance):
    """The instance that dagster.yaml names."""

    @classmethod
    def config_schema(cls) -> Mapping[str, Field]:
        """Return the settings of its own in a dagster.yaml: none."""
        return {}

    @classmethod
    def config_defaults(cls, base_dir: str) -> Mapping[str, ConfigurableClassData | None]:
        """Return what is used where a dagster.yaml names no storage: what Dagster uses."""
        return InstanceRef.config_defaults(base_dir)

    def _get_event_batch_size(self) -> int:
        # Dagster asks an environment variable, which each of its processes would have to be
        # given. It holds events back only within one call that makes several: of a new run, or
        # of the partitions of one table. What a step tells one by one is stored at once.
        return _TOGETHER

    def optimize_for_webserver(
        self, statement_timeout: int, pool_recycle: int, max_overflow: int
    ) -> None:
        """Keep connections open, as the web server asks, and use none that is gone."""
        super().optimize_for_webserver(statement_timeout, pool_recycle, max_overflow)
        for storage in (self.run_storage, self.event_log_storage, self.schedule_storage):
            engine = getattr(storage, "_engine", None)
            if engine is not None:
                ask_before_use(engine)
