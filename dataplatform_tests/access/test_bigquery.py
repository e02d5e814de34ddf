"""On BigQuery: authorised views and access lists, as the API has them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

import pytest
from google.cloud import bigquery

from dataplatform.access.bigquery import authorised, compared
from dataplatform.access.bigquery_api import ClientDatasets
from dataplatform.access.items import Change, differences
from dataplatform.access.rights import Rights

TABLES = {
    ("marts", "dim_customers"): {"customer_id": "INT64", "email": "STRING", "country": "STRING"},
    ("staging", "stg_customers"): {"email": "STRING"},
}


class Google:
    """A project: datasets with access lists, and views."""

    def __init__(self) -> None:
        owner = {"role": "OWNER", "specialGroup": "projectOwners"}
        self.lists: dict[str, list[Any]] = {
            name: [dict(owner)] for name in ("marts", "staging", "versions", "raw_salesforce")
        }
        self.views: dict[str, str] = {}
        self.sent: list[Any] = []

    def names(self) -> list[str]:
        return list(self.lists)

    def entries(self, dataset: str) -> list[Any]:
        return list(self.lists[dataset])

    def change(self, dataset: str, add: Iterable[Any], remove: Iterable[Any]) -> None:
        kept = [one for one in self.lists[dataset] if one not in list(remove)]
        self.lists[dataset] = [*kept, *add]

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        if found := re.search(r"FROM `(\w+)`.INFORMATION_SCHEMA.COLUMNS", sql):
            return [
                (table, column, native)
                for (schema, table), columns in TABLES.items()
                if schema == found[1]
                for column, native in columns.items()
            ]
        if found := re.search(r"FROM `(\w+)`.INFORMATION_SCHEMA.VIEWS", sql):
            start = found[1] + "."
            return [(n[len(start) :], t) for n, t in self.views.items() if n.startswith(start)]
        if found := re.fullmatch(r"CREATE SCHEMA IF NOT EXISTS `(\w+)`", sql):
            self.lists.setdefault(found[1], [])
        elif found := re.fullmatch(r"CREATE OR REPLACE VIEW `(\w+)`.`(\w+)` AS (.*)", sql):
            self.views[f"{found[1]}.{found[2]}"] = found[3]
        elif found := re.fullmatch(r"DROP VIEW IF EXISTS `(\w+)`.`(\w+)`", sql):
            del self.views[f"{found[1]}.{found[2]}"]
        else:
            raise AssertionError(sql)
        return []


def _plan(google: Google, rights: Rights) -> list[Change]:
    return differences(*compared(google, google, rights, "acme"))


def _apply(google: Google, rights: Rights) -> list[Change]:
    changes = _plan(google, rights)
    for change in changes:
        for one in change.statements:
            if isinstance(one, str):
                google.execute(one)
            else:
                google.change(one["dataset"], one.get("add", ()), one.get("remove", ()))
    return changes


@pytest.fixture
def google(rights: Rights) -> Google:
    found = Google()
    _apply(found, rights)
    return found


def test_applying_once_leaves_nothing_to_do(google: Google, rights: Rights) -> None:
    assert _plan(google, rights) == []


def test_a_reader_is_let_into_views_alone(google: Google) -> None:
    marts = google.lists["marts"]
    assert {"role": "READER", "userByEmail": "ada@example.com"} not in marts
    assert authorised("acme", "as_analyst__marts") in marts
    assert authorised("acme", "as_analyst__marts") in google.lists["versions"]
    assert {"role": "READER", "userByEmail": "ada@example.com"} in google.lists["as_analyst__marts"]
    assert {"role": "WRITER", "userByEmail": "dataplatform"} in marts
    assert "as_analyst__staging" not in google.lists
    view = google.views["as_analyst__marts.dim_customers"]
    assert "CONCAT(LEFT(`email`, 1), '***')" in view and "`customer_id`, " in view
    german = google.views["as_analyst_de__marts.dim_customers"]
    assert german.endswith("WHERE (`country` = 'DE')")
    assert google.views["as_support__marts.dim_customers"].startswith(
        "SELECT `customer_id`, `email`, `country` FROM"
    )


def test_what_a_hand_changed_is_found_and_mended(google: Google, rights: Rights) -> None:
    google.lists["marts"].append({"role": "READER", "userByEmail": "eve@example.com"})
    google.lists["marts"].append({"role": "READER", "specialGroup": "allAuthenticatedUsers"})
    google.lists["as_analyst__marts"].clear()
    google.views["as_analyst__marts.dim_customers"] = "SELECT * FROM `marts`.`dim_customers`"
    google.views["as_analyst__marts.more"] = "SELECT 1"
    masked = "analyst reads marts.dim_customers as as_analyst__marts.dim_customers, email masked"
    assert sorted(change.sentence() for change in _plan(google, rights)) == [
        "ada@example.com reads as_analyst__marts, as analyst: is missing",
        f"{masked}: is not as declared",
        "eve@example.com is READER of marts: is not declared",
        "everybody is READER of marts: is not declared",
        "grace@example.com reads as_analyst__marts, as analyst: is missing",
        "the view as_analyst__marts.more: is not declared",
    ]
    _apply(google, rights)
    assert _plan(google, rights) == []


def test_a_list_is_changed_with_what_was_read() -> None:
    entry = bigquery.AccessEntry("READER", "userByEmail", "eve@example.com")

    class Client:
        def __init__(self) -> None:
            self.dataset = bigquery.Dataset("acme.marts")
            self.dataset.access_entries = [entry]

        def get_dataset(self, name: str) -> bigquery.Dataset:
            assert name == "marts"
            return self.dataset

        def update_dataset(self, dataset: bigquery.Dataset, fields: list[str]) -> None:
            assert fields == ["access_entries"]

    client = Client()
    datasets = ClientDatasets(client)
    ada = {"role": "READER", "userByEmail": "ada@example.com"}
    datasets.change("marts", [ada, authorised("acme", "as_x__marts")], [entry.to_api_repr()])
    assert datasets.entries("marts") == [ada, authorised("acme", "as_x__marts")]
