"""The event store holds what Dagster's own would hold, whoever writes."""

from __future__ import annotations

import multiprocessing
import os
import threading
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from dagster import (
    AssetCheckResult,
    AssetCheckSpec,
    AssetKey,
    AssetMaterialization,
    AssetSelection,
    AssetSpec,
    DagsterEventType,
    DagsterInstance,
    DailyPartitionsDefinition,
    DataVersion,
    Definitions,
    EventRecordsFilter,
    MaterializeResult,
    asset,
    define_asset_job,
    in_process_executor,
    multi_asset,
)
from dagster._core.events import DagsterEvent
from dagster._core.events.log import EventLogEntry
from dagster._core.storage.event_log import SqlEventLogStorage
from dagster._utils.warnings import PreviewWarning
from sqlalchemy import text

from dataplatform.runtime import event_batch
from dataplatform.runtime.event_store import KeptSqliteEventLogStorage
from dataplatform.runtime.settings import instance_settings

KEYS = [AssetKey(["m", f"t{number}"]) for number in range(4)]


@multi_asset(
    specs=[AssetSpec(key) for key in KEYS],
    check_specs=[AssetCheckSpec("rule", asset=key) for key in KEYS],
)
def tables() -> Any:
    for number, key in enumerate(KEYS):
        yield MaterializeResult(key, metadata={"rows": 7}, data_version=DataVersion(str(number)))
        yield AssetCheckResult(asset_key=key, check_name="rule", passed=number != 2)


DAYS = DailyPartitionsDefinition("2026-01-01", end_date="2026-02-01")


with warnings.catch_warnings():
    warnings.simplefilter("ignore", PreviewWarning)
    DAILY_RULE = AssetCheckSpec("rule", asset="day", partitions_def=DAYS)


@asset(partitions_def=DAYS, check_specs=[DAILY_RULE])
def day() -> Any:
    yield MaterializeResult()
    yield AssetCheckResult(passed=True)


DEFS = Definitions(
    assets=[tables, day],
    jobs=[
        define_asset_job("all", AssetSelection.assets(*KEYS)),
        define_asset_job("days", AssetSelection.assets("day")),
    ],
    executor=in_process_executor,
)
RUN_IDS = ["00000000-0000-4000-8000-000000000001", "00000000-0000-4000-8000-000000000002"]


def _records(instance: DagsterInstance) -> dict[str, Any]:
    """What a run leaves behind, without what differs from run to run."""
    run = DEFS.resolve_job_def("all").execute_in_process(instance=instance)
    entries = instance.all_logs(run.run_id)
    storage = instance.event_log_storage
    checks = storage.get_latest_asset_check_execution_by_key([key for key in tables.check_keys])
    return {
        "events": [
            (
                entry.dagster_event.event_type_value if entry.dagster_event else "log",
                entry.step_key,
                str(entry.dagster_event.asset_key) if entry.dagster_event else None,
            )
            for entry in entries
        ],
        "assets": sorted(
            (
                str(record.asset_entry.asset_key),
                record.asset_entry.last_materialization.tags["dagster/data_version"],  # type: ignore[union-attr]
                record.asset_entry.last_run_id == run.run_id,
            )
            for record in instance.get_asset_records(KEYS)
        ),
        "checks": sorted(
            (
                str(key),
                record.status.value,
                record.evaluation.target_materialization_data is not None,  # type: ignore[union-attr]
            )
            for key, record in checks.items()
        ),
        "versions": storage.get_event_tags_for_asset(KEYS[1]),
        "stats": storage.get_stats_for_run(run.run_id).steps_succeeded,
        "steps": [
            (one.step_key, one.status.value) for one in storage.get_step_stats_for_run(run.run_id)
        ],
    }


