"""A run that is killed at any moment and started again gives what an undisturbed run gives."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time

import pytest

from dataplatform_tests.end_to_end.company import Company, company

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]

#: Columns that say when something was done: two equal builds differ in them.
VOLATILE = {
    "_fivetran_synced",
    "_synced_at",
    "_source_version",
    "_modified",
    "_file",
    "dbt_updated_at",
    "dbt_valid_from",
    "dbt_valid_to",
    "dbt_scd_id",
}
SCHEMAS = ("raw_postgres_public", "raw_salesforce", "raw_community", "snapshots", "marts")


@pytest.mark.parametrize(
    "times", [pytest.param(1, id="once"), pytest.param(20, id="often", marks=pytest.mark.prove)]
)
def test_killed_runs_leave_no_trace(times: int) -> None:
    dice = random.Random(5)  # Its first kill is in the middle of the build.
    with company() as disturbed, company() as undisturbed:
        began = time.monotonic()
        undisturbed.command("run")
        length = time.monotonic() - began
        for number in range(times):
            _run_and_kill(disturbed, dice.uniform(0.05, 1.0) * length)
            if number % 4 == 3:
                # Days pass between the kills, the same at both.
                for one in (disturbed, undisturbed):
                    one.command("demo", "advance", "--days", "1")
        last = disturbed.command("run")
        assert "Green" in last.splitlines()[-1]
        undisturbed.command("run")
        assert disturbed.differences() == []
        assert _tables(disturbed) == _tables(undisturbed)
        # No run is left as if it were alive.
        assert "started" not in disturbed.command("status")


def _run_and_kill(it: Company, seconds: float) -> None:
    process = it.start("run")
    try:
        process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    finally:
        if process.stdout:
            process.stdout.close()


def _tables(it: Company) -> dict[str, tuple[int, int]]:
    """Return count and content of every table, volatile columns aside."""
    found = {}
    listed = ", ".join(f"'{schema}'" for schema in SCHEMAS)
    with it.warehouse() as connection:
        tables = connection.execute(
            "select table_schema, table_name, list(column_name order by column_name) "
            f"from information_schema.columns where table_schema in ({listed}) group by all"
        ).fetchall()
        for schema, table, columns in tables:
            kept = ", ".join(f'"{name}"' for name in columns if name not in VOLATILE)
            found[f"{schema}.{table}"] = connection.execute(
                f'select count(*), coalesce(sum(hash(row({kept}))), 0) from "{schema}"."{table}"'
            ).fetchone()
    return found
