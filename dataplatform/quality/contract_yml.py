"""Contracts of dbt models in the models' own yml, where dbt enforces them before it builds.

dbt refuses a model whose columns or types are not those of its yml, if the yml says that its
contract is enforced. So each model with a contract is given that word and every promised column.
An exact type written by hand stays as long as it is of the promised family, and so do comments,
tests, descriptions and columns that the contract does not promise.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dataplatform.checks import families
from dataplatform.declarations.naming import is_identifier

if TYPE_CHECKING:
    from ruamel.yaml import YAML

    from dataplatform.declarations.contract import Column, Contract
    from dataplatform.declarations.project import Project

#: The type of a family where nobody wrote an exact one; DuckDB and Snowflake read each of them.
PORTABLE = {
    "string": "varchar",
    "integer": "bigint",
    "number": "decimal(18,2)",
    "boolean": "boolean",
    "date": "date",
    "time": "time",
    "timestamp": "timestamp with time zone",
    "object": "json",
    "array": "json",
}


def enforced(project: Project, contracts: list[Contract]) -> dict[Path, str]:
    """Return the yml of each model with a contract, with its text as it must be.

    Args:
        project: the project.
        contracts: contracts of tables that dbt builds; those of other than SQL models are left
            out, because dbt enforces nothing there.
    """
    models = {path.stem: path for path in (project.dbt / "models").rglob("*.sql")}
    described = _described(project)
    texts: dict[Path, str] = {}
    for contract in sorted(contracts, key=lambda one: str(one.relation)):
        name = contract.relation.table
        if name not in models:
            continue
        path = described.get(name, models[name].with_suffix(".yml"))
        text = texts.get(path)
        if text is None:
            text = path.read_text(encoding="utf-8") if path.is_file() else _EMPTY.format(name=name)
        texts[path] = with_contract(text, contract)
    return texts


_EMPTY = "version: 2\n\nmodels:\n  - name: {name}\n"


def with_contract(text: str, contract: Contract) -> str:
    """Return a yml with one model's contract enforced.

    Args:
        text: the yml, which describes the model.
        contract: the contract of the model's table.
    """
    yaml = _round_trip()
    document = yaml.load(text)
    name = contract.relation.table
    model = next(one for one in document["models"] if one.get("name") == name)
    changed = _enforce(model)
    columns = model.get("columns")
    if columns is None:
        model["columns"] = columns = []
        changed = True
    present = {str(column["name"]).lower(): column for column in columns}
    for promised in contract.columns:
        found = present.get(promised.name.lower())
        if found is None:
            columns.append(_column(promised))
            changed = True
        elif not _keeps(promised, found.get("data_type")):
            _put(found, "data_type", data_type(promised), after="name")
            changed = True
    if not changed:
        return text
    written = io.StringIO()
    yaml.dump(document, written)
    return written.getvalue()


def data_type(column: Column) -> str:
    """Return the type to write for a promised column: its physical one, else its family's."""
    family = families.family_of(column.type)
    if column.physical_type and families.family_of(column.physical_type) == family:
        return column.physical_type.lower()
    return PORTABLE.get(family or "string", "varchar")


def untyped(project: Project, contract: Contract) -> list[str]:
    """Return the columns of a model's yml that have no type, which dbt asks of every column."""
    path = _described(project).get(contract.relation.table)
    if path is None:
        return []
    for model in _models(path):
        if model.get("name") == contract.relation.table:
            return [
                str(column["name"])
                for column in model.get("columns") or []
                if not column.get("data_type")
            ]
    return []


def _keeps(promised: Column, written: Any) -> bool:
    return bool(written) and families.keeps(promised.type, str(written))


def _enforce(model: Any) -> bool:
    """Say in a model that its contract is enforced; return whether it was not said."""
    config = model.get("config")
    if config is None:
        _put(model, "config", {}, after="description" if "description" in model else "name")
        config = model["config"]
    contract = config.get("contract")
    if contract is None:
        config["contract"] = {"enforced": True}
        return True
    if contract.get("enforced") is True:
        return False
    contract["enforced"] = True
    return True


def _column(promised: Column) -> dict[str, Any]:
    from ruamel.yaml.comments import CommentedMap

    column = CommentedMap({"name": promised.name, "data_type": data_type(promised)})
    if not is_identifier(promised.name.lower()):
        column["quote"] = True
    if promised.description:
        column["description"] = promised.description
    return column


def _put(settings: Any, key: str, value: Any, after: str) -> None:
    if key in settings:
        settings[key] = value
    else:
        settings.insert(list(settings).index(after) + 1, key, value)


def _described(project: Project) -> dict[str, Path]:
    """Return the yml that describes each model."""
    found: dict[str, Path] = {}
    for path in sorted((project.dbt / "models").rglob("*.yml")):
        for model in _models(path):
            found.setdefault(str(model.get("name")), path)
    return found


def _models(path: Path) -> list[dict[str, Any]]:
    from dataplatform.declarations.yaml_file import read_yaml

    return read_yaml(path, path.parent).data.get("models") or []


def _round_trip() -> YAML:
    from ruamel.yaml import YAML

    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 100_000
    yaml.indent(mapping=2, sequence=4, offset=2)
    return yaml
