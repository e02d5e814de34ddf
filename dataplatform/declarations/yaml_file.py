"""Reading a declared YAML file: what it says, and on which line it says it.

Every kind of declared file goes through ``read_yaml`` and ``validate``, so that each mistake is
told in one form: file, line, one sentence, the nearest valid name. What the files mean is the
business of the modules beside this one.
"""

from __future__ import annotations

import datetime
import types
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.constructor import DuplicateKeyError
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from dataplatform.declarations.errors import DeclarationError, nearest

Loc = Sequence[str | int]
Model = TypeVar("Model", bound=BaseModel)


class Strict(BaseModel):
    """The base of every declared model: unknown settings and loose types are refused."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


@dataclass(frozen=True)
class YamlFile:
    """One file as read.

    Attributes:
        path: the file, relative to the project where it lies inside it, as messages name it.
        document: the round-trip tree, with its comments.
    """

    path: Path
    document: CommentedMap

    @cached_property
    def data(self) -> dict[str, Any]:
        """The file's content in plain Python; dates are ISO text."""
        plain = _plain(self, self.document, ())
        assert isinstance(plain, dict)
        return plain

    def line(self, loc: Loc) -> int | None:
        """Return the line, from 1, of the deepest part of a path that the file holds."""
        node: Any = self.document
        line: int | None = None
        for part in loc:
            if isinstance(node, CommentedMap) and part in node:
                position = (node.lc.data or {}).get(part)
            elif (
                isinstance(node, CommentedSeq)
                and isinstance(part, int)
                and part < len(node)
            ):
                position = (node.lc.data or {}).get(part)
            else:
                # Names of union members appear in a path but not in the file.
                continue
            if position is not None:
                line = position[0] + 1
            node = node[part]
        return line if line is not None else (1 if not loc else None)

    def error(self, loc: Loc, message: str) -> DeclarationError:
        """Return the error to raise for a part of this file."""
        return DeclarationError(self.path, self.line(loc) or 1, message)


def shown(path: Path, root: Path) -> Path:
    """Return the path as messages name it: relative to the project where it lies inside it."""
    return path.relative_to(root) if path.is_relative_to(root) else path


def read_yaml(path: Path, root: Path) -> YamlFile:
    """Read one declared file.

    Args:
        path: the file.
        root: the project's root, from which messages name the file.

    Raises:
        DeclarationError: it cannot be read, is empty, is not a mapping, repeats a key, uses tabs
            or is not YAML.
    """
    name = shown(path, root)
    try:
        document = YAML(typ="rt").load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DeclarationError(
            name, None, f"cannot be read: {error.strerror}."
        ) from None
    except UnicodeDecodeError:
        raise DeclarationError(name, None, "is not a text file in UTF-8.") from None
    except DuplicateKeyError as error:
        mark = error.problem_mark
        key = str(error.problem).split('"')[1] if '"' in str(error.problem) else "a key"
        raise DeclarationError(
            name, mark.line + 1, f"{key!r} is written twice."
        ) from None
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else None
        raise DeclarationError(name, line, _yaml_message(error, path, line)) from None
    except YAMLError as error:
        raise DeclarationError(
            name, None, f"is not YAML: {error}".split("\n")[0]
        ) from None
    if document is None:
        raise DeclarationError(name, 1, "the file is empty.")
    if not isinstance(document, CommentedMap):
        kind = "a list" if isinstance(document, CommentedSeq) else "a single value"
        raise DeclarationError(
            name, 1, f"the file must hold settings (key: value), not {kind}."
        )
    return YamlFile(name, document)


def validate(model: type[Model], file: YamlFile, what: str, data: Any = None) -> Model:
    """Return the file's content as a model.

    Args:
        model: what the file must be.
        file: the file as read.
        what: how messages name the kind of file, with its article, such as "a connection".
        data: the content, where it is no longer exactly the file's.

    Raises:
        DeclarationError: the first thing that is wrong, by its line.
    """
    try:
        return model.model_validate(file.data if data is None else data)
    except ValidationError as error:
        found = _most_telling(error.errors())
        found.sort(key=lambda one: file.line(one["loc"]) or 0)
        raise _explained(model, file, what, found[0]) from None


def refuse_unknown_keys(model: type[BaseModel], file: YamlFile, what: str) -> None:
    """Refuse keys that a model from elsewhere would silently ignore.

    Raises:
        DeclarationError: a key that the model does not have.
    """
    _walk(model, file.data, (), file, what)


def _walk(
    model: Any, value: Any, loc: tuple[str | int, ...], file: YamlFile, what: str
) -> None:
    models = [one for one in _members(model) if _is_model(one)]
    if isinstance(value, list):
        item_types = [
            item
            for one in _members(model)
            if get_origin(one) is list
            for item in get_args(one)
        ]
        for index, item in enumerate(value):
            for item_type in item_types:
                _walk(item_type, item, (*loc, index), file, what)
    elif isinstance(value, dict) and len(models) == 1:
        fields = {
            info.alias or name: info for name, info in models[0].model_fields.items()
        }
        for key, item in value.items():
            if key not in fields:
                raise file.error((*loc, key), _not_a_setting(key, fields, what, loc))
            _walk(fields[key].annotation, item, (*loc, key), file, what)


