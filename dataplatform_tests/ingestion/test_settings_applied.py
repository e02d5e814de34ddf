"""Each kind of setting through ``apply`` against a real service: sent, held, and then unchanged."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import psycopg
import pytest
import yaml

from dataplatform.declarations.local_services import read_services
from dataplatform.declarations.project import Project, open_project
from dataplatform.ingestion.apply import apply_connections, plan_connections
from dataplatform.resources.fivetran.workspace import open_client
from dataplatform_tests.local.fivetran.test_api_trust import KEY_BLOB, ssh_port
from dataplatform_tests.resources.local_servers import served_project

pytestmark = pytest.mark.slow
__all__ = ["ssh_port"]

SHOP: dict[str, Any] = {
    "service": "postgres",
    "prefix": "raw_shop",
    "description": "The shop.",
    "owner": "team:shop",
    "paused": True,
    "config": {
        name: f"${{local:postgres.{name}}}"
        for name in ("host", "port", "user", "password", "database")
    },
    "tables": {"public.orders": {"columns": {"id": "bigint"}}},
}


@pytest.fixture(scope="module")
def served() -> Iterator[Project]:
    files = {"connections/shop.yml": yaml.safe_dump(SHOP)}
    with served_project(["postgres", "fivetran"], files) as project:
        settings = read_services(project.state)["postgres"]
        named = {name: settings[name] for name in ("host", "port", "user", "password")}
        with psycopg.connect(dbname=settings["database"], autocommit=True, **named) as source:
            source.execute("CREATE TABLE orders (id bigint PRIMARY KEY)")
        yield project


class Applied:
    """A project whose connection and webhook are edited and applied."""

    def __init__(self, project: Project) -> None:
        self.project = project

    def connection(self, left: str = "", **edits: Any) -> dict[str, Any]:
        """Declare the connection anew, apply it, and return what the account then holds.

        Args:
            left: what is left to do afterwards.
            edits: settings of the file.
        """
        path = self.project.config / "connections" / "shop.yml"
        path.write_text(yaml.safe_dump({**SHOP, **edits}), encoding="utf-8")
        self.apply(left)
        client = open_client(self.project)
        group = client.get_groups()["items"][0]["id"]
        [item] = client.list_connectors_for_group(group)
        return dict(client.get_connector_details(item["id"]))

    def webhook(self, url: str, secret: str) -> list[dict[str, Any]]:
        """Declare the webhook, apply it, and return the account's."""
        path = self.project.config / "environments" / "local.yml"
        held = yaml.safe_load(path.read_text(encoding="utf-8"))
        held["fivetran"]["webhook"] = {"url": url, "secret": secret}
        path.write_text(yaml.safe_dump(held), encoding="utf-8")
        self.apply()
        return [dict(hook) for hook in open_client(self.project).pages("webhooks")]

    def apply(self, left: str = "") -> None:
        """Apply the files; afterwards nothing else is left to do."""
        apply_connections(open_project(self.project.root))
        assert self.planned() == ([left] if left else [])

    def planned(self) -> list[str]:
        """Return what a plan would do."""
        changes = plan_connections(open_project(self.project.root))
        return [change.sentence().split(":")[0] for change in changes if change.pending]


@pytest.fixture
def applied(served: Project) -> Applied:
    return Applied(served)


def test_networking_and_data_delay(applied: Applied) -> None:
    held = applied.connection(
        networking={"method": "ProxyAgent", "proxy_agent_id": "agent"},
        data_delay={"sensitivity": "custom", "threshold": 45},
    )
    assert (held["networking_method"], held["proxy_agent_id"]) == ("ProxyAgent", "agent")
    assert (held["data_delay_sensitivity"], held["data_delay_threshold"]) == ("CUSTOM", 45)
    # What a file no longer says is Fivetran's default again.
    held = applied.connection()
    assert (held["networking_method"], held["data_delay_sensitivity"]) == ("Directly", "NORMAL")


def test_auth_is_sent_masked_and_sent_again_when_it_changes(applied: Applied) -> None:
    held = applied.connection(auth={"client_access": {"client_secret": "first"}})
    assert "first" not in json.dumps(held) and held["auth"]
    path = applied.project.config / "connections" / "shop.yml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("first", "second"), encoding="utf-8")
    assert applied.planned() == ["change connection shop"]
    applied.connection(auth={"client_access": {"client_secret": "second"}})


def test_a_host_key_is_trusted_only_where_the_file_says_so(applied: Applied, ssh_port: int) -> None:
    through: dict[str, Any] = {
        "networking": {"method": "SshTunnel"},
        "config": {**SHOP["config"], "tunnel_host": "127.0.0.1", "tunnel_port": ssh_port},
    }
    live = applied.connection()["id"]
    approved = f"connections/{live}/fingerprints"
    client = open_client(applied.project)
    held = applied.connection(left="test connection shop", **through)
    assert "a fingerprint that nobody has approved" in held["status"]["tasks"][0]["message"]
    assert list(client.pages(approved)) == []
    applied.connection(**through, trust={"fingerprints": True})
    [key] = client.pages(approved)
    assert key["public_key"] == base64.b64encode(KEY_BLOB).decode()


@contextmanager
def receiver() -> Iterator[str]:
    """A server that takes every event."""

    class Taking(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Taking)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_a_webhook_is_made_and_changed(applied: Applied) -> None:
    with receiver() as url:
        [made] = applied.webhook(f"{url}/one", "secret-one")
        assert (made["url"], made["active"]) == (f"{url}/one", True)
        assert sorted(made["events"]) == [
            "connection_failure",
            "connection_successful",
            "sync_end",
        ]
        [moved] = applied.webhook(f"{url}/two", "secret-two")
        assert (moved["id"], moved["url"]) == (made["id"], f"{url}/two")
        assert "secret-two" not in json.dumps(moved)
