"""What dbt reads of contracts: a test of each, and its columns in the model's yml.

Each contract of a model gives one committed file in ``dbt_project/tests/contracts``: one scan with
all its rules, and with what monitors measure, in each warehouse's SQL, handed to the macro
``contract_scan``. So ``dbt build`` alone keeps the promise that the platform keeps. Rules only
Great Expectations can evaluate run after dbt and are left out here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dataplatform.checks import families
from dataplatform.checks.contract_rules import checks_of, scan_checks
from dataplatform.checks.dialects import DIALECTS, Dialect
from dataplatform.checks.portable_sql import NotPortable
from dataplatform.checks.predicates import pieces
from dataplatform.checks.samples import key_parts
from dataplatform.checks.scope import DAYS, by_day, limited, partition_column
from dataplatform.checks.spec import Check
from dataplatform.checks.sql_rules import with_table
from dataplatform.declarations.errors import UserError
from dataplatform.keys import layer_of
from dataplatform.quality.compile_measures import compiled_measures, measured_families
from dataplatform.quality.contract_yml import enforced

if TYPE_CHECKING:
    from dataplatform.declarations.contract import Contract
    from dataplatform.declarations.project import Project

FOLDER = "tests/contracts"


def of_model(contract: Contract) -> bool:
    """Whether dbt builds the contract's table."""
    return layer_of(contract.relation) not in {"raw", "lake_raw", "marts", "curated"}


def test_name(contract: Contract) -> str:
    """Return the name of the dbt test that a contract compiles to."""
    return f"contract_{contract.relation.table}"


def compiled(contract: Contract, project: Project | None = None) -> str:
    """Return the text of a contract's dbt test.

    Args:
        contract: the contract of a table that dbt builds.
        project: says whether the table is watched, and so measured; None to judge its rules alone.
    """
    checks = scan_checks(checks_of(contract))
    day = partition_column(contract)
    if day is not None:
        checks = [limited(check, DAYS, "") if by_day(check) else check for check in checks]
    by_dialect = {
        name: "[\n"
        + "".join(f"  {_jinja(_rule(check, place, sql))},\n" for place, check in enumerate(checks))
        + "]"
        for name, sql in DIALECTS.items()
    }
    measured = {
        name: _figures({} if project is None else compiled_measures(project, contract, sql))
        for name, sql in DIALECTS.items()
    }
    used = sorted(
        {
            str(family)
            for check in checks
            if check.metric == "schema"
            for kind in check.arguments["types"].values()
            if (family := families.family_of(kind))
        }
        | {*(measured_families(contract).values() if project is not None else ())}
    )
    accepted = {family: sorted(families.ACCEPTED[family]) for family in used}
    source = contract.file.as_posix()
    return (
        f"{{#- Compiled from {source}: do not edit, run `dataplatform contract compile`. -#}}\n"
        f"{{{{ config(severity='error', tags=['contract'], meta={{'contract': {source!r}}}) }}}}\n"
        f"{{%- set families = {_jinja(accepted)} -%}}\n"
        + "".join(
            f"{{%- {'elif' if place else 'if'} target.type == '{name}' -%}}\n"
            f"{{%- set rules = {by_dialect[name]} -%}}\n"
            f"{{%- set measures = {measured[name]} -%}}\n"
            for place, name in enumerate(DIALECTS)
        )
        + "{%- endif -%}\n"
        f"{{{{ contract_scan(ref('{contract.relation.table}'), rules, families"
        ", measures=measures" + (f", day={day!r}" if day is not None else "") + ") }}\n"
    )


def _figures(measures: Mapping[str, Any]) -> str:
    """Write measures with each figure on a line of its own, so that changes can be read."""
    if not measures:
        return "{}"
    head = _jinja({name: value for name, value in measures.items() if name != "figures"})
    lines = "".join(f"  {_jinja(figure)},\n" for figure in measures["figures"])
    return f'{head[:-1]}, "figures": [\n{lines}]}}'


def _jinja(value: Any) -> str:
    """Write a value as a Jinja literal; JSON without null is one."""
    # Jinja would read a comment's or a block's end inside nothing but text: strings are safe.
    return json.dumps(value, ensure_ascii=False)


def _rule(check: Check, place: int, sql: Dialect) -> dict[str, Any]:
    shared = {
        "name": check.name,
        "relation": str(check.relation),
        "severity": check.severity,
        "expected": check.expected,
    }
    table = sql.relation(check.relation)
    if check.metric == "schema":
        types = [
            [name, kind, families.family_of(kind) or ""]
            for name, kind in check.arguments["types"].items()
        ]
        return {**shared, "types": types, "reproduce": f"select * from {table} limit 0"}
    if check.metric == "columns":
        listed = _listed(check.arguments)
        return {**shared, "listed": listed, "reproduce": f"select * from {table} limit 0"}
    try:
        piece = pieces(check, place, sql)
    except NotPortable as error:
        return {**shared, "refused": str(error), "reproduce": f"select * from {table} limit 0"}
    return {
        **shared,
        "columns": [column.lower() for column in check.columns],
        "aggregates": [f"{text} as {alias}" for alias, text in piece.aggregates.items()],
        "observed": piece.observed,
        "failing": piece.failing,
        "considered": piece.considered,
        "passed": piece.passed,
        "predicate": piece.predicate or "",
        "unique": check.metric == "nonunique_count",
        "key": key_parts(check, sql),
        "reproduce": with_table(piece.reproduce, table),
        **_set_aside(check),
    }


def _set_aside(check: Check) -> dict[str, Any]:
    """Say of a rule that its failing rows are set aside, and whether a key tells them apart."""
    quarantined = check.on_failure == "quarantine"
    return {"quarantine": True, "keyed": bool(check.key)} if quarantined else {}


def _listed(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """What a rule says of a table's columns, by the names that a warehouse may answer with."""
    listed = {name: value for name, value in arguments.items() if value is not None}
    if "names" in listed:
        listed["names"] = [name.lower() for name in listed["names"]]
    if "kinds" in listed:
        kinds = {kind for kind in families.KNOWN if families.same_name(kind) in listed["kinds"]}
        listed["kinds"] = sorted(kinds)
    return listed


def compile_all(project: Project) -> dict[Path, str]:
    """Return every file that the project's contracts compile to, with its text.

    Raises:
        UserError: two contracts would compile to one file.
    """
    contracts = [contract for contract in project.contracts if of_model(contract)]
    files: dict[Path, str] = {}
    for contract in contracts:
        path = project.dbt / FOLDER / f"{test_name(contract)}.sql"
        if path in files:
            raise UserError(f"Two contracts are about models named {contract.relation.table!r}.")
        files[path] = compiled(contract, project)
    return {**files, **enforced(project, contracts)}


def stale(project: Project) -> list[Path]:
    """Return the compiled files that are missing, out of date or left over."""
    files = compile_all(project)
    folder = project.dbt / FOLDER
    wrong = [
        path
        for path, text in files.items()
        if not path.is_file() or path.read_text(encoding="utf-8") != text
    ]
    return sorted([*wrong, *(path for path in folder.glob("contract_*.sql") if path not in files)])


def write(project: Project) -> list[Path]:
    """Bring the compiled files up to date; return those that changed."""
    files = compile_all(project)
    changed = stale(project)
    for path in changed:
        if path in files:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(files[path], encoding="utf-8")
        else:
            path.unlink()
    return changed
