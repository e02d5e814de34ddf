"""Across runs: what broke a rule stays shut until it is accepted; what was rolled back stays so."""

from __future__ import annotations

import pytest
from dagster import AssetCheckKey, AssetKey

from dataplatform.keys import Relation
from dataplatform.resources.acceptance import accept
from dataplatform.resources.instance import latest_materialisations
from dataplatform.resources.warehouse import Warehouse, open_warehouse
from dataplatform.resources.warehouse.publication import Note
from dataplatform.transform.publish_events import repair, roll_back
from dataplatform_tests.transform.conftest import RAW_CHECK, Shop, built, failure

pytestmark = pytest.mark.slow

GOOD = ((1, "2025-01-01", 10), (2, "2025-01-02", 20))
BAD = ((1, "2025-01-01", 10), (2, "2025-01-02", None))
THINGS = Relation("marts", "things")
NOTE = Note("anna", "Prices are in cents.")


def warehouse(shop: Shop) -> Warehouse:
    return open_warehouse(shop.project.environment, shop.project)


def test_a_rule_that_broke_in_an_earlier_run_blocks_until_it_is_accepted(shop: Shop) -> None:
    shop.load(*BAD)
    assert not shop.run().success
    # Later runs, of what is below alone, meet what the first one found.
    later = shop.run("candidate/totals")
    assert "candidate.totals was left out: candidate.things breaks" in failure(later)
    assert "marts.things was not published" in failure(shop.run("marts/things"))

    broken = AssetCheckKey(AssetKey(["candidate", "things"]), "not_null_things_amount")
    accept(shop.instance, broken, "anna", "The second thing is not counted yet.")
    opened = shop.run("candidate/totals", "marts/things", "marts/totals")
    assert opened.success, failure(opened)
    assert shop.sql("select count(*) from marts.things") == [(2,)]
    assert shop.sql("select total from marts.totals") == [(10,)]

    # A raw table's broken rule, found by another run, shuts what reads it, until accepted.
    shop.load(*GOOD)
    shop.judge_raw(passed=False)
    shut = shop.run()
    assert not shut.success and "staging.stg_things was left out" in failure(shut)
    accept(shop.instance, RAW_CHECK, "anna", "Seen with the shop.")
    again = shop.run()
    assert again.success, failure(again)
    assert shop.sql("select total from marts.totals") == [(30,)]


def test_a_rolled_back_mart_stays_until_its_candidate_changes(shop: Shop) -> None:
    assert shop.run().success
    shop.load(*GOOD, (3, "2025-01-03", 70))
    assert shop.run().success
    published = latest_materialisations(shop.instance, [AssetKey(list(THINGS))])
    roll_back(shop.instance, warehouse(shop), THINGS, None, NOTE, 20)
    assert shop.sql("select count(*) from marts.things") == [(2,)]
    served = latest_materialisations(shop.instance, [AssetKey(list(THINGS))])
    assert served.values() and {one.data_version for one in served.values()}.isdisjoint(
        one.data_version for one in published.values()
    )
    # The same bad build is not published again, and that is no failure.
    held = shop.run()
    assert held.success, failure(held)
    assert "marts/things" not in built(held)
    assert shop.sql("select count(*) from marts.things") == [(2,)]
    # A build that changed is published.
    shop.load(*GOOD, (3, "2025-01-03", 7))
    changed = shop.run()
    assert changed.success, failure(changed)
    assert shop.sql("select sum(amount) from marts.things") == [(37,)]
    # Nothing is left to repair or to record.
    assert repair(shop.instance, warehouse(shop), 20) == []

    # Rolled back once more, and released: the held build is published by the next run.
    roll_back(shop.instance, warehouse(shop), THINGS, None, NOTE, 20)
    warehouse(shop).published.release(THINGS, NOTE)
    assert "marts/things" in built(shop.run("marts/things"))
    assert shop.sql("select sum(amount) from marts.things") == [(37,)]


def test_what_was_published_and_never_recorded_is_recorded_and_not_published_twice(
    shop: Shop,
) -> None:
    assert shop.run().success
    versions = len(warehouse(shop).published.versions(THINGS))
    shop.instance.wipe_assets([AssetKey(list(THINGS))])
    done = shop.run("marts/things")
    assert built(done) == {"marts/things"}
    assert len(warehouse(shop).published.versions(THINGS)) == versions
