"""Contracts for tests, written as a user writes them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from dataplatform.declarations.contract import Contract, load_contract


def column(name: str, logical_type: str, *quality: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return a column of a contract."""
    found = {"name": name, "logicalType": logical_type, **more}
    return {**found, "quality": list(quality)} if quality else found


def gx(name: str, kind: str, severity: str = "error", **kwargs: Any) -> dict[str, Any]:
    """Return a rule in the standard's custom form."""
    return {
        "name": name,
        "type": "custom",
        "engine": "greatExpectations",
        "severity": severity,
        "implementation": {"type": kind, "kwargs": kwargs},
    }


def sql(name: str, query: str, severity: str = "error", **operator: Any) -> dict[str, Any]:
    """Return a SQL rule."""
    return {"name": name, "type": "sql", "query": query, "severity": severity, **operator}


def library(name: str, metric: str, severity: str = "error", **more: Any) -> dict[str, Any]:
    """Return a rule of the standard's library."""
    return {"name": name, "metric": metric, "severity": severity, **more}


def write_contract(
    root: Path, relation: str, columns: list[dict[str, Any]], *quality: dict[str, Any]
) -> Path:
    """Write a contract file into a project folder and return its path."""
    schema, table = relation.split(".")
    path = root / "config" / "contracts" / schema / f"{table}.yml"
    path.parent.mkdir(parents=True, exist_ok=True)
    document = {
        "kind": "DataContract",
        "apiVersion": "v3.1.0",
        "id": f"{schema}-{table}",
        "version": "1.0.0",
        "status": "active",
        "team": {"name": "data"},
        "slaProperties": [{"property": "latency", "value": 24, "unit": "h"}],
        "schema": [{"name": table, "properties": columns, "quality": list(quality)}],
    }
    with path.open("w", encoding="utf-8") as handle:
        YAML(typ="safe").dump(document, handle)
    return path


def contract(
    root: Path, relation: str, columns: list[dict[str, Any]], *quality: dict[str, Any]
) -> Contract:
    """Write a contract and read it back."""
    return load_contract(write_contract(root, relation, columns, *quality), root)
