"""A broken promise, met through Dagster's interface: nothing below it runs, then or later."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from dataplatform_tests.end_to_end.company import Company, company
from dataplatform_tests.runtime.dev_server import Server

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500)]

LAUNCH = """
mutation($job: String!, $assets: [AssetKeyInput!]) {
  launchRun(executionParams: {
    selector: {repositoryLocationName: "dataplatform", repositoryName: "__repository__",
               jobName: $job, assetSelection: $assets}
    mode: "default"
  }) { __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } }
}"""
RELOAD = """
mutation { reloadRepositoryLocation(repositoryLocationName: "dataplatform") { __typename
  ... on WorkspaceLocationEntry { locationOrLoadError { __typename
      ... on PythonError { message } } } } }"""
RUN = """
query($run: ID!) { runOrError(runId: $run) { ... on Run { status
  assetMaterializations { assetKey { path } } } } }"""
STEPS = """
query($run: ID!) { logsForRun(runId: $run) { ... on EventConnection { events {
  ... on ExecutionStepFailureEvent { stepKey message error { message causes: cause { message } }
    failureMetadata { description } } } } } }"""


@dataclass(frozen=True)
class Promise:
    """Where a promise is, how it is broken, and what lies below."""

    file: str
    rule: str
    kept: str
    broken: str
    child: str
    below: frozenset[str]


ORDERS_HAVE_ROWS = Promise(
    "config/contracts/raw_postgres_public/orders.yml",
    "orders_arrived",
    "mustBeGreaterThan: 0",
    "mustBeGreaterThan: 900000000",
    "staging/stg_orders",
    frozenset(
        {"staging/stg_orders", "candidate/fact_orders", "marts/fact_orders", "marts/daily_sales"}
    ),
)
CUSTOMERS_ARE_MANY = Promise(
    "config/contracts/staging/stg_customers.yml",
    "at_least_1000_customers",
    "mustBeGreaterOrEqualTo: 1000",
    "mustBeGreaterOrEqualTo: 900000000",
    "candidate/dim_customers",
    frozenset({"candidate/dim_customers", "marts/dim_customers", "curated/dim_customers"}),
)
FACTS_HAVE_ROWS = Promise(
    "config/contracts/marts/fact_orders.yml",
    "orders_are_there",
    "mustBeGreaterThan: 0",
    "mustBeGreaterThan: 900000000",
    "marts/fact_orders",
    frozenset({"marts/fact_orders", "curated/fact_orders"}),
)


@pytest.fixture(scope="module")
def it() -> Iterator[Company]:
    with company() as found:
        found.command("run")
        yield found


@pytest.fixture(scope="module")
def interface(it: Company) -> Iterator[Server]:
    with it.interface() as server:
        # The clocks and sensors would run what these tests leave out on purpose.
        stop = """mutation($id: String!) { stopSensor(id: $id) { __typename } }"""
        listed = server.ask(
            """{ sensorsOrError(repositorySelector: {repositoryLocationName: "dataplatform",
                 repositoryName: "__repository__"}) { ... on Sensors { results { id name } } } }"""
        )
        for sensor in listed["sensorsOrError"]["results"]:
            server.ask(stop, id=sensor["id"])
        yield server


def _reload(interface: Server) -> None:
    """Have the code location loaded anew, as the button in the interface does."""
    answer = interface.ask(RELOAD)["reloadRepositoryLocation"]
    assert answer["__typename"] == "WorkspaceLocationEntry", answer
    assert answer["locationOrLoadError"]["__typename"] == "RepositoryLocation", answer


def _launch(
    interface: Server, job: str = "everything", asset: str | None = None
) -> tuple[str, set[str], str]:
    """Run a job, or one asset alone; return how it ended, what was made, and what was said."""
    chosen = [{"path": asset.split("/")}] if asset else None
    answer = interface.ask(LAUNCH, job="__ASSET_JOB" if asset else job, assets=chosen)
    launched = answer["launchRun"]
    assert launched["__typename"] == "LaunchRunSuccess", launched
    run_id = launched["run"]["runId"]

    def ended() -> Any:
        run = interface.ask(RUN, run=run_id)["runOrError"]
        return run if run["status"] in {"SUCCESS", "FAILURE", "CANCELED"} else None

    run = interface.until(ended, 300)
    made = {"/".join(one["assetKey"]["path"]) for one in run["assetMaterializations"]}
    events = interface.ask(STEPS, run=run_id)["logsForRun"]["events"]
    return run["status"], made, str([event for event in events if event])


def _change(it: Company, interface: Server, mend: list[Promise], spoil: list[Promise]) -> None:
    """Have some promises hold again, and others broken, and Dagster know of it."""
    for one in mend:
        it.edit(one.file, one.broken, one.kept)
    for one in spoil:
        it.edit(one.file, one.kept, one.broken)
    it.command("contract", "compile")
    _reload(interface)


def _published(it: Company, broken: list[Promise]) -> dict[str, list[Any]]:
    """Return the rows of the published tables that lie below broken promises."""
    marts = {key for one in broken for key in one.below if key.startswith("marts/")}
    return {key: it.rows(f"select * from {key.replace('/', '.')} order by all") for key in marts}


def _nothing_below_runs(it: Company, interface: Server, broken: list[Promise]) -> set[str]:
    """Run everything, then what reads each broken table alone; return what was made."""
    before = _published(it, broken)
    status, made, said = _launch(interface)
    assert status == "FAILURE"
    below = {key for one in broken for key in one.below}
    assert not made & below, f"ran although an input broke its rule: {sorted(made & below)}"
    for one in broken:
        assert one.child.split("/")[1] in said
        # The next run, of the child alone, is stopped by what the last one found.
        status, again, why = _launch(interface, asset=one.child)
        assert status == "FAILURE" and not again, (status, again, why)
        assert one.rule in why
    assert before and _published(it, broken) == before
    return made


def test_nothing_below_a_broken_rule_runs_until_it_holds_again(
    it: Company, interface: Server
) -> None:
    # New rows, so that everything has a reason to run.
    it.command("demo", "advance", "--days", "1")
    # Some tables lie below both: which of the rules stops what, the runs of one table alone say.
    first = [ORDERS_HAVE_ROWS, CUSTOMERS_ARE_MANY]
    _change(it, interface, mend=[], spoil=first)
    made = _nothing_below_runs(it, interface, first)
    assert {"raw_salesforce/contact", "marts/community_engagement"} <= made

    # The first two hold again: what was left out is built, up to the third, which is a mart's.
    _change(it, interface, mend=first, spoil=[FACTS_HAVE_ROWS])
    made = _nothing_below_runs(it, interface, [FACTS_HAVE_ROWS])
    held = {"staging/stg_orders", "candidate/fact_orders"}
    assert held | CUSTOMERS_ARE_MANY.below <= made

    _change(it, interface, mend=[FACTS_HAVE_ROWS], spoil=[])
    status, made, said = _launch(interface)
    assert status == "SUCCESS", said
    assert FACTS_HAVE_ROWS.below <= made
    assert it.differences() == []


ORDERS = "config/contracts/marts/fact_orders.yml"
SET_ASIDE = """\
      - name: no_huge_orders
        type: sql
        query: select count(*) from ${table} where total_amount_eur > LIMIT
        mustBe: 0
        severity: error
        customProperties: [{property: onFailure, value: quarantine}]
    properties:
"""


@pytest.mark.prove
def test_a_mart_goes_back_and_rows_are_set_aside_and_come_back(it: Company) -> None:
    count = "select count(*) from marts.fact_orders"
    if "served" in it.command("publish", "--list", "fact_orders").splitlines()[-1]:
        # Alone, without the tests before it, there is one version and none to go back to.
        it.command("demo", "advance", "--days", "1")
        it.command("run")
    (served,) = it.rows(count)
    said = it.command("publish", "--rollback", "fact_orders", "--why", "A drill.", "--who", "anna")
    (earlier,) = it.rows(count)
    assert earlier < served and f"({earlier[0]:,} rows" in said
    assert it.command("publish", "fact_orders").count(" served") == 1

    # In the same run: what was rolled back stays, and bad rows of another build are set aside.
    found = it.rows(
        "select total_amount_eur from candidate.fact_orders order by 1 desc nulls last limit 4"
    )
    it.edit(ORDERS, "    properties:\n", SET_ASIDE.replace("LIMIT", str(found[3][0])))
    it.command("contract", "compile")
    it.command("run")
    assert it.rows("select max(total_amount_eur) from candidate.fact_orders") == [found[3]]
    listed = it.command("quarantine", "list")
    assert "candidate.fact_orders" in listed and "no_huge_orders (3)" in listed
    assert it.command("quarantine", "show", "fact_orders").count("no_huge_orders") == 3
    # A build without these rows is another build than the one that is held.
    assert it.rows(count) == [(served[0] - 3,)]

    it.edit(ORDERS, r"total_amount_eur > [0-9.]+", f"total_amount_eur > {found[0][0]}")
    it.command("contract", "compile")
    assert "3 rows went back" in it.command("quarantine", "replay", "fact_orders")
    it.command("run")
    assert it.rows(count) == [served]
    assert it.differences() == []