def _not_a_setting(key: str, known: Iterable[str], what: str, loc: Loc) -> str:
    place = next((str(part) for part in reversed(loc) if isinstance(part, str)), None)
    of = f"{place!r} in {what}" if place else what
    return f"{key!r} is not a setting of {of}.{nearest(str(key), known)}"


def _members(annotation: Any) -> list[Any]:
    if get_origin(annotation) in (Union, types.UnionType):
        return [one for member in get_args(annotation) for one in _members(member)]
    return [annotation]


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _models_at(model: type[BaseModel], loc: Loc) -> list[type[BaseModel]]:
    """Return the models a path may lead into, to name the settings that exist there."""
    here: list[Any] = [model]
    for part in loc:
        after: list[Any] = []
        for one in here:
            if _is_model(one):
                fields = {
                    info.alias or name: info for name, info in one.model_fields.items()
                }
                info = fields.get(str(part))
                if info is not None:
                    after += _members(info.annotation)
            elif get_origin(one) is list and isinstance(part, int):
                after += _members(get_args(one)[0])
            elif get_origin(one) is dict:
                after += _members(get_args(one)[1])
        # The tag of a union stands in the path but leads nowhere.
        here = after or here
    return [one for one in here if _is_model(one)]


def _most_telling(errors: list[ErrorDetails]) -> list[ErrorDetails]:
    """Prefer a misspelt setting to the complaint that the right one is missing."""
    unknown = [one for one in errors if one["type"] == "extra_forbidden"]
    return unknown or list(errors)


_KINDS: dict[str, str] = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "settings (key: value)",
    "model_type": "settings (key: value)",
    "model_attributes_type": "settings (key: value)",
}


def _explained(
    model: type[BaseModel], file: YamlFile, what: str, error: ErrorDetails
) -> DeclarationError:
    loc, kind, value = error["loc"], error["type"], error["input"]
    name = ".".join(str(part) for part in loc) or what
    context = error.get("ctx", {})
    if kind == "extra_forbidden":
        known = [
            info.alias or field
            for one in _models_at(model, loc[:-1])
            for field, info in one.model_fields.items()
        ]
        return file.error(loc, _not_a_setting(str(loc[-1]), known, what, loc[:-1]))
    if kind == "missing":
        place = f"{loc[-2]!r} in {what}" if len(loc) > 1 else what
        return file.error(loc[:-1], f"the setting {loc[-1]!r} of {place} is missing.")
    if kind in ("literal_error", "union_tag_invalid"):
        expected = str(context.get("expected") or context.get("expected_tags") or "")
        options = [
            one
            for one in expected.replace(" or ", ", ").replace("'", "").split(", ")
            if one
        ]
        if kind == "union_tag_invalid":
            tag = str(context.get("discriminator", "")).strip("'")
            value = value.get(tag) if isinstance(value, dict) else value
            loc, name = (*loc, tag), f"{name}.{tag}"
        text = f"{name} must be one of {', '.join(options)}, not {value!r}."
        return file.error(loc, text + nearest(str(value), options))
    if kind == "union_tag_not_found":
        tag = str(context.get("discriminator", "")).strip("'")
        return file.error(loc, f"the setting {tag!r} of {name!r} in {what} is missing.")
    if kind in _KINDS:
        return file.error(loc, f"{name} must be {_KINDS[kind]}, not {_said(value)}.")
    if kind in ("value_error", "assertion_error"):
        return file.error(loc, str(context.get("error", error["msg"])))
    message = error["msg"].replace("Input should be", "must be")
    return file.error(
        loc, f"{name} {message[0].lower()}{message[1:]}, not {_said(value)}."
    )


def _said(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "settings"
    if isinstance(value, list):
        return "a list"
    return repr(value)


def _plain(file: YamlFile, node: Any, loc: tuple[str | int, ...]) -> Any:
    if isinstance(node, CommentedMap):
        plain: dict[str, Any] = {}
        for key, value in node.items():
            if not isinstance(key, str):
                raise file.error(
                    (*loc, key), f"the key {key!r} must be text: put it in quotes."
                )
            plain[str(key)] = _plain(file, value, (*loc, key))
        return plain
    if isinstance(node, CommentedSeq):
        return [_plain(file, item, (*loc, index)) for index, item in enumerate(node)]
    if node is None or isinstance(node, bool):
        return node
    simple: tuple[tuple[type, Callable[[Any], Any]], ...] = (
        (str, str),
        (int, int),
        (float, float),
        (datetime.date, lambda date: date.isoformat()),
    )
    for kind, convert in simple:
        if isinstance(node, kind):
            return (
                bool(node) if type(node).__name__ == "ScalarBoolean" else convert(node)
            )
    raise file.error(
        loc, "this kind of YAML value (a tag beginning with !) is not allowed."
    )


def _yaml_message(error: MarkedYAMLError, path: Path, line: int | None) -> str:
    lines = path.read_text(encoding="utf-8").splitlines()
    text = lines[line - 1] if line and line <= len(lines) else ""
    if "\t" in text[: len(text) - len(text.lstrip())]:
        return "the line begins with a tab: indent with spaces."
    return f"is not YAML: {error.problem or error.context}."
