"""What a contract says and nothing enforces, section by section.

A promise that is silently ignored is worse than none: whoever reads the contract believes it. So
each is named with its path and line. What is wrong with a contract is ``lint``'s business.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from dataplatform.declarations.contract import contracts_in
from dataplatform.declarations.contract_library import spelled
from dataplatform.declarations.contract_rule import SEVERITIES
from dataplatform.declarations.odcs_standard import SHAPES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dataplatform.declarations.contract import Contract
    from dataplatform.declarations.yaml_file import YamlFile

At = tuple[str | int, ...]

#: What speaks to people: shown in docs and reports, promising nothing that could be measured.
_WORDS = frozenset({
    "description", "businessName", "tags", "authoritativeDefinitions", "examples", "name", "id",
    "transformLogic", "transformDescription", "transformSourceObjects", "criticalDataElement",
    "dataGranularityDescription", "businessImpact", "method", "domain", "tenant", "dataProduct",
    "price", "support", "contractCreatedTs", "driver", "valueExt",
})  # fmt: skip
#: Custom properties that the platform reads.
_READ = frozenset({"onFailure", "deprecated", "deprecatedOn", "removedAfter", "replacedBy"})
_SECTIONS = {
    "servers": "where tables lie is told by config/environments",
    "roles": "who may read is told by the warehouse's own grants",
}
_OF_COLUMNS = {
    "partitioned": "how a table is laid out is told by its model",
    "encryptedName": "whether a value is encrypted is not looked at",
    "relationships": "keys of other tables are not looked up: say it as a rule",
    "items": "what is inside a list is not checked",
    "properties": "what is inside an object is not checked",
}
#: Options of logical types that become a rule.
_OPTIONS = frozenset({"minLength", "maxLength", "pattern", "minimum", "maximum",
                      "exclusiveMinimum", "exclusiveMaximum"})  # fmt: skip


@dataclass(frozen=True)
class Note:
    """One thing that a contract says and nothing enforces.

    Attributes:
        path: its path in the document, such as ``schema.0.quality.2``.
        line: where the file says it.
        text: what becomes of it.
        promises: whether a reader could take it for a promise; False for what only speaks to
            people.
    """

    path: str
    line: int
    text: str
    promises: bool = True


def notes_of(contract: Contract) -> list[Note]:
    """Return what nothing enforces in one contract of a project, in the file's order.

    Args:
        contract: the contract; other tables of its document are named as such.
    """
    file = contract.document
    found = list(_head(file))
    for index, table in enumerate(file.data["schema"]):
        at = ("schema", index)
        if index == contract.index:
            found += _table(file, contract)
        else:
            text = f"the table {table['name']!r} needs a contract file of its own to be checked"
            found.append(_note(file, at, text))
    return _sorted(file, found)


def notes_in(file: YamlFile) -> list[Note]:
    """Return what nothing would enforce in a document, wherever it lies, in the file's order.

    Args:
        file: the document, held against the standard already.

    Raises:
        DeclarationError: something in it is wrong; the text names the line.
    """
    found = list(_head(file))
    for contract in contracts_in(file):
        found += _table(file, contract)
        if not contract.owner:
            text = "it names no owner, which a contract in config/contracts must"
            found.append(Note("team", 1, text))
    return _sorted(file, found)


def _sorted(file: YamlFile, found: Sequence[Note]) -> list[Note]:
    said = sorted(set(found), key=lambda note: (note.line, note.path))
    words: dict[str, int] = {}
    _count_words(file.data, words)
    if words:
        shown = ", ".join(f"{name} ({count})" for name, count in sorted(words.items()))
        said.append(Note("words for people", 1, f"shown, not checked: {shown}", False))
    return said


def _count_words(part: Any, words: dict[str, int]) -> None:
    for name, value in part.items() if isinstance(part, Mapping) else ():
        if name in _WORDS and name not in ("name", "id"):
            words[name] = words.get(name, 0) + 1
        elif name == "customProperties" and isinstance(value, list):
            others = [one for one in value if one.get("property") not in _READ]
            if others:
                words[name] = words.get(name, 0) + len(others)
        else:
            _count_words(value, words)
    for one in part if isinstance(part, list) else ():
        _count_words(one, words)


def _note(file: YamlFile, at: At, text: str) -> Note:
    return Note(".".join(map(str, at)), file.line(at) or 1, text)


def _head(file: YamlFile) -> Iterator[Note]:
    for name, why in _SECTIONS.items():
        if file.data.get(name):
            yield _note(file, (name,), why)
    if file.data["status"] in ("proposed", "draft", "retired"):
        yield _note(file, ("status",), f"its promises are kept whatever {file.data['status']} says")


def _table(file: YamlFile, contract: Contract) -> Iterator[Note]:
    at: At = ("schema", contract.index)
    table = contract.table
    if not contract.columns:
        yield _note(file, at, "it promises no column, so that no type is checked")
    if table.get("relationships"):
        yield _note(file, (*at, "relationships"), _OF_COLUMNS["relationships"])
    for promise in contract.promises:
        place = ("slaProperties", promise.index)
        if promise.unenforced:
            yield _note(file, place, f"{promise.property}: {promise.unenforced}")
        raw = file.data["slaProperties"][promise.index]
        if raw.get("schedule") or raw.get("scheduler"):
            yield _note(file, (*place, "schedule"), _clock("it is looked at"))
        elif promise.unenforced is None and promise.property in ("latency", "freshness"):
            first = contract.promise("latency", "freshness")
            if first is not promise:
                text = f"{promise.property}: the first promise of an age is the one that is kept"
                yield _note(file, place, text)
    yield from _rules(file, (*at, "quality"), table.get("quality") or [], contract, None)
    for column in contract.columns:
        loc = (*at, "properties", column.index)
        raw = table["properties"][column.index]
        for name, why in _OF_COLUMNS.items():
            if raw.get(name):
                yield _note(file, (*loc, name), why)
        if column.logical_type and column.physical_type:
            text = f"its family is checked ({column.type}), not exactly {column.physical_type}"
            yield replace(_note(file, (*loc, "physicalType"), text), promises=False)
        if column.removed_after and column.removed_after < datetime.date.today().isoformat():
            text = f"{column.name} was to go after {column.removed_after}, and is promised still"
            yield _note(file, loc, text)
        if not column.type:
            yield _note(file, loc, f"{column.name} has no type that could be checked")
        for option, value in column.options.items():
            if option not in _OPTIONS and not (option == "multipleOf" and isinstance(value, int)):
                yield _note(file, (*loc, "logicalTypeOptions", option), f"{option} is not checked")
        yield from _rules(file, (*loc, "quality"), raw.get("quality") or [], contract, column.name)


def _rules(
    file: YamlFile, at: At, raws: list[dict[str, Any]], contract: Contract, column: str | None
) -> Iterator[Note]:
    read = [rule for rule in contract.rules if rule.column == column]
    for index, (raw, rule) in enumerate(zip(raws, read, strict=True)):
        loc = (*at, index)
        if rule.unenforced:
            yield _note(file, loc, f"the rule is not run: {rule.unenforced}")
        if raw.get("schedule") or raw.get("scheduler"):
            yield _note(file, (*loc, "schedule"), _clock("the rule is judged"))
        severity = raw.get("severity")
        if severity is not None and severity.strip().lower() not in SEVERITIES:
            text = f"{severity!r} is taken as an error; error and warning are known"
            yield _note(file, (*loc, "severity"), text)
        for name, spelling in zip(raw, spelled(raw), strict=True):
            if spelling not in SHAPES["quality"].fields and name not in ("validValues", "pattern"):
                yield _note(file, (*loc, name), f"{name!r} is not of the standard")


def _clock(what: str) -> str:
    return f"{what} whenever the table is built, not by a clock of its own"
