"""What connection files may say of files and sheets, and what they are told otherwise."""

from __future__ import annotations

from pathlib import Path

import pytest

from dataplatform.declarations.connection import load_connection
from dataplatform.declarations.errors import DeclarationError

SHEET = """\
service: google_sheets
schema: raw_prices
description: Prices that the buyers keep by hand.
owner: team:buying
config:
  sheet_id: ${PRICES_SHEET}
  named_range: prices
  table: prices
  secret_key: ${PRICES_SERVICE_ACCOUNT}
tables:
  prices:
    primary_key: [_row]
    columns:
      _row: bigint
      product: string
"""

BUCKET = """\
service: gcs
schema: raw_drop
description: Files that partners drop.
owner: team:partners
config:
  bucket: ${DROP_BUCKET}
  delimiter: ";"
  files:
    - table_name: orders
      file_pattern: orders/.*\\.csv(\\.gz)?
      encoding: cp1252
      append_file_option: append_file
tables:
  orders:
    columns:
      id: bigint
"""


def load(folder: Path, text: str) -> None:
    (folder / "drop.yml").write_text(text)
    load_connection(folder / "drop.yml", folder)


def test_sound_files(tmp_path: Path) -> None:
    load(tmp_path, SHEET)
    load(tmp_path, BUCKET)
    # What an account may hold, although the local service does not read it.
    load(tmp_path, BUCKET.replace('";"', '"||"').replace("encoding: cp1252", "file_type: avro"))


@pytest.mark.parametrize(
    ("text", "old", "new", "line", "told"),
    [
        (SHEET, "  named_range: prices\n", "", 5,
         "the setting 'named_range' of a google_sheets connection is missing."),
        (SHEET, "  table: prices", "  table: price", 8,
         "'price' is not this connection's table. Did you mean 'prices'?"),
        (SHEET, "tables:\n", "tables:\n  other: {columns: {a: string}}\n", 11,
         "a google_sheets connection reads one table, which config.table says is 'prices'."),
        (BUCKET, '";"', "7", 7, "delimiter must be a text, not 7."),
        (BUCKET, "cp1252", "cp-12520", 11, "'cp-12520' is not the name of a text encoding."),
        (BUCKET, "append_file\n", "append\n", 12,
         "append_file_option must be one of upsert_file, "),
        (BUCKET, "encoding:", "encodin:", 11, "Did you mean 'encoding'?"),
        (BUCKET, "      encoding: cp1252\n", "      primary_keys: [id]\n", 11,
         "primary_keys need append_file_option 'upsert_file_with_primary_keys'"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_line(
    tmp_path: Path, text: str, old: str, new: str, line: int, told: str
) -> None:
    assert old in text
    with pytest.raises(DeclarationError) as error:
        load(tmp_path, text.replace(old, new))
    assert str(error.value).startswith(f"drop.yml:{line}: ")
    assert told in str(error.value)
