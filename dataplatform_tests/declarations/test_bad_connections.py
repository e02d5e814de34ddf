"""Malformed connection files: each ends in one sentence with file, line and a way out."""

# A case is easiest to compare when it stands on one line.
# ruff: noqa: E501

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest

from dataplatform.declarations.connection import load_connection
from dataplatform.declarations.connection_rules import SYNC_FREQUENCIES
from dataplatform.declarations.errors import DeclarationError

BASE = """\
service: postgres
prefix: raw_shop
description: The shop.
owner: team:shop
sync_frequency: 60
paused: false
config:
  host: db
  password: ${DB_PASSWORD}
tables:
  public.orders:
    description: Orders.
    sync_mode: soft_delete
    primary_key: [order_id]
    hashed: [email]
    excluded: [note]
    columns:
      order_id: bigint
      email: string
      amount: decimal(12,2)
"""
BUCKET = """\
service: s3
schema: raw_site
description: The site.
owner: team:site
config:
  bucket: raw
  files:
    - table_name: users
      file_pattern: users/.*
tables:
  users:
    columns:
      id: bigint
"""
OLDER = """\
connector_type: salesforce
destination_schema: RAW_SALESFORCE
sync_frequency: "15min"
tables: [Account, Contact]
"""


class Case(NamedTuple):
    """What is changed in a sound file, and what is told."""

    name: str
    old: str
    new: str
    line: int
    told: str
    base: str = BASE


