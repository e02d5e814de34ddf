"""Connections as code against a real service: import, edit, plan, apply; killed and repeated."""

from __future__ import annotations

import json
import os
import shutil
import signal
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import psycopg
import pytest
from typer.testing import CliRunner, Result

from dataplatform.cli.connections import app
from dataplatform.declarations.errors import UserError
from dataplatform.declarations.local_services import read_services
from dataplatform.declarations.project import Project, open_project
from dataplatform.ingestion.account.plan import Account, Listener, SetupResult
from dataplatform.ingestion.apply import apply_connections, carry_out, make_plan, plan_connections
from dataplatform.ingestion.drift.comparison import account_drift
from dataplatform.local import supervisor
from dataplatform.resources.fivetran.client import AccountClient
from dataplatform.resources.fivetran.transport import Retries
from dataplatform.resources.fivetran.workspace import open_client
from dataplatform_tests.resources.local_servers import served_project

pytestmark = pytest.mark.slow

DATABASE = "".join(
    f'  {name}: "${{local:postgres.{name}}}"\n'
    for name in ("host", "port", "user", "password", "database")
)
SHOP = f"""
service: postgres
prefix: raw_shop
description: The shop.
owner: team:shop
sync_frequency: 60
config:
{DATABASE}
tables:
  public.orders:
    primary_key: [order_id]
    hashed: [email]
    excluded: [note]
    columns: {{order_id: bigint, amount: "decimal(12,2)", email: string}}
  public.customers:
    primary_key: [customer_id]
    columns: {{customer_id: bigint, name: string}}
"""
STOCK = f"""
service: postgres
prefix: raw_stock
description: The stock.
owner: team:shop
schedule: {{cron: "15 */2 * * *", timezone: Europe/Berlin}}
config:
{DATABASE}
tables:
  public.parts:
    sync_mode: history
    primary_key: [id]
    columns: {{id: bigint}}
"""
FILES = {"connections/shop.yml": SHOP, "connections/stock.yml": STOCK}


@pytest.fixture(scope="module")
def served() -> Iterator[Project]:
    with served_project(["postgres", "fivetran"], FILES) as project:
        settings = read_services(project.state)["postgres"]
        named = {name: settings[name] for name in ("host", "port", "user", "password")}
        with psycopg.connect(dbname=settings["database"], autocommit=True, **named) as source:
            source.execute(
                "CREATE TABLE orders (order_id bigint PRIMARY KEY, amount numeric(12, 2), "
                "email text, note text)"
            )
            source.execute("CREATE TABLE customers (customer_id bigint PRIMARY KEY, name text)")
            source.execute("CREATE TABLE parts (id bigint PRIMARY KEY)")
            source.execute("INSERT INTO orders VALUES (1, 2.50, 'a@example.com', 'x')")
            source.execute("INSERT INTO parts VALUES (1)")
        yield project


