"""Documents of the data contract standard as others write them load unchanged, in every version.

The validator that the standard's own package ships is the judge of what a document may say.
"""

from __future__ import annotations

import copy
import json
from importlib import resources
from pathlib import Path

import jsonschema
import pytest
from ruamel.yaml import YAML

from dataplatform.checks.contract_rules import checks_of
from dataplatform.declarations.contract import contracts_in, load_contract
from dataplatform.declarations.errors import DeclarationError
from dataplatform.declarations.odcs import read_document
from dataplatform.quality.contract_notes import notes_in

FOLDER = Path(__file__).parent / "standard"
DOCUMENTS = sorted(path.name for path in FOLDER.glob("*.yaml"))


def by_name(path: str):
    """Return the checks of a document by table and name."""
    file = read_document(FOLDER / path, FOLDER)
    return {
        (contract.relation.table, check.name): check
        for contract in contracts_in(file)
        for check in checks_of(contract)
    }


def noted(path: str) -> dict[str, str]:
    """Return what nothing enforces, by its path in the document."""
    return {note.path: note.text for note in notes_in(read_document(FOLDER / path, FOLDER))}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_document_is_read_as_it_is_written(name):
    read = read_document(FOLDER / name, FOLDER)
    written = YAML(typ="safe").load((FOLDER / name).read_text())
    assert read.data == json.loads(json.dumps(written, default=str))
    assert [contract.index for contract in contracts_in(read)] == list(
        range(len(written.get("schema") or []))
    )


def test_rules_of_3_0_are_read_as_3_1_calls_them():
    checks = by_name("parcels-3.0.0.yaml")
    table = "t_parcel"
    assert checks[table, "parcel_id_null_count"].threshold.value == 0
    assert checks[table, "weight_unit_invalid_count"].arguments == {"values": ["kg", "lb"]}
    fewer = checks[table, "fewer_than_ten_parcels_twice"]
    assert (fewer.metric, fewer.threshold.operator, fewer.threshold.value) == (
        "duplicate_count", "lt", 10,
    )  # fmt: skip
    assert checks[table, "row_count"].threshold.operator == "ge"
    assert checks[table, "freshness"].threshold.value == 96
    assert checks[table, "retention"].columns == ("weighed_on",)
    assert checks["scan_event", "schema"].arguments["types"] == {"scanned_at": "timestamp"}


def test_names_of_the_warehouse_are_those_that_are_checked():
    checks = by_name("customers-3.0.2.yaml")
    table = "Customer Master"
    assert checks[table, "customer_no_unique"].columns == ("Customer No.",)
    limit = checks[table, "limit_eur_query"]
    assert limit.arguments["predicate"] == '"Limit (EUR)" > 500000'
    assert limit.severity == "WARN"
    file = read_document(FOLDER / "customers-3.0.2.yaml", FOLDER)
    (contract,) = contracts_in(file)
    assert contract.owner == "crm-data@example.com"
    assert contract.freshness_hours == 12
    assert [(one.deprecated, one.removed_after) for one in contract.columns][-1] == (
        "2025-06-30", "2026-06-30",
    )  # fmt: skip


def test_every_library_metric_of_3_1_becomes_a_check():
    checks = by_name("subscriptions-3.1.0.yaml")
    found = {name: check for (table, name), check in checks.items() if table == "subscription"}
    assert found["row_count"].threshold.upper == 1000000
    assert found["plan_id_missing_count"].arguments == {"values": ["", "n/a"]}
    assert (found["plan_id_missing_count"].unit, found["plan_id_missing_count"].severity) == (
        "percent", "WARN",
    )  # fmt: skip
    assert found["country_invalid_count"].arguments == {"values": ["DE", "FR"]}
    assert (
        found["query"]
        .arguments["query"]
        .startswith("SELECT SUM(amount) FROM __dataplatform_table__")
    )
    assert found["freshness"].threshold.value == 6
    lengths = found["country_column_value_lengths_to_equal"].arguments
    assert (lengths["min_length"], lengths["max_length"]) == (2, 2)


@pytest.mark.parametrize(
    ("name", "path", "says"),
    [
        ("parcels-3.0.0.yaml", "servers", "config/environments"),
        ("parcels-3.0.0.yaml", "roles", "grants"),
        ("parcels-3.0.0.yaml", "schema.0.quality.0", "no threshold"),
        ("parcels-3.0.0.yaml", "schema.0.properties.0.quality.0.schedule", "whenever the table"),
        ("parcels-3.0.0.yaml", "schema.0.properties.1.quality.0.ruleOwner", "not of the standard"),
        ("parcels-3.0.0.yaml", "schema.0.properties.2.encryptedName", "not looked at"),
        ("parcels-3.0.0.yaml", "slaProperties.4", "'elsewhere.day' is no column"),
        ("parcels-3.0.0.yaml", "slaProperties.5", "timeOfAvailability: it is told to people"),
        ("clicks-3.0.1.yaml", "team", "names no owner"),
        ("clicks-3.0.1.yaml", "schema.0.properties.1.properties", "inside an object"),
        ("clicks-3.0.1.yaml", "schema.0.properties.2.items", "inside a list"),
        ("clicks-3.0.1.yaml", "schema.0.properties.3.quality.0", "the engine 'soda'"),
        ("clicks-3.0.1.yaml", "schema.0.properties.3.quality.3", "no threshold"),
        ("customers-3.0.2.yaml", "schema.0.quality.0", "words for people"),
        ("customers-3.0.2.yaml", "slaProperties.1", "availability: it is told to people"),
        ("subscriptions-3.1.0.yaml", "schema.0.relationships", "not looked up"),
        ("subscriptions-3.1.0.yaml", "schema.0.properties.6.logicalTypeOptions.multipleOf",
         "multipleOf is not checked"),
    ],
)  # fmt: skip
def test_what_nothing_enforces_is_told(name, path, says):
    assert says in noted(name)[path]


