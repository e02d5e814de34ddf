"""Files of the older form mean the same in the present one, or say what has no counterpart."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dataplatform.declarations.connection_seed import converted, minutes
from dataplatform.declarations.errors import DeclarationError
from dataplatform.declarations.yaml_file import YamlFile, read_yaml

OLDER = """\
connector_type: postgresql
destination_schema: RAW_SHOP
sync_frequency: "15min"
host: ${DB_HOST}
password: ${DB_PASSWORD}
enabled: false
tables:
  - orders
  - name: sales.lines
"""


def older(tmp_path: Path, text: str = OLDER) -> YamlFile:
    path = tmp_path / "shop.yml"
    path.write_text(text, encoding="utf-8")
    return read_yaml(path, tmp_path)


def columns(table: str) -> dict[str, Any]:
    return {"columns": {"id": "bigint"}}


def test_everything_that_is_said_is_kept(tmp_path: Path) -> None:
    content = converted(older(tmp_path), columns)
    assert {key: content[key] for key in content if key not in ("description", "owner")} == {
        "service": "postgres",
        "prefix": "raw_shop",
        "sync_frequency": 15,
        "paused": True,
        "config": {"host": "${DB_HOST}", "password": "${DB_PASSWORD}"},
        "tables": {
            "public.orders": {"columns": {"id": "bigint"}},
            "sales.lines": {"columns": {"id": "bigint"}},
        },
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [("15min", 15), ("15 minutes", 15), ("1h", 60), ("6 hours", 360), ("hourly", 60),
     ("daily", 1440), ("1d", 1440), ("30", 30), (5, 5)],
)  # fmt: skip
def test_frequencies_are_read_as_people_write_them(
    tmp_path: Path, text: Any, expected: int
) -> None:
    assert minutes(older(tmp_path), text) == expected


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (
            "15min",
            "7min",
            "shop.yml:3: sync_frequency '7min' is none of Fivetran's: write one",
        ),
        ("15min", "often", "shop.yml:3: sync_frequency 'often' is none of Fivetran's"),
        (
            "postgresql",
            "postgress",
            "shop.yml:1: 'postgress' is not a kind of source. Did you",
        ),
        ("enabled: false", "enabld: false", "shop.yml:6: 'enabld' is not a setting of an older"),
        ("destination_schema: RAW_SHOP\n", "", "shop.yml:1: the setting 'destination_schema'"),
        ("connector_type: postgresql\n", "", "shop.yml:1: the setting 'connector_type'"),
        ("  - orders\n", "  - 7\n", "shop.yml:8: a table of an older connection must be a name."),
    ],
)
def test_what_has_no_counterpart_is_one_sentence(
    tmp_path: Path, old: str, new: str, told: str
) -> None:
    with pytest.raises(DeclarationError) as error:
        converted(older(tmp_path, OLDER.replace(old, new)), columns)
    assert str(error.value).startswith(told)
