"""The parsed dbt project, kept by the content of its files.

``load_graph`` is cheap when nothing changed: one hash over the project's files and one JSON file.
When something did, dbt parses once, in a process of its own, with no server and no credentials.
What the graph holds is ``dbt_graph.py``; running dbt is the transform room's business.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from dataplatform.declarations.dbt_graph import DbtGraph, graph_from_json, marts_of
from dataplatform.declarations.dbt_manifest import build_graph
from dataplatform.declarations.errors import UserError

if TYPE_CHECKING:
    from dataplatform.declarations.project import Project

_READ = {".sql", ".yml", ".yaml", ".csv", ".md", ".py"}
_LEFT_OUT = {"target", "logs", ".git", "__pycache__"}
# Raised when the slim graph's own shape changes.
_SHAPE = 3


class PublishedMart(NamedTuple):
    """A mart that consumers read."""

    name: str
    description: str
    owner: str | None
    volatile: tuple[str, ...]


def target_folder(project: Project) -> Path:
    """Return where dbt's artefacts of a project are kept."""
    return project.state / "dbt_target"


def graph_version(project: Project) -> str:
    """Return a text that changes when any file of the dbt project, or dbt itself, does.

    Raises:
        UserError: the project has no dbt project.
    """
    root = project.dbt
    if not (root / "dbt_project.yml").is_file():
        raise UserError(f"There is no dbt project in {root}: dbt_project.yml is missing.")
    digest = hashlib.sha256()
    digest.update(f"{_SHAPE} {installed_version('dbt-core')} {_target(project)}".encode())
    digest.update(str(sorted(_place(project).items())).encode())
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(name for name in folders if name not in _LEFT_OUT)
        for name in sorted(files):
            path = Path(folder, name)
            if path.suffix in _READ:
                digest.update(str(path.relative_to(root)).encode())
                digest.update(path.read_bytes())
    return digest.hexdigest()[:32]


def load_graph(project: Project) -> DbtGraph:
    """Return the slim graph of the dbt project, parsing it first when its files changed.

    Raises:
        UserError: dbt cannot parse the project; the sentence is dbt's own.
    """
    return _load(_graph_file(project, graph_version(project)), project)


def load_manifest(project: Project) -> dict[str, Any]:
    """Return the slim graph as plain dictionaries and lists."""
    manifest: dict[str, Any] = json.loads(load_graph(project).to_json())
    return manifest


def published_marts(project: Project) -> list[PublishedMart]:
    """Return the marts that are published, with what their readers need to know."""
    return [
        PublishedMart(node.table, node.description, node.owner, node.volatile)
        for node in marts_of(load_graph(project))
    ]


def parsed_manifest_file(project: Project) -> Path:
    """Return dbt's own parsed manifest (msgpack) of the present files, parsing when needed."""
    graph_file = _graph_file(project, graph_version(project))
    parsed = graph_file.with_suffix(".msgpack")
    with _parsing(project):
        if not parsed.is_file() or not graph_file.is_file():
            _parse(project, graph_file)
    return parsed


def _graph_file(project: Project, version: str) -> Path:
    return target_folder(project) / "graph" / f"{version}.json"


@lru_cache(maxsize=8)
def _read(path: Path) -> DbtGraph:
    return graph_from_json(path.read_text(encoding="utf-8"))


def _load(path: Path, project: Project) -> DbtGraph:
    if not path.is_file():
        with _parsing(project):
            if not path.is_file():
                _parse(project, path)
    return _read(path)


@contextmanager
def _parsing(project: Project) -> Iterator[None]:
    """Let one process parse at a time: dbt writes into one folder, and the rest can read it."""
    folder = target_folder(project)
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "parse.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _target(project: Project) -> str:
    return str(project.environment.warehouse.type)


def _place(project: Project) -> dict[str, str]:
    """Return the variable that names the database: dbt writes it into all that it parses."""
    warehouse = project.environment.warehouse
    for field in ("database", "project"):
        declared = getattr(warehouse, field, None)
        if declared is not None:
            try:
                name = project.environment.resolve(declared)
            except UserError:
                # Nobody set it yet: the graph is the same, and is parsed again before it is built.
                return {}
            return {f"{warehouse.type}_{field}".upper(): name}
    return {}


def parse_variables(project: Project) -> dict[str, str]:
    """Return the variables that dbt's profile reads, with stand-ins: parsing opens nothing."""
    profile = (project.dbt / "profiles.yml").read_text(encoding="utf-8")
    found = re.findall(r"env_var\(\s*['\"](\w+)['\"](?:\s*,\s*['\"]([^'\"]*)['\"])?", profile)
    known = {
        "DATAPLATFORM_DUCKDB_PATH": str(project.state / "warehouse.duckdb"),
        **_place(project),
    }
    return {name: known.get(name, default or "unset") for name, default in found}


def _parse(project: Project, graph_file: Path) -> None:
    """Let dbt parse the project, and keep its manifest and the slim graph under their version."""
    from dataplatform.declarations.environment import process_environment

    target = target_folder(project) / "parse"
    target.mkdir(parents=True, exist_ok=True)
    command = [
        *(sys.executable, "-m", "dbt.cli.main"),
        *("--no-use-colors", "--no-send-anonymous-usage-stats", "--log-level-file", "none"),
        *("parse", "--project-dir", str(project.dbt), "--profiles-dir", str(project.dbt)),
        *("--target", _target(project), "--target-path", str(target)),
        *("--log-path", str(project.state / "logs" / "dbt")),
    ]
    ran = subprocess.run(
        command,
        env={**process_environment(), **parse_variables(project)},
        capture_output=True,
        text=True,
        check=False,
    )
    manifest_file = target / "manifest.json"
    if ran.returncode != 0 or not manifest_file.is_file():
        raise UserError(f"dbt cannot parse {project.dbt}: {_reason(ran.stdout + ran.stderr)}")
    manifest = json.loads(manifest_file.read_text(encoding="utf-8"))
    graph = build_graph(manifest, graph_file.stem, _project_vars(project.dbt))
    graph_file.parent.mkdir(parents=True, exist_ok=True)
    for old in graph_file.parent.iterdir():
        if old.suffix in (".json", ".msgpack") and old.stem != graph_file.stem:
            old.unlink(missing_ok=True)
    _replace(graph_file.with_suffix(".msgpack"), (target / "partial_parse.msgpack").read_bytes())
    _replace(graph_file, graph.to_json().encode())


def _replace(path: Path, content: bytes) -> None:
    # Whoever reads without the lock sees the old file or the new one, never a part.
    temporary = path.with_name(f"{path.name}.{os.getpid()}")
    temporary.write_bytes(content)
    temporary.replace(path)


def _project_vars(root: Path) -> object:
    from ruamel.yaml import YAML

    declared = YAML(typ="safe").load((root / "dbt_project.yml").read_text(encoding="utf-8")) or {}
    return declared.get("vars")


def _reason(output: str) -> str:
    """Return dbt's complaint as one line."""
    lines = [re.sub(r"^\d\d:\d\d:\d\d\s*", "", line).strip() for line in output.splitlines()]
    for index, line in enumerate(lines):
        if "Error" in line and not line.startswith("Running with"):
            return " ".join(part for part in lines[index : index + 6] if part)[:600]
    return " ".join(line for line in lines if line)[-600:] or "no reason was given."
