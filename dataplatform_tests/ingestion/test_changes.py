"""What differs between files and an account, and that secrets stay secret."""

from __future__ import annotations

import stat
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dataplatform.declarations.connection import Connection
from dataplatform.declarations.project import Project
from dataplatform.ingestion.account.changes import SECRET, Change
from dataplatform.ingestion.account.secrets import KEY_VARIABLE, SentSecrets
from dataplatform.ingestion.account.settings import (
    Difference,
    declared_config,
    declared_settings,
    differences,
    same,
)
from dataplatform.ingestion.account.tables import table_differences


@pytest.fixture
def shop(project: Project) -> Connection:
    return next(c for c in project.connections if c.name == "shop")


@pytest.mark.parametrize(
    ("wanted", "held", "expected"),
    [
        (5432, "5432", True),
        (True, "true", True),
        (True, 1, False),
        ("a", None, False),
        ({"a": 1}, {"a": "1", "b": 2}, True),
        ([{"a": 1}], [{"a": 1}, {"a": 2}], False),
    ],
)
def test_settings_are_compared_by_meaning(wanted: Any, held: Any, expected: bool) -> None:
    assert same(wanted, held) is expected


def found(secrets: SentSecrets, declared: dict[str, Any], live: dict[str, Any]) -> list[Difference]:
    return differences(
        declared, live, lambda value: value, lambda path, v: secrets.knows("shop", path, v)
    )


def test_a_masked_secret_is_unknown_until_it_was_sent_and_then_told_by_its_fingerprint(
    tmp_path: Path,
) -> None:
    secrets = SentSecrets(tmp_path, "local/shop", tmp_path)
    declared = {"password": "sesame", "host": "db"}
    live = {"password": "******", "host": "other"}
    host = Difference("host", "other", "db")
    assert found(secrets, declared, live) == [
        Difference("password", SECRET, SECRET, unknown=True),
        host,
    ]
    secrets.remember("shop", {"password": "sesame"})
    assert found(secrets, declared, live) == [host]
    secrets.remember("shop", {"password": "another"})
    assert found(secrets, declared, live) == [Difference("password", SECRET, SECRET), host]


def test_nested_secrets_are_told_by_their_paths(tmp_path: Path) -> None:
    secrets = SentSecrets(tmp_path, "local/shop", tmp_path)
    declared = {"sources": [{"url": "a", "token": "t1"}, {"url": "b", "token": "t2"}]}
    secrets.remember("shop", declared)
    live = {"sources": [{"url": "a", "token": "******"}, {"url": "b", "token": "******"}]}
    assert found(secrets, declared, live) == []
    declared["sources"][1]["token"] = "t3"
    told = found(secrets, declared, live)
    assert [(one.path, one.key) for one in told] == [("sources.1.token", "sources")]


def test_an_unknown_secret_is_never_resolved(tmp_path: Path) -> None:
    def refuse(value: Any) -> Any:
        raise AssertionError(f"{value} was resolved")

    told = differences(
        {"password": "${UNSET}"}, {"password": "******"}, refuse, lambda path, value: "unknown"
    )
    assert [one.unknown for one in told] == [True]


def test_kept_fingerprints_hold_no_secret_and_only_their_owner_reads_them(tmp_path: Path) -> None:
    SentSecrets(tmp_path, "local/shop", tmp_path).remember("shop", {"password": "sesame"})
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert files
    for path in files:
        assert b"sesame" not in path.read_bytes()
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_fingerprints_are_keyed_and_the_key_may_come_from_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(KEY_VARIABLE, "one key of the team")
    SentSecrets(tmp_path, "a", tmp_path).remember("shop", {"password": "sesame"})
    assert not (tmp_path / "connections" / "key").exists()
    assert SentSecrets(tmp_path, "a", tmp_path).knows("shop", "password", "sesame") == "same"
    assert SentSecrets(tmp_path, "b", tmp_path).knows("shop", "password", "sesame") == "unknown"
    monkeypatch.setenv(KEY_VARIABLE, "another key")
    assert SentSecrets(tmp_path, "a", tmp_path).knows("shop", "password", "sesame") == "changed"


def test_a_secret_that_is_not_masked_is_not_shown_either() -> None:
    told = differences(
        {"password": "new"}, {"password": "old"}, lambda value: value, lambda path, v: "same"
    )
    assert told == [Difference("password", SECRET, SECRET)]
    sentence = Change("change", "connection", "shop", "config.password", SECRET, SECRET).sentence()
    assert sentence == "change connection shop: config.password is a secret that is sent anew"


