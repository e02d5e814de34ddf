"""From dbt's manifest to the slim graph.

Which parts of a manifest matter, what identifies a node's code, and which node a test judges.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

from dataplatform.declarations.dbt_graph import (
    DbtExposure,
    DbtGraph,
    DbtNode,
    DbtSource,
    DbtTest,
)

BUILT_KINDS = ("model", "seed", "snapshot")
CONTRACT_TEST_PREFIX = "contract_"


def _digest(*parts: object) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()[:32]


class _Versions:
    """Code versions: a node's own text and settings, with those of the macros it calls."""

    def __init__(self, manifest: Mapping[str, Any], project_vars: object) -> None:
        self._macros = manifest["macros"]
        self._package = manifest["metadata"].get("project_name")
        self._vars = project_vars

    def _macro_texts(self, ids: Iterable[str]) -> list[str]:
        seen: set[str] = set()
        pending = list(ids)
        while pending:
            macro_id = pending.pop()
            macro = self._macros.get(macro_id)
            if macro_id in seen or macro is None:
                continue
            # dbt's own macros change with its version, which is part of the graph's version.
            if macro["package_name"] in ("dbt", "dbt_duckdb", "dbt_snowflake"):
                continue
            seen.add(macro_id)
            pending.extend(macro["depends_on"]["macros"])
        return [self._macros[macro_id]["macro_sql"] for macro_id in sorted(seen)]

    def of(self, node: Mapping[str, Any]) -> str:
        texts = [node.get("raw_code") or "", *self._macro_texts(node["depends_on"]["macros"])]
        config = {
            name: value
            for name, value in (node.get("config") or {}).items()
            if name not in ("meta", "tags", "group", "docs", "description", "severity")
        }
        reads_vars = any("var(" in text for text in texts)
        checksum = (node.get("checksum") or {}).get("checksum")
        return _digest(texts, config, checksum, self._vars if reads_vars else None)


def _owner(node: Mapping[str, Any], groups: Mapping[str, Any]) -> str | None:
    meta = {**node.get("meta", {}), **(node.get("config", {}).get("meta") or {})}
    if meta.get("owner"):
        return str(meta["owner"])
    group = groups.get(node.get("group") or "")
    return (group or {}).get("owner", {}).get("email")


def build_graph(manifest: Mapping[str, Any], version: str, project_vars: object) -> DbtGraph:
    """Return the slim graph of a dbt manifest (as in manifest.json).

    Args:
        manifest: dbt's manifest.
        version: what identifies the project's text.
        project_vars: the ``vars`` of dbt_project.yml, part of the version of what reads them.
    """
    groups = {group["name"]: group for group in manifest.get("groups", {}).values()}
    versions = _Versions(manifest, project_vars)
    built: dict[str, DbtNode] = {}
    tests: list[DbtTest] = []
    for node_id, node in manifest["nodes"].items():
        if node["resource_type"] in BUILT_KINDS and node["config"].get("enabled", True):
            if node["config"].get("materialized") == "ephemeral":
                continue
            meta = {**node.get("meta", {}), **(node["config"].get("meta") or {})}
            built[node_id] = DbtNode(
                id=node_id,
                kind=node["resource_type"],
                name=node["name"],
                schema=node["schema"],
                table=node["alias"],
                description=(node.get("description") or "").strip(),
                owner=_owner(node, groups),
                tags=tuple(node.get("tags") or ()),
                columns={
                    name: {
                        "type": column.get("data_type") or "",
                        "description": column.get("description") or "",
                    }
                    for name, column in (node.get("columns") or {}).items()
                },
                materialized=node["config"].get("materialized") or node["resource_type"],
                parents=_real_parents(manifest, node_id),
                path=node["original_file_path"],
                code_version=versions.of(node),
                # Either place is good for what concerns Dagster alone.
                meta={**meta, **(meta.get("dagster") or {})},
            )
        elif node["resource_type"] == "test" and node["config"].get("enabled", True):
            tests.append(_data_test(manifest, node, versions))
    for unit in manifest.get("unit_tests", {}).values():
        tests.append(_unit_test(manifest, unit))
    kept = tuple(test for test in tests if test.node in built)
    return DbtGraph(
        version=version,
        nodes=_sorted_by_depth(built),
        tests=tuple(sorted(kept, key=lambda test: test.id)),
        sources=tuple(_sources(manifest)),
        exposures=tuple(_exposures(manifest)),
    )


