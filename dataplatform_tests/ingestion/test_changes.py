"""What differs between files and an account, and that secrets stay secret."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import pytest

from dataplatform.declarations.project import Project
from dataplatform.ingestion.account.changes import (
    config_differences,
    declared_config,
    same,
    schema_differences,
)
from dataplatform.ingestion.account.secrets import SentSecrets


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


def test_a_masked_secret_counts_as_changed_only_when_its_fingerprint_differs(
    tmp_path: Path,
) -> None:
    secrets = SentSecrets(tmp_path, "local/shop")

    def differences() -> dict[str, tuple[Any, Any]]:
        return config_differences(
            {"password": "sesame", "host": "db"},
            {"password": "******", "host": "other"},
            lambda key, value: secrets.known("shop", key, value),
        )

    assert differences() == {
        "password": ("(secret)", "(secret)"),
        "host": ("other", "db"),
    }
    secrets.remember("shop", {"password": "sesame"})
    assert differences() == {"host": ("other", "db")}
    secrets.remember("shop", {"password": "changed"})
    assert "password" in differences()


def test_kept_fingerprints_hold_no_secret_and_only_their_owner_reads_them(
    tmp_path: Path,
) -> None:
    SentSecrets(tmp_path, "local/shop").remember("shop", {"password": "sesame"})
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert files
    for path in files:
        assert b"sesame" not in path.read_bytes()
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_secret_that_is_not_masked_is_not_shown_either() -> None:
    found = config_differences({"password": "new"}, {"password": "old"}, lambda k, v: True)
    assert found == {"password": ("(secret)", "(secret)")}


def live(name: str = "raw_shop_public", **enabled: bool) -> dict[str, Any]:
    return {
        "schema_change_handling": "ALLOW_COLUMNS",
        "schemas": {
            "public": {
                "name_in_destination": name,
                "enabled": True,
                "tables": {
                    table: {"name_in_destination": table, "enabled": on}
                    for table, on in enabled.items()
                },
            }
        },
    }


@pytest.mark.parametrize("name", ["raw_shop_public", "public"])
def test_only_declared_tables_are_synced(project: Project, name: str) -> None:
    shop = next(c for c in project.connections if c.name == "shop")
    config = live(name, orders=False, order_items=True, audit=True)
    changes, request, missing = schema_differences(shop, config)
    assert request == {
        "schemas": {
            "public": {"tables": {"orders": {"enabled": True}, "audit": {"enabled": False}}}
        }
    }
    assert len(changes) == 2 and missing == []
    settled = live(name, orders=True, order_items=True, audit=False)
    assert schema_differences(shop, settled) == ([], {}, [])


def test_a_table_that_the_source_does_not_offer_is_named(project: Project) -> None:
    shop = next(c for c in project.connections if c.name == "shop")
    assert schema_differences(shop, live(orders=True))[2] == ["public.OrderItems"]


def test_the_config_names_its_destination_and_resolves_references(
    project: Project,
) -> None:
    shop = next(c for c in project.connections if c.name == "shop")
    config = declared_config(shop, project.environment.resolve_all)
    assert config["schema_prefix"] == "raw_shop" and config["password"] == "sesame"