def column(name: str, **more: Any) -> dict[str, Any]:
    return {"name_in_destination": name, "enabled": True, "hashed": False} | more


def live(name: str = "raw_shop_public", **enabled: Any) -> dict[str, Any]:
    return {
        "schema_change_handling": "ALLOW_COLUMNS",
        "schemas": {
            "public": {
                "name_in_destination": name,
                "enabled": True,
                "tables": {
                    table: {"name_in_destination": table}
                    | ({"enabled": on} if isinstance(on, bool) else {"enabled": True} | on)
                    for table, on in enabled.items()
                },
            }
        },
    }


def tables(request: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = request["schemas"]["public"]["tables"]
    return found


@pytest.mark.parametrize("name", ["raw_shop_public", "public"])
def test_only_declared_tables_are_synced(shop: Connection, name: str) -> None:
    config = live(name, orders=False, order_items=True, audit=True)
    told = table_differences(shop, config)
    assert tables(told.request) == {"orders": {"enabled": True}, "audit": {"enabled": False}}
    assert len(told.changes) == 2 and not told.missing
    settled = table_differences(shop, live(name, orders=True, order_items=True, audit=False))
    assert (settled.changes, settled.request, settled.missing) == ([], {}, {})


def test_where_everything_new_is_allowed_in_no_table_is_shut_out(shop: Connection) -> None:
    config = live(orders=True, order_items=True, audit=True) | {
        "schema_change_handling": "ALLOW_ALL"
    }
    assert table_differences(replace(shop, schema_changes="allow_all"), config).changes == []


def test_a_closed_schema_of_a_declared_table_is_opened(shop: Connection) -> None:
    config = live(orders=True, order_items=True)
    config["schemas"]["public"]["enabled"] = False
    told = table_differences(shop, config)
    assert told.request == {"schemas": {"public": {"enabled": True}}}
    assert len(told.changes) == 2


def test_a_table_that_the_source_does_not_offer_is_named(shop: Connection) -> None:
    told = table_differences(shop, live(orders=True))
    assert [table.name for table in told.missing.values()] == ["public.OrderItems"]


def orders(shop: Connection, **choices: Any) -> Connection:
    changed = [replace(t, **choices) if t.name == "public.orders" else t for t in shop.tables]
    return replace(shop, tables=changed)


def test_columns_are_hashed_and_left_out_as_declared(shop: Connection) -> None:
    columns = {
        "order_id": column("order_id", is_primary_key=True),
        "amount": column("amount"),
        "Note": column("note"),
    }
    config = live(orders={"columns": columns}, order_items=True)
    declared = orders(shop, hashed=["amount"], excluded=["note", "order_id"])
    told = table_differences(declared, config)
    # The key's column is never left out.
    assert tables(told.request)["orders"]["columns"] == {
        "amount": {"hashed": True},
        "Note": {"enabled": False},
    }
    assert [change.sentence() for change in told.changes] == [
        "change column raw_shop_public.orders.amount: hashed false → true",
        "change column raw_shop_public.orders.note: synced true → false",
    ]


def test_under_block_all_only_declared_columns_arrive(shop: Connection) -> None:
    columns = {
        "order_id": column("order_id", enabled=False),
        "amount": column("amount"),
        "note": column("note"),
        "locked": column("locked", enabled_patch_settings={"allowed": False}),
    }
    config = live(orders={"columns": columns}, order_items=True)
    told = table_differences(replace(shop, schema_changes="block_all"), config)
    assert told.request["schema_change_handling"] == "BLOCK_ALL"
    edits = tables(told.request)["orders"]["columns"]
    assert edits["note"] == {"enabled": False}
    assert edits["order_id"]["enabled"] is True
    assert "locked" not in edits


def test_a_declared_key_and_mode_are_asked_for(shop: Connection) -> None:
    columns = {
        "order_id": column("order_id", is_primary_key=False),
        "amount": column("amount", is_primary_key=True),
    }
    config = live(orders={"columns": columns, "sync_mode": "SOFT_DELETE"}, order_items=True)
    told = table_differences(orders(shop, sync_mode="history"), config)
    assert tables(told.request)["orders"] == {
        "sync_mode": "HISTORY",
        "columns": {"order_id": {"is_primary_key": True}, "amount": {"is_primary_key": False}},
    }


def test_the_config_names_its_destination(shop: Connection) -> None:
    assert declared_config(shop)["schema_prefix"] == "raw_shop"
    assert declared_settings(shop) == {"schedule_type": "auto", "sync_frequency": 60}