SMALL = {
    "kind": "DataContract",
    "apiVersion": "v3.1.0",
    "id": "a",
    "version": "1.0.0",
    "status": "active",
    "team": {"name": "data", "members": [{"username": "a@b.de", "role": "owner"}]},
    "slaProperties": [{"property": "latency", "value": 4, "unit": "h"}],
    "support": [{"channel": "a", "url": "https://example.com"}],
    "roles": [{"role": "reader"}],
    "price": {"priceAmount": 1.5},
    "servers": [{"server": "s", "type": "duckdb", "database": "x"}],
    "tags": ["one"],
    "customProperties": [{"property": "p", "value": [1]}],
    "schema": [
        {
            "name": "t",
            "quality": [{"metric": "rowCount", "mustBeBetween": [1, 2]}],
            "properties": [
                {
                    "name": "c",
                    "logicalType": "string",
                    "logicalTypeOptions": {"minLength": 1},
                    "required": True,
                    "primaryKeyPosition": 1,
                    "relationships": [{"to": "u.c"}],
                    "quality": [
                        {"type": "sql", "query": "select 1", "mustBe": 1, "dimension": "accuracy"},
                        {"type": "custom", "engine": "soda", "implementation": "x"},
                    ],
                },
                {"name": "l", "logicalType": "array", "items": {"logicalType": "integer"}},
            ],
        }
    ],
}


def mutations(part, path=()):
    """Return where a document can be changed, and how: a key gone, one more, another value."""
    if isinstance(part, dict):
        yield path, "add"
        for key, value in part.items():
            yield (*path, key), "drop"
            yield from mutations(value, (*path, key))
    elif isinstance(part, list):
        for index, value in enumerate(part):
            yield from mutations(value, (*path, index))
    for kind in ("number", "text", "list", "settings"):
        yield path, kind


def mutated(path, kind):
    """Return the document with one change."""
    document = copy.deepcopy(SMALL)
    *before, last = path
    part = document
    for step in before:
        part = part[step]
    if kind == "drop":
        del part[last]
    elif kind == "add":
        part[last]["notOfTheStandard"] = 1
    else:
        part[last] = {"number": 7, "text": "seven", "list": [["x"]], "settings": {"x": 1}}[kind]
    return document


def test_the_standards_own_validator_refuses_what_we_refuse(tmp_path):
    """Every single change of a document is judged as the standard's own schema judges it."""
    schema = json.loads(
        resources.files("open_data_contract_standard").joinpath("schema.json").read_text()
    )
    validator = jsonschema.Draft201909Validator(schema)
    tried, apart = 0, []
    for path, kind in mutations(SMALL):
        if not path or path in (("status",), ("apiVersion",)):
            continue  # 3.2, whose schema this is, dropped the one and knows more of the other.
        if path[0] == "servers" and (kind == "add" or path[-1] == "database"):
            continue  # Each kind of server has settings of its own, which nothing here reads.
        if path[-1] == "logicalType" and kind == "drop":
            continue  # Without a type the schema asks of options what every type asks, at once.
        document = mutated(path, kind)
        (tmp_path / "c.yml").write_text(json.dumps(document))
        theirs = not validator.is_valid(document)
        try:
            read = read_document(tmp_path / "c.yml", tmp_path)
            if theirs:
                contracts_in(read)
            ours = False
        except DeclarationError as error:
            ours = True
            assert error.message.endswith((".", "?"))
        tried += 1
        if ours != theirs:
            apart.append((path, kind, theirs))
    assert apart == []
    assert tried > 200


def test_a_document_of_several_tables_is_kept_for_the_one_its_place_names(tmp_path):
    folder = tmp_path / "config" / "contracts" / "staging"
    folder.mkdir(parents=True)
    path = folder / "plan.yml"
    path.write_text((FOLDER / "subscriptions-3.1.0.yaml").read_text())
    contract = load_contract(path, tmp_path)
    assert (contract.index, str(contract.relation)) == (1, "staging.plan")
    assert [column.name for column in contract.columns] == ["id", "country"]
    path.rename(folder / "plans.yml")
    with pytest.raises(DeclarationError) as caught:
        load_contract(folder / "plans.yml", tmp_path)
    assert caught.value.message == "schema has no table 'plans'. Did you mean 'plan'?"
