"""One set of settings, whichever way Dagster is started."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from dagster import DagsterInstance
from dagster._core.instance.ref import InstanceRef

from dataplatform.runtime.compute_logs import FileComputeLogManager
from dataplatform.runtime.event_store import KeptSqliteEventLogStorage
from dataplatform.runtime.home import open_instance, prepare_home, render, write_repository_file
from dataplatform.runtime.launcher import WarmRunLauncher
from dataplatform.runtime.queue import QuickRunCoordinator
from dataplatform.runtime.settings import HOME, instance_settings

ROOT = Path(__file__).parents[2]


def test_the_repositorys_file_is_compiled_from_the_settings() -> None:
    assert (ROOT / "dagster.yaml").read_text() == render(instance_settings(HOME))


def test_the_workspace_names_the_platforms_definitions() -> None:
    (load,) = yaml.safe_load((ROOT / "workspace.yaml").read_text())["load_from"]
    assert load["python_module"] == {
        "module_name": "dataplatform.definitions",
        "attribute": "defs",
        "working_directory": ".",
        "location_name": "dataplatform",
    }


def test_a_bare_start_and_the_projects_own_share_their_history(
    project: Any, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_repository_file(folder)
    monkeypatch.chdir(folder)
    with tempfile.TemporaryDirectory() as elsewhere:
        # What `dagster dev` does without DAGSTER_HOME.
        ref = InstanceRef.from_dir(elsewhere, config_dir=os.getcwd())
        with DagsterInstance.from_ref(ref) as bare, open_instance(project) as ours:
            bare.add_dynamic_partitions("kinds", ["x"])
            assert ours.get_dynamic_partitions("kinds") == ["x"]
            assert isinstance(bare.event_log_storage, KeptSqliteEventLogStorage)
            assert isinstance(bare.run_launcher, WarmRunLauncher)
            assert isinstance(bare.run_coordinator, QuickRunCoordinator)
            assert isinstance(bare.compute_log_manager, FileComputeLogManager)
            assert bare.run_monitoring_enabled
            assert not bare.telemetry_enabled
    assert sorted(path.name for path in folder.iterdir() if path.name != "small_graph.py") == [
        ".dataplatform",
        "dagster.yaml",
    ]


def test_the_home_is_made_again_only_when_the_settings_changed(project: Any) -> None:
    home = prepare_home(project)
    file = home / "dagster.yaml"
    before = file.stat().st_mtime_ns
    assert prepare_home(project) == home
    assert file.stat().st_mtime_ns == before
    file.write_text("telemetry: {enabled: true}")
    prepare_home(project)
    assert yaml.safe_load(file.read_text()) == instance_settings(str(home))
    assert [path.name for path in home.iterdir() if path.name.startswith(".dagster")] == []
