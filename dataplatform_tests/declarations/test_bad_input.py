"""Every mistake in a declared file is one sentence with file, line and the nearest valid name."""

# A case is easiest to compare when it stands on one line.
# ruff: noqa: E501

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest

from dataplatform.declarations.errors import DeclarationError, UserError
from dataplatform.declarations.project import open_project

ENVIRONMENT = "config/environments/local.yml"
POSTGRES = "config/connections/production.yml"
BUCKET = "config/connections/community.yml"
CRM = "config/connections/crm.yml"
EXTRACT = "config/extracts/community.yml"
CONTRACT = "config/contracts/marts/customers_by_country.yml"
PIPELINE = "config/pipelines/daily.yml"


class Case(NamedTuple):
    """A file, what is changed in it, and what the user is told."""

    name: str
    file: str
    old: str
    new: str
    line: int
    told: str


CASES = [
    # --- any file
    Case("unknown key", POSTGRES, "sync_frequency:", "sync_freqency:", 6,
         "'sync_freqency' is not a setting of a connection. Did you mean 'sync_frequency'?"),
    Case("key twice", POSTGRES, "owner: team:data", "owner: team:data\nowner: team:shop", 6,
         "'owner' is written twice."),
    Case("a tab", POSTGRES, "  host:", "\thost:", 10,
         "the line begins with a tab: indent with spaces."),
    Case("empty", POSTGRES, "*", "", 1, "the file is empty."),
    Case("only a comment", POSTGRES, "*", "# nothing\n", 1, "the file is empty."),
    Case("a list", POSTGRES, "*", "- service: postgres\n", 1,
         "the file must hold settings (key: value), not a list."),
    Case("one word", POSTGRES, "*", "postgres\n", 1,
         "the file must hold settings (key: value), not a single value."),
    Case("bracket not closed", PIPELINE, "notify: []", "notify: [", 10,
         "is not YAML: expected the node content"),
    Case("key that is no text", POSTGRES, "      email: string", "      1: string", 22,
         "the key 1 must be text: put it in quotes."),
    Case("YAML tag", POSTGRES, "owner: team:data", "owner: !!python/object:os.system x", 5,
         "this kind of YAML value (a tag beginning with !) is not allowed."),
    Case("alias of nothing", POSTGRES, "owner: team:data", "owner: *team", 5, "is not YAML:"),
    Case("missing key", POSTGRES, "owner: team:data\n", "", 1,
         "the setting 'owner' of a connection is missing."),
    Case("text for a number", POSTGRES, "sync_frequency: 60", "sync_frequency: hourly", 6,
         "sync_frequency must be a whole number, not 'hourly'."),
    Case("number in quotes", POSTGRES, "sync_frequency: 60", "sync_frequency: '60'", 6,
         "sync_frequency must be a whole number, not '60'."),
    Case("number for text", POSTGRES, "owner: team:data", "owner: 12", 5,
         "owner must be text, not 12."),
    Case("nothing for text", POSTGRES, "owner: team:data", "owner:", 5,
         "owner must be text, not nothing."),
    Case("word for true or false", POSTGRES, "freshness: 26", "paused: yes", 7,
         "paused must be true or false, not 'yes'."),
    Case("text for a list", POSTGRES, "primary_key: [customer_id]", "primary_key: customer_id", 19,
         "tables.public.customers.primary_key must be a list, not 'customer_id'."),
    Case("list for settings", POSTGRES, "tables:\n", "tables: []\nothers:\n", 17,
         "'others' is not a setting of a connection. Did you mean 'trust'?"),
    # --- connections
    Case("unknown service", POSTGRES, "service: postgres", "service: postgresql", 2,
         "'postgresql' is not a kind of source. Did you mean 'postgres'?"),
    Case("schema of a database", POSTGRES, "prefix: raw_postgres", "schema: raw_postgres", 3,
         "a postgres connection has 'prefix', not 'schema'."),
    Case("prefix of a CRM", CRM, "schema: raw_salesforce", "prefix: raw_salesforce", 2,
         "a salesforce connection has 'schema', not 'prefix'."),
    Case("no schema", CRM, "schema: raw_salesforce\n", "", 1,
         "the setting 'schema' of a salesforce connection is missing."),
    Case("reserved schema", CRM, "schema: raw_salesforce", "schema: marts", 2,
         "'marts' is a schema of the platform's own: choose another."),
    Case("unknown frequency", POSTGRES, "sync_frequency: 60", "sync_frequency: 7", 6,
         "sync_frequency must be one of 1, 5, 15, 30, 60, 120, 180, 360, 480, 720, 1440 minutes,"
         " not 7."),
    Case("unknown schedule", POSTGRES, "freshness: 26", "schedule_type: automatic", 7,
         "schedule_type must be one of auto, manual, not 'automatic'. Did you mean 'auto'?"),
    Case("hour of an hourly sync", POSTGRES, "freshness: 26", "daily_sync_time: '06:00'", 7,
         "daily_sync_time needs a sync_frequency of 1440 minutes."),
    Case("hour that is none", POSTGRES, "sync_frequency: 60",
         "sync_frequency: 1440\ndaily_sync_time: '25:00'", 7,
         "daily_sync_time must be a full hour like 06:00, not '25:00'."),
    Case("negative freshness", POSTGRES, "freshness: 26", "freshness: -1", 7,
         "freshness must be hours above 0, not -1."),
    Case("owner that is none", POSTGRES, "owner: team:data", "owner: the data team", 5,
         "'the data team' is no owner: write an e-mail address or team:<name>."),
    Case("unknown extract", BUCKET, "after: [community]", "after: [comunity]", 6,
         "'comunity' is not an extract. Did you mean 'community'?"),
    Case("bad type", POSTGRES, "customer_id: bigint", "customer_id: bigit", 21,
         "'bigit' of 'customer_id' is not a type. Did you mean 'bigint'?"),
    Case("decimal without digits", POSTGRES, "customer_id: bigint", "customer_id: decimal", 21,
         "the decimal 'customer_id' needs its digits and places, as decimal(14,2)."),
    Case("decimal out of bounds", POSTGRES, "customer_id: bigint", "customer_id: decimal(4,9)", 21,
         "'decimal(4,9)' of 'customer_id' must have 1 to 38 digits and no more places."),
    Case("key not a column", POSTGRES, "[customer_id]", "[custmer_id]", 19,
         "the primary key column 'custmer_id' is not among the columns of 'public.customers'."
         " Did you mean 'customer_id'?"),
    Case("no tables", CRM, "tables:\n", "tables: {}\nconfig2:\n", 8,
         "'config2' is not a setting of a connection. Did you mean 'config'?"),
    Case("table without columns", CRM, "    columns:\n", "    columns: {}\n    cols:\n", 11,
         "'cols' is not a setting of 'Contact' in a connection. Did you mean 'columns'?"),
    Case("table without schema", POSTGRES, "  public.customers:", "  customers:", 17,
         "'customers' must be written as schema.table, such as public.customers."),
    Case("table with a schema", CRM, "  Contact:", "  sf.Contact:", 8,
         "'sf.Contact' must be a table's name alone, without a schema."),
    Case("injection in a table", POSTGRES, "  public.customers:",
         '  public.customers"; drop table x; --:', 17,
         "'public.customers\"; drop table x; --' is not a safe name for a table:"),
    Case("injection in a column", POSTGRES, "customer_id: bigint", "\"id; drop table x\": bigint", 21,
         "'id; drop table x' is not a safe name for a column:"),
    Case("quote in a schema", CRM, "schema: raw_salesforce", "schema: raw'salesforce", 2,
         "\"raw'salesforce\" is not a safe name for a schema:"),
    Case("dot in a prefix", POSTGRES, "prefix: raw_postgres", "prefix: raw.postgres", 3,
         "'raw.postgres' is not a safe name for a prefix:"),
    Case("tables that fall together", CRM, "tables:\n",
         "tables:\n  contact:\n    columns:\n      id: string\n", 11,
         "'Contact' and 'contact' would both land in raw_salesforce.contact."),
    Case("two connections in one schema", CRM, "schema: raw_salesforce", "schema: raw_community", 2,
         "'raw_community' is already the schema of config/connections/community.yml."),
    Case("bucket without files", BUCKET, "  files:\n", "  patterns:\n", 7,
         "config.files must be a list of file patterns, one entry for each table."),
    Case("unknown key of a file", BUCKET, "file_pattern:", "file_patern:", 11,
         "'file_patern' is not a setting of 'files' in a connection. Did you mean 'file_pattern'?"),
    Case("file of no table", BUCKET, "table_name: users", "table_name: user", 10,
         "'user' is not among this connection's tables. Did you mean 'users'?"),
    Case("pattern that is none", BUCKET, "community/users/.*", "'community/(.*'", 11,
         "file_pattern is not a regular expression: missing ), unterminated subpattern"),
    Case("table of no file", BUCKET, "tables:\n",
         "tables:\n  posts:\n    columns:\n      id: bigint\n", 13,
         "the table 'posts' has no entry in config.files."),
    Case("reference that is none", POSTGRES, "${PRODUCTION_DB_HOST}", "${PRODUCTION DB HOST}", 10,
         "${PRODUCTION DB HOST} is no reference: write ${NAME}."),
    # --- extracts
    Case("unknown kind", EXTRACT, "kind: rest", "kind: http", 1,
         "kind must be one of rest, python, not 'http'."),
    Case("no address", EXTRACT, "base_url: ${COMMUNITY_API_URL}\n", "", 1,
         "the setting 'base_url' of an extract of kind 'rest' is missing."),
    Case("module of a rest extract", EXTRACT, "base_url: ${COMMUNITY_API_URL}", "module: a:b", 4,
         "an extract of kind 'rest' has 'base_url', not 'module'."),
    Case("address that is none", EXTRACT, "${COMMUNITY_API_URL}", "community.example.com", 4,
         "'community.example.com' is not an address: it begins with http:// or https://."),
    Case("module that is none", EXTRACT, "kind: rest\n", "kind: python\nmodule: os.system\nx: 1\n", 3,
         "'x' is not a setting of an extract."),
    Case("unknown key of a resource", EXTRACT, "page_size: 100", "pagesize: 100", 9,
         "'pagesize' is not a setting of 'resources' in an extract. Did you mean 'page_size'?"),
    Case("no path", EXTRACT, "    path: users\n", "", 6,
         "the setting 'path' of the resource 'users' is missing."),
    Case("page of nothing", EXTRACT, "page_size: 100", "page_size: 0", 9,
         "page_size must be between 1 and 10000 rows."),
    Case("resource twice", EXTRACT, "resources:\n",
         "resources:\n  - {name: users, path: members}\n", 7,
         "the resource 'users' is declared twice."),
    Case("resource that leaves its folder", EXTRACT, "name: users", "name: ../users", 6,
         "'../users' is not a safe name for a resource."),
    Case("prefix that leaves the bucket", EXTRACT, "kind: rest", "kind: rest\nprefix: ../x", 2,
         "'../x' is not a safe folder in a bucket."),
    # --- environments
    Case("unknown warehouse", ENVIRONMENT, "type: duckdb", "type: duckbd", 3,
         "warehouse.type must be one of duckdb, ducklake, snowflake, bigquery, not 'duckbd'. Did you mean 'duckdb'?"),
    Case("warehouse without a type", ENVIRONMENT, "  type: duckdb\n", "", 2,
         "the setting 'type' of 'warehouse' in an environment is missing."),
    Case("unknown key of a warehouse", ENVIRONMENT, "  path: .data", "  file: .data", 4,
         "'file' is not a setting of 'warehouse' in an environment."),
    Case("unknown section", ENVIRONMENT, "lake:\n", "lakes:\n", 16,
         "'lakes' is not a setting of an environment. Did you mean 'lake'?"),
    Case("unknown local server", ENVIRONMENT, "  postgres: {port: auto}", "  postgre: {port: auto}", 32,
         "'postgre' is not a setting of 'local' in an environment. Did you mean 'postgres'?"),
    Case("port that is none", ENVIRONMENT, "  postgres: {port: auto}", "  postgres: {port: 99999}", 32,
         "local.postgres.port"),
    Case("server that is none", ENVIRONMENT, "${local:postgres.host}", "${local:postgrse.host}", 25,
         "'postgrse' is not a local server. Did you mean 'postgres'?"),
    Case("field that is none", ENVIRONMENT, "${local:postgres.host}", "${local:postgres.hots}", 25,
         "the local server 'postgres' has no 'hots'. Did you mean 'host'?"),
    Case("scale of nothing", ENVIRONMENT, "${DATAPLATFORM_DEMO_SCALE:-0.1}", "0", 38,
         "demo.scale must be greater than 0, not 0."),
    Case("scale in words", ENVIRONMENT, "${DATAPLATFORM_DEMO_SCALE:-0.1}", "small", 38,
         "demo.scale must be a number, not 'small'."),
    Case("scale from an unset name", ENVIRONMENT, "${DATAPLATFORM_DEMO_SCALE:-0.1}", "${NO_SUCH_X}",
         38, "NO_SUCH_X is not set in the environment."),
    Case("password and key", ENVIRONMENT, "  type: duckdb\n  path: .dataplatform/warehouse.duckdb",
         "  {type: snowflake, account: a, user: u, role: r, warehouse: w, database: d}", 2,
         "a Snowflake warehouse has one of 'password', 'private_key_path' and 'token'."),
    # --- pipelines
    Case("cron of four fields", PIPELINE, "cron: 0 6 * * *", "cron: 0 6 * *", 5,
         "'0 6 * *' is not a cron: it needs five fields: minute, hour, day, month, weekday."),
    Case("hour 25", PIPELINE, "cron: 0 6 * * *", "cron: 0 25 * * *", 5,
         "'0 25 * * *' is not a cron: '25' is no hour (0 to 23)."),
    Case("zone that is none", PIPELINE, "timezone: UTC", "timezone: Europe/Berln", 6,
         "'Europe/Berln' is not a time zone. Did you mean 'Europe/Berlin'?"),
    Case("zone that leaves its folder", PIPELINE, "timezone: UTC", "timezone: ../../etc/passwd", 6,
         "'../../etc/passwd' is not a time zone."),
    Case("empty selection", PIPELINE, "+key:\"curated/customers_by_country\"", "''", 3,
         "the selection is empty."),
    Case("quote not closed", PIPELINE, "customers_by_country\"", "customers_by_country", 3,
         "the selection has a quote or a bracket that is not closed."),
    Case("asset that nothing makes", PIPELINE, "customers_by_country", "customer_by_country", 3,
         "the selection names 'curated/customer_by_country', which nothing makes."
         " Did you mean 'curated/customers_by_country'?"),
    Case("too many retries", PIPELINE, "  max: 1", "  max: 99", 8,
         "retries.max must be between 0 and 10."),
    Case("retries before the end", PIPELINE, "delay_minutes: 5", "delay_minutes: -5", 9,
         "retries.delay_minutes must be between 0 and 1440."),
    Case("unknown key of retries", PIPELINE, "delay_minutes:", "delay:", 9,
         "'delay' is not a setting of 'retries' in a pipeline. Did you mean 'delay_minutes'?"),
    Case("whom nobody knows", PIPELINE, "notify: []", "notify: [webhok]", 10,
         "'webhok' cannot be notified: write an e-mail address or webhook."
         " Did you mean 'webhook'?"),
    # --- contracts
    Case("kind of something else", CONTRACT, "kind: DataContract", "kind: DataProduct", 1,
         "kind must be DataContract, not 'DataProduct'."),
    Case("version of something else", CONTRACT, "apiVersion: v3.1.0", "apiVersion: v2.2.2", 2,
         "apiVersion must be v3.1.0, not 'v2.2.2'."),
    Case("no id", CONTRACT, "id: marts.customers_by_country\n", "", 1,
         "the setting 'id' of a contract is missing."),
    Case("unknown key of a contract", CONTRACT, "slaProperties:", "slaProperty:", 14,
         "'slaProperty' is not a setting of a contract. Did you mean 'slaProperties'?"),
    Case("unknown key of a column", CONTRACT, "        unique: true", "        uniqe: true", 36,
         "'uniqe' is not a setting of 'properties' in a contract. Did you mean 'unique'?"),
    Case("unknown key of a rule", CONTRACT, "mustBeGreaterThan: 0", "mustBeGreater: 0", 27,
         "'mustBeGreater' is not a setting of 'quality' in a contract."
         " Did you mean 'mustBeGreaterThan'?"),
    Case("text for a yes", CONTRACT, "        unique: true", "        unique: often", 36,
         "schema.0.properties.0.unique must be true or false, not 'often'."),
    Case("another table's name", CONTRACT,
         "  - name: customers_by_country\n    physicalName: marts.customers_by_country",
         "  - name: customers", 19,
         "schema.0.name must be the file's own table 'customers_by_country', not 'customers'."),
    Case("logical type that is none", CONTRACT, "logicalType: string", "logicalType: strng", 31,
         "schema.0.properties.0.logicalType must be one of string, date, timestamp, time, number,"
         " integer, object, array, boolean, not 'strng'. Did you mean 'string'?"),
    Case("column twice", CONTRACT, "- name: reachable_count", "- name: customer_count", 48,
         "the column 'customer_count' is declared twice."),
    Case("column with a quote", CONTRACT, "- name: reachable_count", "- name: 'a\" from x --'", 48,
         "'a\" from x --' is not a safe name for a column."),
    Case("nobody owns it", CONTRACT, "team:\n  name: data\n  members:\n    - username: data@example.com\n"
         "      role: owner\n", "", 1,
         "the contract names no owner: give 'team' a name, or a member with role owner."),
    Case("unit of time that is none", CONTRACT, "unit: h", "unit: hs", 17,
         "'hs' is not a unit of time. Did you mean 'hrs'?"),
    Case("promise of nothing", CONTRACT, "value: 26", "value: 0", 16,
         "the latency must be above 0, not 0."),
    Case("metric that is none", CONTRACT, "metric: rowCount", "metric: rowsCount", 26,
         "metric must be one of nullValues, missingValues, invalidValues, duplicateValues, rowCount,"
         " not 'rowsCount'. Did you mean 'rowCount'?"),
    Case("metric of a column", CONTRACT, "metric: rowCount", "metric: nullValues", 26,
         "nullValues is a rule of a column, not of the table."),
    Case("no threshold", CONTRACT, "        mustBeGreaterThan: 0\n", "", 24,
         "the rule 'countries_are_there' needs exactly one threshold (mustBe…), not none."),
    Case("two thresholds", CONTRACT, "        mustBeGreaterThan: 0\n",
         "        mustBeGreaterThan: 0\n        mustBe: 3\n", 24,
         "the rule 'countries_are_there' needs exactly one threshold (mustBe…),"
         " not mustBe and mustBeGreaterThan."),
    Case("severity that is none", CONTRACT, "severity: error", "severity: eror", 28,
         "severity must be one of error, warning, not 'eror'. Did you mean 'error'?"),
    Case("type that is none", CONTRACT, "metric: rowCount", "type: sqll", 26,
         "schema.0.quality.0.type must be one of text, library, sql, custom, not 'sqll'."
         " Did you mean 'sql'?"),
    Case("pattern that cannot be read", CONTRACT, "'^[A-Z]{2}$'", "'^[A-Z{2}$'", 41,
         "pattern is not a regular expression: unterminated character set"),
    Case("argument that is none", CONTRACT, "{pattern:", "{patern:", 41,
         "'patern' is not an argument of invalidValues. Did you mean 'pattern'?"),
    Case("query that deletes", CONTRACT, "metric: rowCount", "type: sql\n        query: delete from x", 27,
         "a rule's query begins with SELECT or WITH."),
    Case("two queries", CONTRACT, "metric: rowCount",
         "type: sql\n        query: select 1; drop table x", 27,
         "a rule's query is one SELECT, without semicolons."),
    Case("expectation that is none", CONTRACT,
         "metric: rowCount\n        mustBeGreaterThan: 0",
         "type: custom\n        engine: greatExpectations\n        implementation:\n"
         "          type: expect_table_row_count_to_be_betwen", 29,
         "'expect_table_row_count_to_be_betwen' is not an expectation."
         " Did you mean 'expect_table_row_count_to_be_between'?"),
    Case("engine misspelt", CONTRACT,
         "metric: rowCount\n        mustBeGreaterThan: 0",
         "type: custom\n        engine: greatExpectation\n        implementation: {type: x}", 27,
         "engine must be one of greatExpectations, not 'greatExpectation'."
         " Did you mean 'greatExpectations'?"),
    Case("expectation of no column", CONTRACT,
         "metric: rowCount\n        mustBeGreaterThan: 0",
         "type: custom\n        engine: greatExpectations\n        implementation:\n"
         "          type: expect_column_values_to_not_be_null\n          kwargs: {column: contry}",
         30, "'contry' is not a column. Did you mean 'country'?"),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_mistake_is_told_with_its_line(case: Case, root: Path) -> None:
    path = root / case.file
    text = path.read_text()
    if case.old == "*":
        path.write_text(case.new)
    else:
        assert case.old in text, "the case no longer fits the file"
        path.write_text(text.replace(case.old, case.new, 1))

    with pytest.raises(DeclarationError) as caught:
        open_project(root).check()

    error = caught.value
    assert str(error) == f"{case.file}:{error.line}: {error.message}"
    assert "\n" not in str(error)
    said = (path.read_text().splitlines() or [""])[(error.line or 1) - 1]
    assert error.line == case.line, f"{error} [{said}]"
    if case.told[-1] in ".?":
        assert error.message == case.told
    else:
        assert case.told in error.message


def test_the_untouched_project_is_sound(root: Path) -> None:
    open_project(root).check()


def test_enough_mistakes_are_tried() -> None:
    assert len({case.name for case in CASES}) == len(CASES) >= 60


@pytest.mark.parametrize(
    ("name", "told"),
    [
        (
            "locl",
            "'locl' is not an environment: config/environments has local. Did you mean 'local'?",
        ),
        ("../local", "'../local' is not an environment: config/environments has local."),
    ],
)
def test_unknown_environment(
    root: Path, monkeypatch: pytest.MonkeyPatch, name: str, told: str
) -> None:
    monkeypatch.setenv("DATAPLATFORM_ENV", name)
    with pytest.raises(UserError) as caught:
        open_project(root).check()
    assert told in str(caught.value)


def test_two_connections_on_one_relation(root: Path) -> None:
    text = (root / CRM).read_text()
    text = text.replace("raw_salesforce", "raw_postgres_public").replace("Contact:", "Customers:")
    (root / CRM).write_text(text)
    with pytest.raises(DeclarationError) as caught:
        open_project(root).check()
    assert str(caught.value) == (
        "config/connections/production.yml:17: 'public.customers' would land in "
        "raw_postgres_public.customers, as a table of config/connections/crm.yml does."
    )


def test_contract_of_a_table_that_nothing_makes(root: Path) -> None:
    path = root / CONTRACT
    path.rename(path.with_name("customers_by_contry.yml"))
    with pytest.raises(DeclarationError) as caught:
        open_project(root).check()
    assert str(caught.value) == (
        "config/contracts/marts/customers_by_contry.yml:1: nothing makes the table "
        "marts.customers_by_contry. Did you mean 'marts.customers_by_country'?"
    )


def test_contract_out_of_its_place(root: Path) -> None:
    path = root / CONTRACT
    path.rename(root / "config/contracts/customers_by_country.yml")
    with pytest.raises(DeclarationError, match=r"a contract lies at config/contracts/<schema>/"):
        open_project(root).check()


def test_file_of_another_ending(root: Path) -> None:
    path = root / PIPELINE
    path.rename(path.with_suffix(".yaml"))
    with pytest.raises(DeclarationError) as caught:
        open_project(root).check()
    assert str(caught.value) == "config/pipelines/daily.yaml: is never read: name it .yml."


def test_file_with_a_strange_name(root: Path) -> None:
    path = root / CRM
    path.rename(path.with_name("crm; drop.yml"))
    with pytest.raises(DeclarationError, match="'crm; drop' is not a safe name for a connection"):
        open_project(root).check()


def test_file_that_is_no_text(root: Path) -> None:
    (root / PIPELINE).write_bytes(b"\xff\xfe\x00description")
    with pytest.raises(DeclarationError) as caught:
        open_project(root).check()
    assert str(caught.value) == "config/pipelines/daily.yml: is not a text file in UTF-8."


def test_missing_secret_names_the_line_that_uses_it(root: Path) -> None:
    environment = open_project(root).environment
    with pytest.raises(DeclarationError) as caught:
        environment.resolve("${CRM_PASSWORD}")
    assert str(caught.value).startswith(
        "config/connections/crm.yml:6: CRM_PASSWORD is not set, neither in the environment nor "
        "under 'variables' in config/environments/local.yml."
    )


def test_misspelt_name_is_told_the_nearest(root: Path) -> None:
    with pytest.raises(UserError, match="Did you mean 'PRODUCTION_DB_HOST'"):
        open_project(root).environment.resolve("${PRODUCTION_DB_HOTS}")


def test_folder_that_is_no_project(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is not a project: it has no folder config/environments"):
        open_project(tmp_path)
    with pytest.raises(UserError, match="does not exist"):
        open_project(tmp_path / "nowhere")
