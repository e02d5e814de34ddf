"""The running source systems as the oracle wants them: read through their own doors.

Nothing here knows the warehouse or the sync; what the rows must become is in ``oracle``.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from dataplatform_tests.oracle import Record, Sources

_CONTACT = (
    "SELECT Id, AccountId, FirstName, LastName, Email, Phone, Birthdate, Customer_External_Id__c, "
    "MailingCity, IsDeleted, CreatedDate, LastModifiedDate, SystemModstamp FROM Contact"
)


@contextmanager
def open_sources(services: dict[str, dict[str, Any]]) -> Iterator[Sources]:
    """Yield the sources as they stand, with an open connection to PostgreSQL.

    Args:
        services: what ``services.json`` says of the local servers.
    """
    import psycopg

    postgres = services["postgres"]
    login = {name: postgres[name] for name in ("host", "port", "user", "password")}
    with psycopg.connect(dbname=postgres["database"], **login) as connection:
        yield Sources(connection, _crm(services["crm"]), _community(services["community"]["url"]))


def _crm(crm: dict[str, Any]) -> dict[str, list[Record]]:
    form = {name: crm[name] for name in ("client_id", "client_secret", "username", "password")}
    with httpx.Client(base_url=crm["url"], timeout=60) as client:
        answer = client.post("/services/oauth2/token", data={"grant_type": "password", **form})
        client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        records: list[Record] = []
        page = client.get("/services/data/v60.0/queryAll", params={"q": _CONTACT}).json()
        while True:
            records += page["records"]
            if page["done"]:
                return {"Contact": records}
            page = client.get(page["nextRecordsUrl"]).json()


def _community(url: str) -> dict[str, list[Record]]:
    found: dict[str, list[Record]] = {"users": [], "posts": [], "comments": []}
    with httpx.Client(base_url=url, timeout=60) as client:
        for resource, rows in found.items():
            number = 1
            while True:
                answer = client.get(f"/{resource}", params={"_page": number, "_limit": 500})
                if answer.status_code == 429:
                    time.sleep(float(answer.headers["Retry-After"]))
                    continue
                page = answer.raise_for_status().json()
                if not page:
                    break
                rows.extend(page)
                number += 1
    return found
