"""Sessions with Snowflake: what they are opened with, and what happens when one drops."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jinja2
import pyarrow as pa
import pytest
from dagster import DagsterRun, build_init_resource_context
from pyarrow import parquet
from snowflake.connector import errors

from dataplatform.declarations.errors import UserError
from dataplatform.keys import Relation
from dataplatform.resources.warehouse import snowflake_session, work
from dataplatform.resources.warehouse.resource import WarehouseResource
from dataplatform.resources.warehouse.snowflake import SnowflakeAdapter
from dataplatform_tests.resources.snowflake_script import SETTINGS, Connector

REPOSITORY = Path(__file__).resolve().parents[2]
DROPPED = errors.OperationalError(msg="Session no longer exists.", errno=390111)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(snowflake_session, "WAIT_SECONDS", 0.0)
    monkeypatch.setattr(work, "_current", None)
    yield


def adapter(monkeypatch: pytest.MonkeyPatch, connector: Connector, **more: Any) -> SnowflakeAdapter:
    monkeypatch.setattr("snowflake.connector.connect", connector)
    return SnowflakeAdapter(lambda: {**SETTINGS, **more})


def tag_of(connector: Connector) -> dict[str, str]:
    return dict(json.loads(connector.given[-1]["session_parameters"]["QUERY_TAG"]))


def test_a_session_tells_its_purpose_and_its_asset(monkeypatch: pytest.MonkeyPatch) -> None:
    connector = Connector()
    adapter(monkeypatch, connector).query("SELECT 1", "facts of marts.fct_orders")
    assert tag_of(connector) == {
        "app": "dataplatform",
        "asset": "marts.fct_orders",
        "purpose": "facts of marts.fct_orders",
    }
    assert connector.given[-1]["warehouse"] == "TRANSFORMING"
    assert connector.given[-1]["session_parameters"]["TIMEZONE"] == "UTC"
    assert connector.closed == [1]


def test_a_run_tells_itself_and_its_pipeline_and_has_its_size(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    connector = Connector()
    warehouse = adapter(monkeypatch, connector)
    work.begin(work.Work("run-1", "full_build"))
    warehouse.query("SELECT 1", "scan")
    assert tag_of(connector) == {
        **{"app": "dataplatform", "pipeline": "full_build", "run": "run-1"},
        "purpose": "scan",
    }
    assert connector.given[-1]["warehouse"] == "TRANSFORMING_L"
    variables = warehouse.dbt_variables()
    assert variables["SNOWFLAKE_WAREHOUSE"] == "TRANSFORMING_L"
    assert json.loads(variables[work.TAG_VARIABLE])["run"] == "run-1"
    monkeypatch.setattr(work, "_current", None)
    assert warehouse.dbt_variables()["SNOWFLAKE_WAREHOUSE"] == "TRANSFORMING"
    assert work.TAG_VARIABLE not in warehouse.dbt_variables()


def test_a_tag_is_never_longer_than_snowflake_takes() -> None:
    work.begin(work.Work("r" * 36, "p"))
    assert len(work.query_tag('marts.x "' + "y" * 5000)) <= 2000
    assert json.loads(work.query_tag("marts.x " + "y" * 5000))["asset"] == "marts.x"


@pytest.mark.parametrize(("job", "pipeline"), [("full_build", "full_build"), ("__ASSET_JOB", None)])
def test_the_resource_says_for_which_run_it_works(job: str, pipeline: str | None) -> None:
    resource = WarehouseResource(project_root="/nowhere")
    context = build_init_resource_context()
    run = DagsterRun(job_name=job, run_id="11111111-1111-4111-8111-111111111111")
    context._dagster_run = run  # type: ignore[attr-defined]
    context.__class__ = type("Context", (type(context),), {"run": property(lambda _: run)})
    resource.setup_for_execution(context)
    assert work.current() == work.Work(run.run_id, pipeline)


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, {"password": "hush"}),
        (
            {"password": None, "private_key_path": "/keys/p8"},
            {"private_key_file": "/keys/p8"},
        ),
        (
            {"password": None, "token": "ey.token"},
            {"authenticator": "oauth", "token": "ey.token"},
        ),
    ],
)
def test_a_password_a_key_or_an_oauth_token_opens_the_account(
    monkeypatch: pytest.MonkeyPatch, more: dict[str, Any], expected: dict[str, Any]
) -> None:
    connector = Connector()
    warehouse = adapter(monkeypatch, connector, **more)
    warehouse.query("SELECT 1", "x")
    given = connector.given[-1]
    assert {name: given.get(name) for name in expected} == expected
    assert ("password" in given) == ("password" in expected)
    variables = warehouse.dbt_variables()
    assert variables.get("SNOWFLAKE_AUTHENTICATOR") == expected.get("authenticator")
    assert variables.get("SNOWFLAKE_TOKEN") == expected.get("token")


def test_a_read_is_sent_again_when_the_session_drops(monkeypatch: pytest.MonkeyPatch) -> None:
    def answers(number: int, _: str) -> list[tuple[int]]:
        if number == 1:
            raise DROPPED
        return [(7,)]

    connector = Connector(answers=answers)
    assert adapter(monkeypatch, connector).query("SELECT 7", "x") == [(7,)]
    assert connector.sent == [(1, "SELECT 7"), (2, "SELECT 7")]
    assert connector.closed == [1, 2]


@pytest.mark.parametrize("before", [[], ["BEGIN"], ["BEGIN", "SELECT 1"]])
def test_what_writes_or_is_within_a_transaction_is_not_sent_again(
    monkeypatch: pytest.MonkeyPatch, before: list[str]
) -> None:
    last = "SELECT 2" if before else "INSERT INTO t VALUES (1)"

    def answers(_: int, sql: str) -> list[Any]:
        if sql == last:
            raise DROPPED
        return []

    connector = Connector(answers=answers)
    with (
        pytest.raises(UserError, match=r"dropped the session, .*Session no longer exists"),
        adapter(monkeypatch, connector).session("x") as session,
    ):
        for sql in [*before, last]:
            session.execute(sql)
    assert connector.statements == [*before, last]


def test_after_a_commit_a_read_is_sent_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def answers(number: int, sql: str) -> list[Any]:
        if number == 1 and sql == "SELECT 2":
            raise DROPPED
        return [(2,)]

    connector = Connector(answers=answers)
    with adapter(monkeypatch, connector).session("x") as session:
        for sql in ("BEGIN", "DELETE FROM t", "COMMIT"):
            session.execute(sql)
        assert session.execute("SELECT 2") == [(2,)]
    assert len(connector.given) == 2


def test_a_connection_is_tried_again_when_the_network_is_gone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def opens(number: int) -> None:
        if number < 3:
            raise errors.OperationalError(msg="Connection reset by peer", errno=250003)

    connector = Connector(opens=opens)
    adapter(monkeypatch, connector).query("SELECT 1", "x")
    assert len(connector.given) == 3


def load(warehouse: SnowflakeAdapter, folder: Path) -> int:
    path = folder / "orders.parquet"
    parquet.write_table(pa.table({"id": [1, 2]}), path)
    return warehouse.load_parquet(Relation("raw", "orders"), path)


GONE = [
    errors.OperationalError(msg="Connection reset by peer", errno=250003),
    errors.ProgrammingError(msg="Session no longer exists. New login required.", errno=390111),
]
EXCHANGE = (
    'CREATE OR REPLACE TABLE "RAW"."ORDERS" CLONE "RAW"."_DATAPLATFORM_LOADING_ORDERS" COPY GRANTS'
)


DELETED = 'DELETE FROM "RAW"."ORDERS"'
#: Whether the table that is loaded is there with the file's columns, and what shows its new rows.
TABLES = {"new": ([], EXCHANGE), "there": ([("ID", "NUMBER", 38, 0)], "COMMIT")}


def answer(sql: str, columns: list[Any]) -> list[Any]:
    if "information_schema.columns" in sql:
        return columns
    return [(2,)] if sql.startswith("SELECT") else []


def whole_load(
    monkeypatch: pytest.MonkeyPatch, folder: Path, columns: list[Any] | None = None
) -> list[str]:
    """Return the statements of a load that nothing disturbs."""
    connector = Connector(answers=lambda _, sql: answer(sql, columns or []))
    assert load(adapter(monkeypatch, connector), folder) == 2
    return connector.statements


@pytest.mark.parametrize("columns", [[], [("ID", "TEXT", None, None)]], ids=["none", "others"])
def test_a_table_that_is_new_or_has_other_columns_is_exchanged(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, columns: list[Any]
) -> None:
    whole = whole_load(monkeypatch, tmp_path, columns)
    assert whole.count(EXCHANGE) == 1
    assert DELETED not in whole


def test_a_table_with_the_same_columns_keeps_its_grants_and_policies(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    whole = whole_load(monkeypatch, tmp_path, TABLES["there"][0])
    assert not [sql for sql in whole if "TABLE" in sql.split("(")[0]]
    within = whole[whole.index("BEGIN") : whole.index("COMMIT") + 1]
    assert within[1] == DELETED
    assert within[2].startswith('COPY INTO "RAW"."ORDERS"')
    assert "FORCE = TRUE" in within[2]
    assert len(within) == 4


@pytest.mark.parametrize("columns", [columns for columns, _ in TABLES.values()], ids=TABLES)
@pytest.mark.parametrize("gone", GONE, ids=["network", "session"])
def test_a_load_whose_session_drops_anywhere_is_done_again_as_a_whole(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, gone: Exception, columns: list[Any]
) -> None:
    whole = whole_load(monkeypatch, tmp_path, columns)
    for cut, last in enumerate(whole):

        def answers(number: int, sql: str, last: str = last) -> list[Any]:
            if number == 1 and sql in (last, "ROLLBACK"):
                raise gone
            return answer(sql, columns)

        connector = Connector(answers=answers)
        assert load(adapter(monkeypatch, connector), tmp_path) == 2
        # A read is sent again alone; all else from the start, on a new connection with its stage.
        again = whole[cut:] if last.startswith("SELECT") else whole
        sent = [(number, sql) for number, sql in connector.sent if sql != "ROLLBACK"]
        assert sent == [*((1, sql) for sql in whole[: cut + 1]), *((2, sql) for sql in again)]
        assert connector.closed == [1, 2]


@pytest.mark.parametrize(("columns", "shows"), TABLES.values(), ids=TABLES)
@pytest.mark.parametrize("gone", GONE, ids=["network", "session"])
def test_a_load_that_is_cut_off_again_and_again_leaves_the_table_as_it_was(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    gone: Exception,
    columns: list[Any],
    shows: str,
) -> None:
    whole = whole_load(monkeypatch, tmp_path, columns)
    for cut, last in enumerate(whole[: whole.index(shows)]):
        # A read is tried twice on its own.
        tries = snowflake_session.TRIES * (2 if last.startswith("SELECT") else 1)

        def answers(_: int, sql: str, last: str = last) -> list[Any]:
            if sql == last:
                raise gone
            return answer(sql, columns)

        connector = Connector(answers=answers)
        with pytest.raises(UserError, match="dropped the session, or the network did"):
            load(adapter(monkeypatch, connector), tmp_path)
        sent = [sql for sql in connector.statements if sql != "ROLLBACK"]
        assert sent == whole[: cut + 1] * tries
        # What touches the table is never shown: it is within a transaction that is undone.
        touched = [sql for sql in connector.statements if '"RAW"."ORDERS"' in sql]
        within = "BEGIN" in whole[:cut]
        assert bool(touched) == within
        assert connector.statements.count("ROLLBACK") == (tries if within else 0)


def test_a_load_that_snowflake_refuses_is_not_tried_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def answers(_: int, sql: str) -> list[Any]:
        if sql.startswith("COPY"):
            raise errors.ProgrammingError(msg="Numeric value 'x' is not recognized", errno=100038)
        return []

    connector = Connector(answers=answers)
    with pytest.raises(errors.ProgrammingError):
        load(adapter(monkeypatch, connector), tmp_path)
    assert len(connector.given) == 1


@pytest.mark.parametrize("declared", [None, "the month's close"])
def test_a_models_statements_are_tagged_with_the_model(declared: str | None) -> None:
    sent: list[str] = []

    class Returned(Exception):
        pass

    def leave(value: object) -> None:
        raise Returned(value)

    def literal(text: str) -> str:
        return text.replace("\\", "\\\\").replace("'", "''")

    source = (REPOSITORY / "dbt_project/macros/query_tag.sql").read_text()
    environment = jinja2.Environment(extensions=["jinja2.ext.do"])
    base = {"app": "dataplatform", "pipeline": "it's", "run": "r"}
    module = environment.from_string(source.split("{# The inside")[0]).make_module(
        {
            "env_var": lambda *_: json.dumps(base),
            "fromjson": lambda text, default=None: json.loads(text) if text else default,
            "tojson": json.dumps,
            "run_query": sent.append,
            "tag_literal": literal,
            "config": {"query_tag": declared},
            "model": {"schema": "CANDIDATE", "name": "fct_orders", "alias": "fct_orders"},
            "return": leave,
        }
    )
    with pytest.raises(Returned):
        module.snowflake__set_query_tag()  # type: ignore[attr-defined]
    module.snowflake__unset_query_tag(None)  # type: ignore[attr-defined]
    told = {**base, "asset": "candidate.fct_orders"} | ({"tag": declared} if declared else {})
    assert sent == [
        f"alter session set query_tag = '{literal(json.dumps(told))}'",
        f"alter session set query_tag = '{literal(json.dumps(base))}'",
    ]