@pytest.fixture
def project(served: Project, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    """The project with its first files and an account that holds what they say."""
    monkeypatch.setenv("DATAPLATFORM_PROJECT", str(served.root))
    monkeypatch.setenv("COLUMNS", "200")
    write(served, FILES)
    # A test may have dropped the memory of what was sent: secrets are then sent anew.
    forgotten = not (served.state / "connections" / "sent.json").exists()
    account = Account(open_project(served.root), open_client(served), rotate=forgotten)
    carry_out(account, make_plan(account))
    yield open_project(served.root)


def write(project: Project, files: Mapping[str, str]) -> None:
    folder = project.config / "connections"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name, text in files.items():
        (project.config / name).write_text(text, encoding="utf-8")


def call(*arguments: str, code: int = 0) -> Result:
    result = CliRunner().invoke(app, list(arguments))
    assert result.exit_code == code, (result.output, result.exception)
    return result


def planned(project: Project, **more: Any) -> list[str]:
    changes = plan_connections(open_project(project.root), **more)
    return [change.sentence() for change in changes if change.pending]


def edit(project: Project, name: str, *edits: tuple[str, str]) -> None:
    path = project.config / "connections" / f"{name}.yml"
    text = path.read_text(encoding="utf-8")
    for old, new in edits:
        assert old in text, f"{old!r} is not in {path}"
        text = text.replace(old, new, 1)
    path.write_text(text, encoding="utf-8")


FIVE = (
    ("sync_frequency: 60", "sync_frequency: 120\nschema_changes: block_all"),
    ("hashed: [email]", "sync_mode: history"),
    ("customer_id: bigint, name: string", "customer_id: bigint"),
)
FIVE_SENTENCES = {
    "change connection shop: sync_frequency 60 → 120",
    "change connection shop: schema_changes allow_columns → block_all",
    "change table raw_shop_public.orders: sync_mode soft_delete → history",
    "change column raw_shop_public.orders.email: hashed true → false",
    "change column raw_shop_public.customers.name: synced true → false",
}


def test_what_exists_is_imported_and_five_edits_are_planned_and_applied(project: Project) -> None:
    call("sync", "shop")
    # A stranger's repository: no files, no memory of what was sent.
    write(project, {})
    shutil.rmtree(project.state / "connections")
    told = call("plan").output
    assert "leave connection raw_shop: it is in the account and in no file" in told
    written = call("import").output
    assert "config/connections/shop.yml" in written and "SHOP_PASSWORD" in written
    assert "Nothing to import" in call("import").output
    imported = (project.config / "connections" / "shop.yml").read_text(encoding="utf-8")
    assert "sesame" not in imported and "decimal(12,2)" in imported and "hashed" in imported
    assert call("plan").output.endswith("Nothing to apply.\n")
    edit(
        project,
        "shop",
        ("sync_frequency: 60", "sync_frequency: 120\nschema_changes: block_all"),
        ("hashed:\n      - email\n", "sync_mode: history\n"),
        ("      name: string\n", ""),
    )
    assert set(planned(project)) == FIVE_SENTENCES
    assert len(json.loads(call("plan", "--json", code=3).output)) >= 5
    assert "5 applied." in call("apply").output
    assert planned(project) == []
    assert "Nothing to apply." in call("apply").output


def test_an_import_needs_no_secret_that_was_sent_before(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    call("apply", "--rotate")
    write(project, {})
    call("import")
    monkeypatch.delenv("SHOP_PASSWORD", raising=False)
    assert call("plan").output.endswith("Nothing to apply.\n")


def test_a_secret_is_unknown_after_an_import_and_sent_anew_when_asked(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.rmtree(project.state / "connections")
    assert planned(project) == []
    told = call("plan").output
    assert "leave config.password of connection shop: only --rotate can tell" in told
    assert (
        "config.password is a secret that is sent anew" in call("plan", "--rotate", code=3).output
    )
    password = read_services(project.state)["postgres"]["password"]
    shown = call("apply", "--rotate").output
    assert "Nothing to apply." not in shown and password not in shown
    assert "only --rotate" not in call("plan").output
    # From now on another secret is noticed, and only its being another is told.
    edit(project, "shop", ('"${local:postgres.password}"', "open-sesame"))
    changed = call("plan", code=3).output
    assert "config.password is a secret" in changed and "open-sesame" not in changed


class Mortal(AccountClient):
    """A client whose service is killed when it has been asked for so many changes."""

    left = 0
    victim = 0

    def _make_request(self, method: str, *arguments: Any, **named: Any) -> Any:
        if method != "GET":
            if self.left == 0:
                os.kill(self.victim, signal.SIGKILL)
            self.left -= 1
        return super()._make_request(method, *arguments, **named)


def killed_after(project: Project, requests: int) -> None:
    """Apply with a service that dies before the given request, then start it again."""
    record = read_services(project.state)["fivetran"]
    client = Mortal(
        record["url"], record["api_key"], record["api_secret"], retries=Retries(attempts=0)
    )
    client.left, client.victim = requests, int(record["pid"])
    with pytest.raises(UserError, match="cannot be reached"):
        apply_connections(open_project(project.root), client)
    supervisor.start(project)


@pytest.mark.parametrize("requests", [0, 1])
def test_a_service_killed_in_the_middle_of_changes_is_brought_in_line_later(
    project: Project, requests: int
) -> None:
    edit(project, "shop", *FIVE)
    assert set(planned(project)) == FIVE_SENTENCES
    killed_after(project, requests)
    left = planned(project)
    assert 0 < len(left) <= 5 and set(left) <= FIVE_SENTENCES
    assert len(left) == (5, 4)[requests]
    call("apply")
    assert planned(project) == []


@pytest.mark.parametrize("requests", [1, 3])
def test_a_service_killed_while_a_connection_is_made_ends_with_one_connection(
    project: Project, requests: int
) -> None:
    write(
        project, {**FILES, "connections/depot.yml": STOCK.replace("raw_stock", f"raw_d{requests}")}
    )
    assert planned(project) == ["create connection depot"]
    killed_after(project, requests)
    # Whatever was made so far stays paused: nothing undeclared is synced in between.
    client = open_client(project)
    group = client.get_groups()["items"][0]["id"]
    made = [c for c in client.list_connectors_for_group(group) if c["schema"] == f"raw_d{requests}"]
    assert [one["paused"] for one in made] == [True]
    assert planned(project)
    call("apply")
    assert planned(project) == []
    made = [c for c in client.list_connectors_for_group(group) if c["schema"] == f"raw_d{requests}"]
    assert [one["paused"] for one in made] == [False]
    write(project, FILES)
    call("apply", "--allow-destroy")


def test_only_what_was_made_from_here_is_deleted_and_only_when_allowed(project: Project) -> None:
    client = open_client(project)
    group = client.get_groups()["items"][0]["id"]
    stranger = client.call(
        "POST",
        "connections",
        {"service": "postgres", "group_id": group, "paused": True, "run_setup_tests": False,
         "config": {"schema_prefix": "raw_theirs", "host": "h", "port": 1, "user": "u",
                    "password": "p", "database": "d"}},
    )  # fmt: skip
    depot = STOCK.replace("raw_stock", "raw_depot")
    write(project, {**FILES, "connections/depot.yml": depot})
    call("apply")
    write(project, FILES)
    assert planned(project) == [
        "keep connection depot: its file is gone, and --allow-destroy was not given"
    ]
    assert "--allow-destroy" in call("apply", code=3).output
    schemas = {one["schema"] for one in client.list_connectors_for_group(group)}
    assert {"raw_depot", "raw_theirs"} <= schemas
    assert "- delete connection depot" in call("plan", "--allow-destroy", code=3).output
    call("apply", "--allow-destroy")
    schemas = {one["schema"] for one in client.list_connectors_for_group(group)}
    assert "raw_depot" not in schemas and "raw_theirs" in schemas
    client.call_connection("DELETE", stranger["id"])


def test_setup_tests_are_shown_and_a_failed_one_is_a_sentence(project: Project) -> None:
    told: list[SetupResult] = []
    edit(project, "shop", ('"${local:postgres.password}"', "wrong"))
    account = Account(open_project(project.root), open_client(project))
    carry_out(account, make_plan(account), Listener(test=told.append))
    assert any(one.status == "FAILED" and one.subject == "connection shop" for one in told)
    assert "wrong" not in "".join(one.message for one in told)
    assert [one.split(":")[0] for one in planned(project)] == ["test connection shop"]
    call("test", "shop", code=1)
    write(project, FILES)
    assert "✓ connection shop" in call("apply").output
    assert "shop is set up." in call("test", "shop").output


def test_what_somebody_changed_by_hand_is_drift(project: Project) -> None:
    assert {name: one.told() for name, one in account_drift(project).items()} == {
        "shop": "as declared",
        "stock": "as declared",
    }
    call("pause", "shop")
    client = open_client(project)
    group = client.get_groups()["items"][0]["id"]
    shop = next(c for c in client.list_connectors_for_group(group) if c["schema"] == "raw_shop")
    body = {"schemas": {"public": {"tables": {"orders": {"enabled": False}}}}}
    client.call_connection("PATCH", shop["id"], "/schemas", body)
    found = account_drift(project)["shop"]
    assert "resume connection shop" in found.sentences
    assert "change table raw_shop_public.orders: synced false → true" in found.sentences
    assert "shop: " in call("drift", code=3).output
    call("apply")
    assert "as declared" in call("drift").output


def test_a_connection_is_worked_by_hand(project: Project) -> None:
    assert "synced in" in call("sync", "shop").output
    assert "raw_shop_public.orders: " in call("resync", "shop", "public.orders").output
    shown = call("logs", "shop").output
    assert "SUCCESSFUL" in shown and "raw_shop_public.orders" in shown
    states = {one["name"]: one for one in json.loads(call("status", "--json").output)}
    assert states["shop"]["state"] == "scheduled" and states["shop"]["next_at"]
    assert states["stock"]["next_at"] is None and states["shop"]["lag_hours"] < 1
    assert "by hand" in call("status").output
    assert "the next apply follows the file" in call("pause", "shop").output
    assert {"name": "shop", "state": "paused"}.items() <= json.loads(
        call("status", "--json").output
    )[0].items()
    assert "shop is resumed." in call("resume", "shop").output
    with pytest.raises(UserError, match=r"'shopp' is not a declared connection. .*'shop'"):
        CliRunner().invoke(app, ["sync", "shopp"], catch_exceptions=False)
    with pytest.raises(UserError, match=r"Did you mean 'public.orders'"):
        CliRunner().invoke(app, ["resync", "shop", "public.order"], catch_exceptions=False)


def test_an_older_file_is_refused_with_the_command_that_converts_it(
    project: Project, tmp_path: Path
) -> None:
    call("sync", "shop")
    older = (
        "connector_type: PostgreSQL\ndestination_schema: RAW_SHOP\nsync_frequency: 15min\n"
        "host: ${DB_HOST}\ntables: [orders, customers, later]\n"
    )
    path = project.config / "connections" / "shop.yml"
    path.write_text(older, encoding="utf-8")
    with pytest.raises(UserError, match=r"shop.yml:1: .*`dataplatform connections convert config"):
        _ = open_project(project.root).connections
    settings = read_services(project.state)["postgres"]
    named = {name: settings[name] for name in ("host", "port", "user", "password")}
    with psycopg.connect(dbname=settings["database"], autocommit=True, **named) as source:
        # Neither warehouse nor account has seen it: the account is asked to look once more.
        source.execute("CREATE TABLE IF NOT EXISTS later (id bigint PRIMARY KEY, said text)")
    call("convert", str(path))
    assert "taken for string: public.later.id, public.later.said" in path.read_text("utf-8")
    shop = next(c for c in open_project(project.root).connections if c.name == "shop")
    assert (shop.service, shop.prefix, shop.sync_frequency) == ("postgres", "raw_shop", 15)
    assert shop.config == {"host": "${DB_HOST}"}
    assert "amount" in {c for table in shop.tables for c in table.columns}
    later = next(table for table in shop.tables if table.name == "public.later")
    assert (list(later.columns), later.primary_key) == (["id", "said"], ["id"])
    with pytest.raises(UserError, match="in the present form already"):
        CliRunner().invoke(app, ["convert", str(path)], catch_exceptions=False)