@pytest.mark.parametrize("batch", ["0", "1000"])
def test_a_run_leaves_the_same_records_as_in_dagsters_own_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, batch: str
) -> None:
    monkeypatch.setenv("DAGSTER_EVENT_BATCH_SIZE", batch)
    found = []
    for name, settings in {
        "stock": {"telemetry": {"enabled": False}},
        "kept": instance_settings(str(tmp_path / "home")),
    }.items():
        folder = tmp_path / name
        folder.mkdir()
        (folder / "dagster.yaml").write_text(yaml.safe_dump(settings))
        with DagsterInstance.from_config(str(folder)) as instance:
            found.append(_records(instance))
    assert found[0] == found[1]
    assert len([kind for kind, _, _ in found[1]["events"] if kind == "ASSET_CHECK_EVALUATION"]) == 4


def _planned(folder: Path, settings: dict[str, Any], job: str) -> dict[str, list[Any]]:
    """The tables of an event log after a run was created, without ids and times of writing."""
    folder.mkdir()
    (folder / "dagster.yaml").write_text(yaml.safe_dump(settings))
    tags = {
        "dagster/asset_partition_range_start": "2026-01-01",
        "dagster/asset_partition_range_end": "2026-01-03",
    }
    with DagsterInstance.from_config(str(folder)) as instance:
        for run_id in RUN_IDS:
            instance.create_run_for_job(
                DEFS.resolve_job_def(job), run_id=run_id, tags=tags if job == "days" else {}
            )
        storage = instance.event_log_storage
        assert isinstance(storage, SqlEventLogStorage)
        queries = {
            "events": "select id, run_id, dagster_event_type, step_key, asset_key, partition"
            " from event_logs order by id",
            "assets": "select asset_key, last_run_id, last_materialization,"
            " last_materialization_timestamp is null from asset_keys order by asset_key",
            "checks": "select asset_key, check_name, run_id, partition, execution_status,"
            " evaluation_event_storage_id, materialization_event_storage_id"
            " from asset_check_executions order by id",
            "announced": "select e.event = c.evaluation_event, e.timestamp ="
            " c.evaluation_event_timestamp from asset_check_executions c join event_logs e"
            " on e.id = c.evaluation_event_storage_id",
        }
        with storage.index_connection() as connection:
            return {
                name: [tuple(row) for row in connection.execute(text(query))]
                for name, query in queries.items()
            }