def _real_parents(manifest: Mapping[str, Any], node_id: str) -> tuple[str, ...]:
    """Parents with ephemeral models replaced by what those read."""
    found: dict[str, None] = {}
    pending = list(manifest["parent_map"].get(node_id, ()))
    while pending:
        parent = pending.pop(0)
        node = manifest["nodes"].get(parent)
        if node is not None and node["config"].get("materialized") == "ephemeral":
            pending.extend(manifest["parent_map"].get(parent, ()))
        elif parent.startswith(("model.", "seed.", "snapshot.", "source.")):
            found[parent] = None
    return tuple(sorted(found))


def _data_test(
    manifest: Mapping[str, Any], node: Mapping[str, Any], versions: _Versions
) -> DbtTest:
    touches = _real_parents(manifest, node["unique_id"])
    attached = node.get("attached_node")
    contract = node["name"].startswith(CONTRACT_TEST_PREFIX) and "test_metadata" not in node
    judged = attached or (touches[0] if touches else "")
    if contract:
        table = node["name"].removeprefix(CONTRACT_TEST_PREFIX)
        judged = next((one for one in touches if one.endswith("." + table)), judged)
    return DbtTest(
        id=node["unique_id"],
        name=node["name"],
        node=judged,
        touches=touches,
        severity=str(node["config"].get("severity", "ERROR")).upper(),
        description=(node.get("description") or "").strip(),
        path=node["original_file_path"],
        code_version=versions.of(node),
        contract=contract,
    )


def _unit_test(manifest: Mapping[str, Any], unit: Mapping[str, Any]) -> DbtTest:
    model = next(
        (parent for parent in unit["depends_on"]["nodes"] if parent.endswith("." + unit["model"])),
        "",
    )
    return DbtTest(
        id=unit["unique_id"],
        name=f"unit_{unit['name']}",
        node=model,
        touches=(model,),
        severity="ERROR",
        description=(unit.get("description") or "").strip(),
        path=unit["original_file_path"],
        code_version=_digest(unit.get("given"), unit.get("expect"), unit.get("overrides")),
        unit=True,
    )


def _sources(manifest: Mapping[str, Any]) -> Iterable[DbtSource]:
    for source_id, source in sorted(manifest["sources"].items()):
        meta = {**source.get("meta", {}), **(source.get("config", {}).get("meta") or {})}
        schema, table = (meta.get("dagster") or {}).get("asset_key") or (
            source["schema"],
            source["identifier"],
        )
        yield DbtSource(source_id, schema, table, (source.get("description") or "").strip())


def _exposures(manifest: Mapping[str, Any]) -> Iterable[DbtExposure]:
    for exposure in sorted(manifest["exposures"].values(), key=lambda row: row["name"]):
        yield DbtExposure(
            name=exposure["name"],
            label=exposure.get("label") or exposure["name"],
            type=exposure["type"],
            url=exposure.get("url"),
            owner=(exposure.get("owner") or {}).get("email"),
            description=(exposure.get("description") or "").strip(),
            parents=_real_parents(manifest, exposure["unique_id"]),
        )


def _sorted_by_depth(nodes: Mapping[str, DbtNode]) -> tuple[DbtNode, ...]:
    """Parents before children, by name within one depth."""
    depth: dict[str, int] = {}

    def deep(node_id: str) -> int:
        if node_id not in depth:
            inner = [deep(parent) for parent in nodes[node_id].parents if parent in nodes]
            depth[node_id] = 1 + max(inner, default=-1)
        return depth[node_id]

    return tuple(sorted(nodes.values(), key=lambda node: (deep(node.id), node.id)))
