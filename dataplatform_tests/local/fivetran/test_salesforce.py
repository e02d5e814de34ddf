"""The demo company's CRM, served as it is for the platform, through the running service."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dataplatform_tests.local.fivetran.conftest import Service, serve

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def crm() -> Iterator[tuple[dict[str, str], Path]]:
    from dataplatform.local.server import Crm
    from dataplatform.local.sources import crm_store
    from dataplatform.local.sources.sizes import Sizes

    with serve(Crm) as server:
        crm_store.make(server.directory, Sizes(seed=1, scale=0.3))
        config = {"domain": f"http://127.0.0.1:{server.port}", **server.credentials}
        yield config, crm_store.file_in(server.directory)


def write(file: Path, sql: str, *parameters: Any) -> None:
    with sqlite3.connect(file, timeout=10) as database:
        database.execute(sql, parameters)


def test_changes_and_deletes_are_followed(
    service: Service, crm: tuple[dict[str, str], Path]
) -> None:
    config, file = crm
    connection = service.connect("salesforce", {**config, "schema": "raw_salesforce"})
    first = service.sync(connection)
    assert first["status"] == "SUCCESSFUL", first
    assert set(first["by_table"]) == {"account", "contact", "opportunity", "lead"}
    with sqlite3.connect(file) as database:
        theirs = dict(database.execute("SELECT Id, Email FROM Contact").fetchall())
    assert len(theirs) > 2000  # More than one page.
    assert dict(service.rows("SELECT id, email FROM raw_salesforce.contact")) == theirs
    types = dict(row[:2] for row in service.rows("DESCRIBE raw_salesforce.contact"))
    assert types["birthdate"] == "DATE"
    assert types["system_modstamp"] == "TIMESTAMP WITH TIME ZONE"
    assert types["is_deleted"] == "BOOLEAN"
    assert "customer_external_id_c" in types
    before = service.rows("FROM raw_salesforce.contact ORDER BY ALL")
    assert all(t == (0, 0, 0) for t in service.sync(connection)["by_table"].values())
    assert service.rows("FROM raw_salesforce.contact ORDER BY ALL") == before

    live = [r[0] for r in service.rows(
        "SELECT id FROM raw_salesforce.contact WHERE NOT is_deleted ORDER BY id LIMIT 3"
    )]  # fmt: skip
    with sqlite3.connect(file) as database:
        (latest,) = database.execute("SELECT max(SystemModstamp) FROM Contact").fetchone()
    change = "UPDATE Contact SET {} , SystemModstamp = ? WHERE Id = ?"
    write(file, change.format("Email = 'x@example.com'"), latest, live[0])
    write(file, change.format("IsDeleted = 1"), latest, live[1])
    assert service.sync(connection)["by_table"]["contact"] == (0, 1, 1)
    rows = dict(service.rows("SELECT id, _fivetran_deleted FROM raw_salesforce.contact"))
    assert (rows[live[0]], rows[live[1]], rows[live[2]]) == (False, True, False)
    assert service.sync(connection)["by_table"]["contact"] == (0, 0, 0)

    write(file, "DELETE FROM Contact WHERE Id = ?", live[2])
    assert service.sync(connection)["by_table"]["contact"] == (0, 0, 1)
    assert service.sync(connection)["by_table"]["contact"] == (0, 0, 0)


def test_resync_and_only_chosen_tables(service: Service, crm: tuple[dict[str, str], Path]) -> None:
    config, _ = crm
    connection = service.connect("salesforce", {**config, "schema": "raw_salesforce"})
    path = f"/connections/{connection}"
    tables = {name: {"enabled": False} for name in ("Account", "Lead", "Opportunity")}
    columns = {"Email": {"enabled": False}}
    request = {"schemas": {"salesforce": {"tables": {**tables, "Contact": {"columns": columns}}}}}
    service.call("PATCH", f"{path}/schemas", request)
    assert set(service.sync(connection)["by_table"]) == {"contact"}
    assert "email" not in dict(row[:2] for row in service.rows("DESCRIBE raw_salesforce.contact"))
    service.call("POST", f"{path}/resync")
    assert service.wait(connection)["status"] == "SUCCESSFUL"
    columns = {"Email": {"enabled": True}}
    request = {"schemas": {"salesforce": {"tables": {"Contact": {"columns": columns}}}}}
    service.call("PATCH", f"{path}/schemas", request)
    assert service.sync(connection)["by_table"]["contact"][1] > 2000
    service.rows("DROP TABLE raw_salesforce.contact")
    assert service.sync(connection)["by_table"]["contact"][0] > 2000


def test_wrong_password(service: Service, crm: tuple[dict[str, str], Path]) -> None:
    config, _ = crm
    wrong = {**config, "password": "wrong-password", "schema": "raw_salesforce"}
    details = service.details(service.connect("salesforce", wrong))
    assert details["status"]["setup_state"] == "incomplete"
    assert "refuses the log-in" in details["status"]["tasks"][0]["message"]
    assert "wrong-password" not in str(details)
