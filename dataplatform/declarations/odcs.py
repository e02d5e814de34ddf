"""Holding a document against the Open Data Contract Standard.

What is wrong is told by its path in the document, its line and what the standard wants there.
Nothing is changed or left out: whoever reads a contract reads what its author wrote. What this
platform asks of its own contracts besides is the business of ``contract``.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from dataplatform.declarations.errors import nearest
from dataplatform.declarations.odcs_servers import SERVERS
from dataplatform.declarations.odcs_standard import (
    SHAPES,
    TYPE_OPTIONS,
    VERSIONS,
    Field,
    Shape,
)
from dataplatform.declarations.yaml_file import YamlFile, read_yaml

At = tuple[str | int, ...]

# table.column, or the standard's long form with a file and the ids of its parts.
_REFERENCE = re.compile(
    r"[A-Za-z_][\w-]*(\.[A-Za-z_][\w-]*)+|((https?://)?[\w./-]+\.ya?ml#)?/?[A-Za-z_]\w*/[\w-]+(/[\w-]+)*"
)
_WORDS = {
    "text": "text", "number": "a number", "whole": "a whole number", "flag": "true or false",
    "settings": "settings (key: value)", "single": "a single value",
    "size": "a whole number of 0 or more", "above0": "a number above 0",
    "reference": "a column of a table, such as customers.id",
}  # fmt: skip


def read_document(path: Path, root: Path) -> YamlFile:
    """Read any file of the Open Data Contract Standard, wherever it lies.

    Args:
        path: the file.
        root: the folder from which messages name it.

    Raises:
        DeclarationError: it is not one; the text tells the line, the path in the document and
            what the standard wants.
    """
    file = read_yaml(path, root)
    check_document(file)
    return file


def old(file: YamlFile) -> bool:
    """Whether a document follows version 3.0, which leaves more to its author than 3.1."""
    return str(file.data.get("apiVersion")).startswith("v3.0.")


def check_document(file: YamlFile) -> None:
    """Refuse what is no document of the standard.

    Raises:
        DeclarationError: the first thing that is wrong.
    """
    kind, version = file.data.get("kind"), file.data.get("apiVersion")
    if kind is not None and kind != "DataContract":
        raise file.error(("kind",), f"kind must be DataContract, not {kind!r}.")
    if version is not None and version not in VERSIONS:
        raise file.error(("apiVersion",), f"apiVersion must be v3.1.0, not {version!r}.")
    _part(file, "contract", file.data, ())


def _part(file: YamlFile, name: str, value: dict[str, Any], at: At) -> None:
    shape = SHAPES[name]
    place = "a contract" if not at else f"{_key(at)!r} in a contract"
    fields = shape.fields
    for key, item in value.items():
        if key not in fields:
            if not _open(file, shape):
                raise file.error(
                    (*at, key), f"{key!r} is not a setting of {place}.{nearest(key, fields)}"
                )
            continue
        _field(file, fields[key], item, (*at, key))
    for key, field in fields.items():
        if field.required and key not in value:
            raise file.error(at, f"the setting {key!r} of {place} is missing.")
    if name in ("property", "item"):
        _type_options(file, value, at)
    elif name == "server":
        _server(file, value, at)
    elif name == "quality":
        _rule(file, value, at)


def _open(file: YamlFile, shape: Shape) -> bool:
    return shape.open == "always" or (shape.open == "in 3.0" and old(file))


def _key(at: At) -> str:
    return str(next(part for part in reversed(at) if isinstance(part, str)))


def _field(file: YamlFile, field: Field, value: Any, at: At) -> None:
    lists = [kind[1:-1] for kind in field.kinds if kind.startswith("[")]
    ones = [kind for kind in field.kinds if not kind.startswith("[")]
    if lists and (isinstance(value, list) or not ones):
        if not isinstance(value, list):
            raise _wrong(file, at, "a list", value)
        for index, item in enumerate(value):
            _field(file, Field((lists[0],)), item, (*at, index))
        return
    shape = next((kind for kind in ones if kind in SHAPES), None)
    if shape is not None:
        if not isinstance(value, dict):
            wanted = "settings (key: value)" + (" or a list" if lists else "")
            raise _wrong(file, at, wanted, value)
        _part(file, shape, value, at)
        return
    if not any(_is(kind, value) for kind in ones):
        words = [_WORDS[kind] for kind in ones] + ["a list"] * bool(lists)
        raise _wrong(file, at, " or ".join(words), value)
    if field.options and value not in field.options:
        path = ".".join(map(str, at))
        raise file.error(
            at,
            f"{path} must be one of {', '.join(field.options)}, not {value!r}."
            f"{nearest(str(value), field.options)}",
        )


def _is(kind: str, value: Any) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    whole = number and float(value).is_integer()
    match kind:
        case "any":
            return True
        case "single":
            return not isinstance(value, dict | list)
        case "text":
            return isinstance(value, str)
        case "number":
            return number
        case "whole":
            return whole
        case "size":
            return whole and value >= 0
        case "above0":
            return number and value > 0
        case "reference":
            return isinstance(value, str) and _REFERENCE.fullmatch(value) is not None
        case "flag":
            return isinstance(value, bool)
    return isinstance(value, dict)


def _wrong(file: YamlFile, at: At, wanted: str, value: Any) -> Exception:
    said = {dict: "settings", list: "a list", type(None): "nothing"}.get(type(value))
    if isinstance(value, bool):
        said = str(value).lower()
    return file.error(at, f"{'.'.join(map(str, at))} must be {wanted}, not {said or repr(value)}.")


def _type_options(file: YamlFile, column: dict[str, Any], at: At) -> None:
    kind = column.get("logicalType")
    options = column.get("logicalTypeOptions") or {}
    known = TYPE_OPTIONS.get(str(kind), {})
    for key, value in options.items() if known else ():
        place = (*at, "logicalTypeOptions", key)
        if key not in known:
            raise file.error(place, f"{key!r} is not an option of {kind}.{nearest(key, known)}")
        _field(file, known[key], value, place)
    for key, wanted in (("properties", "object"), ("items", "array")):
        # Without a logical type the standard lets either stand.
        if key in column and kind not in (wanted, None):
            raise file.error(
                (*at, key), f"{key!r} belongs to a column of logicalType {wanted}, not {kind}."
            )


def _server(file: YamlFile, server: dict[str, Any], at: At) -> None:
    kind = server["type"]
    if kind not in SERVERS:
        raise file.error(
            (*at, "type"), f"{kind!r} is not a type of server.{nearest(kind, SERVERS)}"
        )
    # Version 3.0 asked some for other settings than 3.1 does.
    for key in () if old(file) else SERVERS[kind]:
        if key not in server:
            raise file.error(at, f"the setting {key!r} of a server of type {kind} is missing.")


def _rule(file: YamlFile, rule: dict[str, Any], at: At) -> None:
    kind = rule.get("type")
    title = f"the rule {rule['name']!r}" if rule.get("name") else "a quality rule"
    for name in ("mustBeBetween", "mustNotBeBetween"):
        if name in rule and len(rule[name]) != 2:
            raise file.error((*at, name), f"{name} must be two numbers, the smaller first.")
    for key in {"sql": ("query",), "custom": ("engine", "implementation")}.get(str(kind), ()):
        if key not in rule:
            raise file.error(at, f"the setting {key!r} of {title} is missing.")
    if old(file):
        return
    # From 3.1 on, a rule may say only what belongs to its kind.
    library = "metric" in rule or kind in ("library", None)
    for key in rule:
        threshold = key.startswith("must")
        if (threshold or key in ("metric", "rule", "arguments")) and not library:
            if not (threshold and kind == "sql"):
                raise file.error((*at, key), f"{key!r} does not belong to a rule of type {kind}.")
        elif key in ("query", "engine", "implementation"):
            wanted = "sql" if key == "query" else "custom"
            if kind != wanted:
                raise file.error((*at, key), f"{key!r} belongs to a rule of type {wanted}.")
        elif threshold and "metric" not in rule and "rule" not in rule and kind != "sql":
            raise file.error(at, f"the setting 'metric' of {title} is missing.")
