"""What of the graph a run does: a job, the assets chosen of it, the checks that belong to both."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dataplatform.declarations.errors import UserError, nearest

if TYPE_CHECKING:
    from dagster import AssetCheckKey, AssetKey, JobDefinition
    from dagster._core.definitions.repository_definition import RepositoryDefinition


def job_of(graph: RepositoryDefinition, name: str | None) -> JobDefinition:
    """Return a job by its name; for none the one that does everything.

    Raises:
        UserError: there is no such job.
    """
    from dataplatform.resources.executor import EXECUTOR

    names = [known for known in graph.job_names if not known.startswith("__")]
    if name is None:
        name = "everything" if "everything" in names else "__ASSET_JOB"
    elif name not in names:
        raise UserError(f"There is no pipeline or job {name!r}.{nearest(name, names)}")
    return graph.get_job(name).with_executor_def(EXECUTOR)


def assets_of(job: JobDefinition, graph: RepositoryDefinition, selection: str) -> set[AssetKey]:
    """Return the assets of a job that a selection names, in Dagster's selection language.

    Raises:
        UserError: the selection cannot be read, or names nothing.
    """
    from dagster import AssetSelection

    try:
        # A step that can only make its assets together, such as a sync, makes them all.
        named = AssetSelection.from_string(selection).required_multi_asset_neighbors()
        wanted = named.resolve(graph.asset_graph)
    except Exception as error:
        raise UserError(f"The selection {selection!r} cannot be read: {error}") from error
    chosen = set(wanted) & set(job.asset_layer.executable_asset_keys)
    if not chosen:
        raise UserError(f"The selection {selection!r} names nothing that can be run.")
    return chosen


def part_of(job: JobDefinition, chosen: set[AssetKey] | None) -> JobDefinition:
    """Return the part of a job that makes some assets; all of it for none."""
    if chosen is None:
        return job
    return job.get_subset(asset_selection=chosen, asset_check_selection=checks_of(job, chosen))


def checks_of(job: JobDefinition, chosen: set[AssetKey]) -> frozenset[AssetCheckKey]:
    """Return which checks of some assets belong to a job.

    Asked for assets alone, Dagster adds every check of theirs, also those that keep a clock of
    their own and that no run of the tables is to wait for.
    """
    known = job.asset_layer.asset_graph.asset_check_keys
    return frozenset(key for key in known if key.asset_key in chosen)
