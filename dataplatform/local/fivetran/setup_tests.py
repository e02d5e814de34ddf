"""Setup tests: those of a source or destination, and whether what they present is trusted.

The tests themselves are the services' and destinations' own; certificates and fingerprints are
read and compared in ``trust``. Nothing is stored here but what becomes trusted.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dataplatform.local.fivetran import trust
from dataplatform.local.fivetran.destination import open_destination
from dataplatform.local.fivetran.fields import Field
from dataplatform.local.fivetran.model import SetupTest, SyncFailure
from dataplatform.local.fivetran.runner import Runner
from dataplatform.local.fivetran.store import Document, Store

SETUP_TEST: Mapping[str, Field] = {
    "trust_certificates": Field("boolean"),
    "trust_fingerprints": Field("boolean"),
}
# What the tests find out about a connection, stored with it.
OUTCOME = ("setup_tests", "setup_state", "tasks")


def test_connection(
    store: Store, runner: Runner, connection: Document, request: Document
) -> Document:
    """Try a connection's set-up; return what was found, by the names of ``OUTCOME``.

    Args:
        store: where what is trusted is kept.
        runner: runs the source's own tests.
        connection: the document, changed in place, not stored.
        request: may say ``trust_certificates`` and ``trust_fingerprints``.
    """
    untrusted = trust.examine(store, connection, request)
    runner.run_setup_tests(connection)
    if untrusted:
        connection["setup_tests"] = [*untrusted, *connection["setup_tests"]]
    refused = [test for test in untrusted if test["status"] == "FAILED"]
    if refused:
        connection["setup_state"] = "incomplete"
        connection["tasks"] = [
            *({"code": test["code"], "message": test["message"]} for test in refused),
            *connection["tasks"],
        ]
    return {name: connection[name] for name in OUTCOME}


def test_destination(store: Store, destination: Document) -> list[dict[str, Any]]:
    """Try a destination's set-up and write its state into the document (not stored)."""
    try:
        tests = open_destination(destination["service"], destination["config"], store.folder).test()
    except SyncFailure as error:
        tests = [SetupTest("Validating the settings", "FAILED", str(error))]
    failed = any(test.status == "FAILED" for test in tests)
    destination["setup_status"] = "incomplete" if failed else "connected"
    return [test.as_json() for test in tests]
