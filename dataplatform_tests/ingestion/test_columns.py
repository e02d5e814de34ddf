"""Declared columns against those that arrived."""

from __future__ import annotations

from dataplatform.ingestion.syncs.columns import compare

DECLARED = {"id": "bigint", "amount": "decimal(12,2)", "note": "string"}


def test_what_arrived_as_declared_is_no_drift() -> None:
    arrived = {
        "ID": "BIGINT",
        "amount": "DECIMAL(12,2)",
        "note": "VARCHAR",
        "_fivetran_synced": "TIMESTAMP WITH TIME ZONE",
    }
    drift = compare(DECLARED, arrived, "duckdb")
    assert not drift.broken and drift.extra == ()


def test_missing_and_retyped_columns_break_and_extra_ones_are_only_told() -> None:
    arrived = {"id": "VARCHAR", "amount": "DECIMAL(14,2)", "colour": "VARCHAR"}
    drift = compare(DECLARED, arrived, "duckdb")
    assert drift.broken
    assert drift.missing == ("note",) and drift.extra == ("colour",)
    assert drift.retyped == {"id": ("bigint", "string")}
    assert "id is declared bigint and arrived as string" in drift.sentence()
    assert not compare({}, {"colour": "VARCHAR"}, "duckdb").broken
