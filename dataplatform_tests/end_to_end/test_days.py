"""Days at the company: a first run, a quiet one, and one after three days have passed."""

from __future__ import annotations

import json

import pytest

from dataplatform_tests.end_to_end.company import company

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def test_days_at_the_company() -> None:
    with company() as it:
        first = it.command("run")
        assert "Green" in first.splitlines()[-1]
        assert it.differences() == []
        report = (it.project.state / "report" / "index.html").read_text()
        assert "Every promise is kept" in report
        assert "marts" in it.command("status")

        # The lake holds what was published, and every object is what its name says.
        it.command("storage", "verify")
        listed = it.command("storage", "ls")
        assert "curated" in listed and "dim_customers" in listed

        stamps = "select max(_fivetran_synced), count(*) from raw_postgres_public.orders"
        before = it.rows(stamps)
        second = it.command("run")
        assert "Rows synced: none. Models run: none" in second
        assert it.rows(stamps) == before

        it.command("demo", "advance", "--days", "3")
        third = it.command("run")
        assert "Rows synced: none" not in third
        assert it.differences() == []
        deleted = it.rows("select count(*) from raw_postgres_public.orders where _fivetran_deleted")
        assert deleted[0][0] > 0

        # Days built again by hand hold what they held.
        sales = "select * from marts.daily_sales order by all"
        before = it.rows(sales)
        it.command("backfill", "--from", "2025-03-01", "--to", "2025-03-07")
        assert it.rows(sales) == before

        graph = json.loads(it.command("lineage", "marts.dim_customers", "--format", "json"))
        assert "raw_salesforce.contact" in graph["tables"]
        assert "curated.dim_customers" in graph["tables"]