CASES = [
    # --- the file as a whole
    Case("empty", BASE, "", 1, "the file is empty."),
    Case("a list", BASE, "- a\n", 1, "the file must hold settings (key: value), not a list."),
    Case("a word", BASE, "postgres", 1, "the file must hold settings (key: value), not a single value."),
    Case("not closed", "[order_id]", "[order_id", 15, "is not YAML:"),
    Case("tab", "  host", "\thost", 8, "the line begins with a tab: indent with spaces."),
    Case("key twice", "paused: false", "paused: false\npaused: true", 7, "'paused' is written twice."),
    Case("number as key", "      email: string", "      7: string", 19, "the key 7 must be text: put it in quotes."),
    Case("tag", "team:shop", "!!python/name:os.system x", 4, "this kind of YAML value"),
    Case("alias of nothing", "team:shop", "*nobody", 4, "is not YAML:"),
    # --- settings
    Case("misspelt setting", "paused: false", "pausd: false", 6, "'pausd' is not a setting of a connection. Did you mean 'paused'?"),
    Case("misspelt section", "paused: false", "datadelay: {sensitivity: low}", 6, "'datadelay' is not a setting of a connection. Did you mean 'data_delay'?"),
    Case("no service", "service: postgres\n", "", 1, "the setting 'service' of a connection is missing."),
    Case("no description", "description: The shop.\n", "", 1, "the setting 'description' of a connection is missing."),
    Case("no owner", "owner: team:shop\n", "", 1, "the setting 'owner' of a connection is missing."),
    Case("owner that is none", "team:shop", "the shop", 4, "'the shop' is no owner: write an e-mail address or team:<name>."),
    Case("word for a flag", "paused: false", "paused: no", 6, "paused must be true or false, not 'no'."),
    Case("text for a number", "sync_frequency: 60", "sync_frequency: 15min", 5, "sync_frequency must be a whole number, not '15min'."),
    Case("list for config", "config:\n  host: db\n  password: ${DB_PASSWORD}\n", "config: [a]\n", 7, "config must be settings (key: value), not a list."),
    Case("text for auth", "paused: false", "auth: secret", 6, "auth must be settings (key: value), not 'secret'."),
    # --- the service
    Case("misspelt service", "service: postgres", "service: postgress", 1, "'postgress' is not a kind of source. Did you mean 'postgres'?"),
    Case("misspelt application", "service: postgres", "service: hubspott", 1, "'hubspott' is not a kind of source. Did you mean 'hubspot'?"),
    Case("service as a title", "service: postgres", "service: Google Sheets", 1, "'Google Sheets' is not a kind of source, which Fivetran writes like google_sheets. Did you mean 'google_sheets'?"),
    Case("schema of a database", "prefix: raw_shop", "schema: raw_shop", 2, "a postgres connection has 'prefix', not 'schema'."),
    Case("prefix of a bucket", "schema: raw_site", "prefix: raw_site", 2, "a s3 connection has 'schema', not 'prefix'.", BUCKET),
    Case("no landing", "prefix: raw_shop\n", "", 1, "the setting 'prefix' of a postgres connection is missing."),
    Case("unsafe landing", "raw_shop", "Raw-Shop", 2, "'Raw-Shop' is not a safe name for a prefix:"),
    Case("landing of ours", "raw_shop", "marts", 2, "'marts' is a schema of the platform's own: choose another."),
    # --- when it is synced
    Case("frequency that is none", "sync_frequency: 60", "sync_frequency: 45", 5, f"sync_frequency must be one of {', '.join(map(str, SYNC_FREQUENCIES))} minutes, not 45."),
    Case("hour of an hourly sync", "paused: false", "daily_sync_time: '06:00'", 6, "daily_sync_time needs a sync_frequency of 1440 minutes."),
    Case("half an hour", "sync_frequency: 60", "sync_frequency: 1440\ndaily_sync_time: '06:30'", 6, "daily_sync_time must be a full hour like 06:00, not '06:30'."),
    Case("schedule type", "paused: false", "schedule_type: autom", 6, "schedule_type must be one of auto, manual, not 'autom'. Did you mean 'auto'?"),
    Case("freshness of nothing", "paused: false", "freshness: 0", 6, "freshness must be hours above 0, not 0."),
    Case("cron of four fields", "sync_frequency: 60", "schedule: {cron: '0 6 * *'}", 5, "'0 6 * *' is no cron: it needs five fields: minute, hour, day, month, weekday."),
    Case("cron out of bounds", "sync_frequency: 60", "schedule: {cron: '0 26 * * *'}", 5, "'0 26 * * *' is no cron: '26' is no hour (0 to 23)."),
    Case("time zone", "sync_frequency: 60", "schedule: {cron: '0 6 * * *', timezone: Europe/Berln}", 5, "'Europe/Berln' is not a time zone. Did you mean 'Europe/Berlin'?"),
    Case("cron and frequency", "paused: false", "schedule: {cron: '0 6 * * *'}", 5, "a connection has either sync_frequency or a schedule, which keeps the clock."),
    Case("cron and automatic", "sync_frequency: 60", "schedule_type: auto\nschedule: {cron: '0 6 * * *'}", 5, "a connection with a schedule is on manual: take schedule_type out."),
    Case("schedule without cron", "sync_frequency: 60", "schedule: {timezone: UTC}", 5, "the setting 'cron' of 'schedule' in a connection is missing."),
    Case("schedule as text", "sync_frequency: 60", "schedule: hourly", 5, "schedule must be settings (key: value), not 'hourly'."),
    # --- how late, by which way, what is trusted
    Case("sensitivity", "paused: false", "data_delay: {sensitivity: hihg}", 6, "data_delay.sensitivity must be one of low, normal, high, custom, sync_frequency, not 'hihg'. Did you mean 'high'?"),
    Case("custom without threshold", "paused: false", "data_delay: {sensitivity: custom}", 6, "data_delay with sensitivity custom needs a threshold in minutes."),
    Case("threshold without custom", "paused: false", "data_delay: {sensitivity: low, threshold: 5}", 6, "a threshold needs data_delay's sensitivity to be custom."),
    Case("threshold of nothing", "paused: false", "data_delay: {sensitivity: custom, threshold: 0}", 6, "threshold must be minutes above 0, not 0."),
    Case("way that is none", "paused: false", "networking: {method: SshTunel}", 6, "networking.method must be one of Directly, SshTunnel, PrivateLink, ProxyAgent, not 'SshTunel'. Did you mean 'SshTunnel'?"),
    Case("private link without one", "paused: false", "networking: {method: PrivateLink}", 6, "networking by PrivateLink needs the setting 'private_link_id'."),
    Case("agent without one", "paused: false", "networking: {method: ProxyAgent}", 6, "networking by ProxyAgent needs the setting 'proxy_agent_id'."),
    Case("link of another way", "paused: false", "networking: {method: Directly, private_link_id: a}", 6, "'private_link_id' is only for networking by PrivateLink."),
    Case("tunnel from nowhere", "paused: false", "networking: {method: SshTunnel}", 6, "networking by SshTunnel needs tunnel_host, tunnel_port and tunnel_user in config."),
    Case("misspelt trust", "paused: false", "trust: {certificate: true}", 6, "'certificate' is not a setting of 'trust' in a connection. Did you mean 'certificates'?"),
    Case("trust as a word", "paused: false", "trust: {certificates: always}", 6, "trust.certificates must be true or false, not 'always'."),
    Case("policy", "paused: false", "schema_changes: allow_column", 6, "schema_changes must be one of allow_all, allow_columns, block_all, not 'allow_column'. Did you mean 'allow_columns'?"),
    # --- tables and columns
    Case("no table", BASE[BASE.index("tables:"):], "tables: {}\n", 10, "the connection declares no table."),
    Case("tables as a list", BASE[BASE.index("tables:"):], "tables: [orders]\n", 10, "tables must be settings (key: value), not a list."),
    Case("table without schema", "public.orders", "orders", 11, "'orders' must be written as schema.table, such as public.orders."),
    Case("table of three parts", "public.orders", "db.public.orders", 11, "'db.public.orders' must be written as schema.table, such as public.orders."),
    Case("table with a quote", "  public.orders:", "  \"public.or'ders\":", 11, "\"public.or'ders\" is not a safe name for a table:"),
    Case("schema of a file's table", "  users:\n    columns", "  site.users:\n    columns", 8, "'users' is not among this connection's tables. Did you mean 'site.users'?", BUCKET),
    Case("misspelt mode", "soft_delete", "softdelete", 13, "tables.public.orders.sync_mode must be one of soft_delete, history, live, not 'softdelete'. Did you mean 'soft_delete'?"),
    Case("misspelt choice", "hashed:", "hash:", 15, "'hash' is not a setting of 'public.orders' in a connection. Did you mean 'hashed'?"),
    Case("choice as text", "hashed: [email]", "hashed: email", 15, "tables.public.orders.hashed must be a list, not 'email'."),
    Case("hash of nothing", "hashed: [email]", "hashed: [emial]", 15, "the hashed column 'emial' is not among the columns of 'public.orders'. Did you mean 'email'?"),
    Case("hash of a key", "hashed: [email]", "hashed: [order_id]", 15, "'order_id' is in the primary key of 'public.orders': a key cannot be hashed."),
    Case("hash of a number", "hashed: [email]", "hashed: [amount]", 15, "a hashed column arrives as text: declare 'amount' of 'public.orders' as string, not decimal(12,2)."),
    Case("hash twice", "hashed: [email]", "hashed: [email, email]", 15, "'email' is written twice in hashed of 'public.orders'."),
    Case("left out and declared", "excluded: [note]", "excluded: [amount]", 16, "'amount' of 'public.orders' is both declared and excluded: an excluded column does not arrive."),
    Case("left out by an unsafe name", "excluded: [note]", "excluded: ['no te']", 16, "'no te' is not a safe name for a column."),
    Case("key that is no column", "[order_id]", "[ordr_id]", 14, "the primary key column 'ordr_id' is not among the columns of 'public.orders'. Did you mean 'order_id'?"),
    Case("no columns", BASE[BASE.index("    columns:"):], "    columns: {}\n", 17, "the table 'public.orders' declares no column."),
    Case("columns as a list", BASE[BASE.index("    columns:"):], "    columns: [order_id]\n", 17, "tables.public.orders.columns must be settings (key: value), not a list."),
    Case("type that is none", "email: string", "email: text", 19, "'text' of 'email' is not a type."),
    Case("decimal without digits", "decimal(12,2)", "decimal", 20, "the decimal 'amount' needs its digits and places, as decimal(14,2)."),
    Case("decimal too long", "decimal(12,2)", "decimal(40,2)", 20, "'decimal(40,2)' of 'amount' must have 1 to 38 digits and no more places."),
    Case("unsafe column", "      email: string", "      e-mail: string", 19, "'e-mail' is not a safe name for a column:"),
    # --- files
    Case("no files", BUCKET[BUCKET.index("  files:"):BUCKET.index("tables:")], "", 5, "config.files must be a list of file patterns, one entry for each table.", BUCKET),
    Case("table without files", "  users:\n    columns", "  posts:\n    columns: {id: bigint}\n  users:\n    columns", 11, "the table 'posts' has no entry in config.files.", BUCKET),
    Case("misspelt pattern", "file_pattern", "file_patern", 9, "'file_patern' is not a setting of 'files' in a connection. Did you mean 'file_pattern'?", BUCKET),
    Case("pattern that is none", "users/.*", "'users/(.*'", 9, "file_pattern", BUCKET),
    # --- the older form
    Case("older form", "", "", 1, "'connector_type' is of an older form of connection files: `dataplatform connections convert config/connections/shop.yml` writes it in the present one.", OLDER),
    Case("older form by its schema", "connector_type: salesforce\n", "", 1, "'destination_schema' is of an older form of connection files:", OLDER),
]  # fmt: skip


