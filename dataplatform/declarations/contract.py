"""Contracts: what a table promises, in the Open Data Contract Standard v3.

A file ``config/contracts/<schema>/<table>.yml`` is about that table; one under ``marts`` is
checked on the candidate, before it is published. This module reads and refuses; what a rule
computes is the business of ``checks``, and what a rule may say is that of ``contract_rule``.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from dataplatform.declarations.contract_rule import check_rule, on_failure
from dataplatform.declarations.errors import nearest
from dataplatform.declarations.naming import is_identifier
from dataplatform.declarations.owner import check_owner
from dataplatform.declarations.strict import refuse_unknown_keys, validate
from dataplatform.declarations.yaml_file import YamlFile, read_yaml
from dataplatform.keys import CANDIDATE, PUBLISHED, Relation

if TYPE_CHECKING:
    from open_data_contract_standard.model import OpenDataContractStandard

LOGICAL_TYPES = (
    "string", "date", "timestamp", "time", "number", "integer", "object", "array", "boolean",
)  # fmt: skip
_HOURS = {"h": 1.0, "hour": 1.0, "hours": 1.0, "d": 24.0, "day": 24.0, "days": 24.0,
          "m": 1 / 60, "minute": 1 / 60, "minutes": 1 / 60}  # fmt: skip
_FRESHNESS = ("latency", "frequency")


@dataclass(frozen=True)
class Rule:
    """One quality rule, as the file says it.

    Attributes:
        raw: the rule by ODCS's names.
        column: the column it is about; None for a rule of the table.
        line: where the file says it.
        on_failure: whether rows that break it stay in the table or are set aside.
    """

    raw: dict[str, Any]
    column: str | None
    line: int
    on_failure: Literal["keep", "quarantine"] = "keep"


@dataclass(frozen=True)
class Column:
    """One promised column; ``required``, ``unique`` and ``primary_key`` are rules of their own."""

    name: str
    logical_type: str
    description: str
    required: bool
    unique: bool
    primary_key: bool
    classification: str | None
    line: int


@dataclass(frozen=True)
class Contract:
    """One declared contract.

    Attributes:
        file: the file, relative to the project.
        model: the document, by the standard's own package.
        relation: the table that is checked; the candidate, for a mart.
        published: the table that consumers read; ``relation`` itself outside the marts.
        owner: an e-mail address or ``team:<name>``.
        freshness_hours: the age that the table may reach; None promises nothing.
        freshness_column: the column that tells a row's time, where the promise names one.
        rules: quality rules of the table and of its columns, in the file's order.
    """

    file: Path
    model: OpenDataContractStandard
    relation: Relation
    published: Relation
    owner: str
    description: str
    freshness_hours: float | None
    freshness_column: str | None
    rules: list[Rule]
    columns: list[Column]


def load_contract(path: Path, root: Path, made: Collection[Relation] | None = None) -> Contract:
    """Read one contract file.

    Args:
        path: the file, ``config/contracts/<schema>/<table>.yml``.
        root: the project's root.
        made: what the project makes; with it, the contract's table must be among it.

    Raises:
        DeclarationError: something in it is wrong; the text names the line.
    """
    from open_data_contract_standard.model import OpenDataContractStandard

    file = read_yaml(path, root)
    refuse_unknown_keys(OpenDataContractStandard, file, "a contract")
    model = validate(OpenDataContractStandard, file, "a contract")
    _check_head(file, model)
    published = _relation(file, path, root, made)
    table = file.data["schema"][0]
    if table.get("name") != published.table:
        raise file.error(
            ("schema", 0, "name"),
            f"schema.0.name must be the file's own table {published.table!r}, "
            f"not {table.get('name')!r}.",
        )
    columns = _columns(file, table)
    hours, time_column = _freshness(file, columns)
    relation = Relation(CANDIDATE, published.table) if published.schema == PUBLISHED else published
    return Contract(
        file=file.path,
        model=model,
        relation=relation,
        published=published,
        owner=_owner(file),
        description=_description(file.data, table),
        freshness_hours=hours,
        freshness_column=time_column,
        rules=_rules(file, table, [column.name for column in columns], relation),
        columns=columns,
    )


def _check_head(file: YamlFile, model: OpenDataContractStandard) -> None:
    if model.kind != "DataContract":
        raise file.error(("kind",), f"kind must be DataContract, not {model.kind!r}.")
    if model.apiVersion not in ("v3.0.0", "v3.0.1", "v3.0.2", "v3.1.0"):
        raise file.error(("apiVersion",), f"apiVersion must be v3.1.0, not {model.apiVersion!r}.")
    for name in ("id", "version", "status"):
        if not getattr(model, name):
            raise file.error((), f"the setting {name!r} of a contract is missing.")
    if not model.schema_ or len(model.schema_) != 1:
        raise file.error(("schema",), "a contract has exactly one table under 'schema'.")


def _relation(
    file: YamlFile, path: Path, root: Path, made: Collection[Relation] | None
) -> Relation:
    parts = path.relative_to(root / "config" / "contracts").parts
    if len(parts) != 2:
        raise file.error((), "a contract lies at config/contracts/<schema>/<table>.yml.")
    relation = Relation(parts[0], path.stem)
    for part in relation:
        if not is_identifier(part):
            raise file.error((), f"{part!r} is not a safe name for a schema or a table.")
    if relation.schema == CANDIDATE:
        raise file.error((), "a mart's contract lies in config/contracts/marts.")
    if made is not None and relation not in made:
        hint = nearest(str(relation), [str(one) for one in made])
        raise file.error((), f"nothing makes the table {relation}.{hint}")
    return relation


def _columns(file: YamlFile, table: dict[str, Any]) -> list[Column]:
    columns: list[Column] = []
    for index, raw in enumerate(table.get("properties") or []):
        loc = ("schema", 0, "properties", index)
        name = raw.get("name")
        if not name:
            raise file.error(loc, "the setting 'name' of a column in a contract is missing.")
        if not is_identifier(name):
            raise file.error((*loc, "name"), f"{name!r} is not a safe name for a column.")
        if name in [column.name for column in columns]:
            raise file.error((*loc, "name"), f"the column {name!r} is declared twice.")
        logical = raw.get("logicalType")
        if logical not in LOGICAL_TYPES:
            raise file.error(
                (*loc, "logicalType"),
                f"{logical!r} of {name!r} is not a logical type."
                f"{nearest(str(logical), LOGICAL_TYPES)}",
            )
        columns.append(
            Column(
                name=name,
                logical_type=logical,
                description=raw.get("description") or "",
                required=bool(raw.get("required")),
                unique=bool(raw.get("unique")),
                primary_key=bool(raw.get("primaryKey")),
                classification=raw.get("classification"),
                line=file.line(loc) or 1,
            )
        )
    if not columns:
        raise file.error(("schema", 0), "the contract promises no column under 'properties'.")
    return columns


def _rules(
    file: YamlFile, table: dict[str, Any], columns: list[str], relation: Relation
) -> list[Rule]:
    rules: list[Rule] = []
    names: set[str] = set()

    def add(raws: list[dict[str, Any]], loc: tuple[str | int, ...], column: str | None) -> None:
        for index, raw in enumerate(raws):
            check_rule(file, (*loc, index), raw, column, columns)
            name = raw.get("name")
            if name in names:
                raise file.error((*loc, index, "name"), f"the rule {name!r} is declared twice.")
            if name:
                names.add(name)
            kept = on_failure(file, (*loc, index), raw, relation)
            rules.append(Rule(raw, column, file.line((*loc, index)) or 1, kept))

    add(table.get("quality") or [], ("schema", 0, "quality"), None)
    for index, raw in enumerate(table.get("properties") or []):
        add(
            raw.get("quality") or [],
            ("schema", 0, "properties", index, "quality"),
            raw["name"],
        )
    return rules


def _owner(file: YamlFile) -> str:
    team = file.data.get("team")
    if isinstance(team, dict):
        members = team.get("members") or []
        for index, member in enumerate(members):
            if member.get("role") == "owner" and member.get("username"):
                check_owner(file, ("team", "members", index, "username"), member["username"])
                return str(member["username"])
        if team.get("name"):
            owner = f"team:{team['name']}"
            check_owner(file, ("team", "name"), owner)
            return owner
    raise file.error(
        ("team",),
        "the contract names no owner: give 'team' a name, or a member with role owner.",
    )


def _description(data: dict[str, Any], table: dict[str, Any]) -> str:
    whole = data.get("description") or {}
    return str(whole.get("purpose") or table.get("description") or "")


def _freshness(file: YamlFile, columns: list[Column]) -> tuple[float | None, str | None]:
    """Return the promised age in hours, and the column that its ``element`` names."""
    for index, promise in enumerate(file.data.get("slaProperties") or []):
        loc = ("slaProperties", index)
        if promise.get("property") not in _FRESHNESS:
            continue
        value, unit = promise.get("value"), promise.get("unit")
        if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
            raise file.error(
                (*loc, "value"),
                f"the {promise['property']} must be above 0, not {value!r}.",
            )
        if unit not in _HOURS:
            raise file.error(
                (*loc, "unit"),
                f"{unit!r} is not a unit of time.{nearest(str(unit), _HOURS)}",
            )
        column = str(promise["element"]).split(".")[-1] if promise.get("element") else None
        names = [one.name for one in columns]
        if column is not None and column not in names and not column.startswith("_fivetran_"):
            raise file.error(
                (*loc, "element"),
                f"{column!r} is not a column.{nearest(column, names)}",
            )
        return float(value) * _HOURS[unit], column
    return None, None