@pytest.mark.parametrize(("job", "checks"), [("all", 4), ("days", 3)])
def test_a_new_run_is_announced_in_one_write_as_dagsters_own_store_would(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, job: str, checks: int
) -> None:
    # Dagster's own store for many runs keeps the order of its writes, which its default does not.
    module = "dagster._core.storage.event_log.sqlite.consolidated_sqlite_event_log"
    stock = {
        "telemetry": {"enabled": False},
        "event_log_storage": {
            "module": module,
            "class": "ConsolidatedSqliteEventLogStorage",
            "config": {"base_dir": str(tmp_path / "stock_events")},
        },
    }
    expected = _planned(tmp_path / "stock", stock, job)
    assert len(expected["checks"]) == checks * len(RUN_IDS)

    commits: list[int] = []
    store = KeptSqliteEventLogStorage.store_event_batch

    def counted(self: KeptSqliteEventLogStorage, events: Sequence[EventLogEntry]) -> None:
        commits.append(len(events))
        store(self, events)

    monkeypatch.setattr(KeptSqliteEventLogStorage, "store_event_batch", counted)
    assert _planned(tmp_path / "kept", instance_settings(str(tmp_path / "home")), job) == expected
    assert commits == [len(expected["events"]) // 2] * 2


def _entry(run_id: str, number: int) -> EventLogEntry:
    return EventLogEntry(
        error_info=None,
        level=10,
        user_message="",
        run_id=run_id,
        timestamp=1_700_000_000.0 + number,
        step_key="s",
        dagster_event=DagsterEvent(
            DagsterEventType.ASSET_MATERIALIZATION.value,
            "job",
            event_specific_data=_materialised(number),
        ),
    )


def _materialised(number: int) -> Any:
    from dagster._core.events import StepMaterializationData

    return StepMaterializationData(AssetMaterialization(KEYS[number % 4], metadata={"n": number}))


def _write(base: str, run_id: str, count: int) -> None:
    storage = KeptSqliteEventLogStorage(base)
    for number in range(count):
        storage.store_event(_entry(run_id, number))


def test_many_processes_make_and_write_one_store(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    writers = [
        context.Process(target=_write, args=(str(tmp_path), f"run{number}", 60))
        for number in range(4)
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(120)
    assert [writer.exitcode for writer in writers] == [0] * 4
    storage = KeptSqliteEventLogStorage(str(tmp_path))
    for number in range(4):
        records = storage.get_records_for_run(f"run{number}").records
        assert [
            record.event_log_entry.asset_materialization.metadata["n"].value  # type: ignore[union-attr]
            for record in records
        ] == list(range(60))
    assert len(storage.all_asset_keys()) == 4


def test_threads_share_a_store(tmp_path: Path) -> None:
    storage = KeptSqliteEventLogStorage(str(tmp_path))

    def write(run_id: str) -> None:
        for number in range(40):
            storage.store_event(_entry(run_id, number))
            storage.get_records_for_run(run_id, limit=1)

    threads = [threading.Thread(target=write, args=(f"run{number}",)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(len(storage.get_records_for_run(f"run{n}").records) == 40 for n in range(6))


def test_a_forked_child_writes_through_connections_of_its_own(tmp_path: Path) -> None:
    storage = KeptSqliteEventLogStorage(str(tmp_path))
    storage.store_event(_entry("parent", 0))
    child = os.fork()
    if child == 0:
        try:
            storage.store_event(_entry("child", 1))
            os._exit(0)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    storage.store_event(_entry("parent", 2))
    assert len(storage.get_records_for_run("parent").records) == 2
    assert len(storage.get_records_for_run("child").records) == 1


def test_a_batch_is_kept_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = KeptSqliteEventLogStorage(str(tmp_path))
    upsert = event_batch.upsert_assets

    def failing(connection: Any, rows: Any) -> None:
        upsert(connection, rows)
        raise RuntimeError("disk")

    monkeypatch.setattr(event_batch, "upsert_assets", failing)
    with pytest.raises(RuntimeError):
        storage.store_event_batch([_entry("run", number) for number in range(5)])
    assert not storage.get_records_for_run("run").records
    assert not storage.all_asset_keys()
    monkeypatch.undo()
    storage.store_event_batch([_entry("run", number) for number in range(5)])
    assert len(storage.get_records_for_run("run").records) == 5


def test_events_of_all_runs_are_read_in_order_with_a_cursor(tmp_path: Path) -> None:
    storage = KeptSqliteEventLogStorage(str(tmp_path))
    for number in range(10):
        storage.store_event(_entry(f"run{number % 3}", number))
    wanted = EventRecordsFilter(DagsterEventType.ASSET_MATERIALIZATION, after_cursor=4)
    records = storage.get_event_records(wanted, ascending=True)
    assert [record.storage_id for record in records] == [5, 6, 7, 8, 9, 10]


def test_a_watcher_hears_events_of_another_process(tmp_path: Path) -> None:
    storage = KeptSqliteEventLogStorage(str(tmp_path))
    heard = threading.Event()
    storage.watch("run0", None, lambda entry, _cursor: heard.set())
    writer = multiprocessing.get_context("spawn").Process(
        target=_write, args=(str(tmp_path), "run0", 1)
    )
    writer.start()
    assert heard.wait(30)
    writer.join()
    storage.dispose()


def test_a_half_made_store_is_made_again(tmp_path: Path) -> None:
    # As a process killed while making it would leave it: a file, and no word that it is done.
    (tmp_path / "events.db").touch()
    storage = KeptSqliteEventLogStorage(str(tmp_path))
    storage.store_event(_entry("run", 1))
    assert len(storage.get_records_for_run("run").records) == 1


def test_commits_survive_a_killed_process_without_an_fsync_each(tmp_path: Path) -> None:
    storage = KeptSqliteEventLogStorage(str(tmp_path))
    with storage.index_connection() as connection:
        assert connection.execute(text("PRAGMA journal_mode")).scalar() == "wal"
        assert connection.execute(text("PRAGMA synchronous")).scalar() == 1
        assert connection.execute(text("PRAGMA busy_timeout")).scalar() == 60_000