def load(root: Path, text: str) -> None:
    path = root / "config" / "connections" / "shop.yml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    load_connection(path, root)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_malformed_file_is_one_sentence_with_its_line(case: Case, tmp_path: Path) -> None:
    assert case.old in case.base
    with pytest.raises(DeclarationError) as told:
        load(tmp_path, case.base.replace(case.old, case.new, 1))
    message = str(told.value)
    assert message.startswith(f"config/connections/shop.yml:{case.line}: {case.told}"), message
    assert "\n" not in message and len(message) < 400


def test_the_untouched_files_are_sound_and_enough_mistakes_are_tried(tmp_path: Path) -> None:
    load(tmp_path, BASE)
    load(tmp_path, BUCKET)
    assert len({case.name for case in CASES}) == len(CASES) >= 60


def test_a_file_of_every_optional_setting_is_sound(tmp_path: Path) -> None:
    more = (
        "schedule: {cron: '0 6 * * mon-fri', timezone: Europe/Berlin}\n"
        "data_delay: {sensitivity: custom, threshold: 90}\n"
        "networking: {method: ProxyAgent, proxy_agent_id: agent}\n"
        "trust: {certificates: true, fingerprints: true}\n"
        "schema_changes: block_all\nauth: {refresh_token: '${TOKEN}'}\n"
    )
    load(tmp_path, BASE.replace("sync_frequency: 60\n", more).replace("soft_delete", "history"))
    load(tmp_path, BUCKET.replace("service: s3", "service: a_source_of_tomorrow"))
