"""Holding a declared file against a model, and telling what is wrong with it.

Each mistake is told in one form: file, line, one sentence, the nearest valid name. How a file is
read is the business of ``yaml_file``.
"""

from __future__ import annotations

import types
from collections.abc import Iterable
from typing import Any, Literal, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from dataplatform.declarations.errors import DeclarationError, nearest
from dataplatform.declarations.yaml_file import Loc, YamlFile

Model = TypeVar("Model", bound=BaseModel)


class Strict(BaseModel):
    """The base of every declared model: unknown settings and loose types are refused."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


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


def _walk(model: Any, value: Any, loc: tuple[str | int, ...], file: YamlFile, what: str) -> None:
    models = [one for one in _members(model) if _is_model(one)]
    if isinstance(value, list):
        item_types = [
            item for one in _members(model) if get_origin(one) is list for item in get_args(one)
        ]
        for index, item in enumerate(value):
            for item_type in item_types:
                _walk(item_type, item, (*loc, index), file, what)
    elif isinstance(value, dict) and len(models) == 1:
        fields = {info.alias or name: info for name, info in models[0].model_fields.items()}
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
                fields = {info.alias or name: info for name, info in one.model_fields.items()}
                info = fields.get(str(part))
                if info is not None:
                    after += _members(info.annotation)
            elif get_origin(one) is list and isinstance(part, int):
                after += _members(get_args(one)[0])
            elif get_origin(one) is dict:
                after += _members(get_args(one)[1])
        # The tag of a union stands in the path but leads nowhere: it chooses among the members.
        tagged = [one for one in here if _is_model(one) and _has_tag(one, part)]
        here = after or tagged or here
    return [one for one in here if _is_model(one)]


def _has_tag(model: type[BaseModel], tag: str | int) -> bool:
    return any(
        tag in get_args(info.annotation)
        for info in model.model_fields.values()
        if get_origin(info.annotation) is Literal
    )


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
    "bool_parsing": "true or false",
    "int_parsing": "a whole number",
    "float_parsing": "a number",
    "list_type": "a list",
    "dict_type": "settings (key: value)",
    "model_type": "settings (key: value)",
    "model_attributes_type": "settings (key: value)",
}


def _explained(
    model: type[BaseModel], file: YamlFile, what: str, error: ErrorDetails
) -> DeclarationError:
    kind, value = error["type"], error["input"]
    whole, loc = error["loc"], file.written(error["loc"])
    name = ".".join(str(part) for part in loc) or what
    context = error.get("ctx", {})
    if kind == "extra_forbidden":
        known = [
            info.alias or field
            for one in _models_at(model, whole[:-1])
            for field, info in one.model_fields.items()
        ]
        return file.error(loc, _not_a_setting(str(loc[-1]), known, what, loc[:-1]))
    if kind == "missing":
        place = f"{loc[-2]!r} in {what}" if len(loc) > 1 else what
        return file.error(loc[:-1], f"the setting {loc[-1]!r} of {place} is missing.")
    if kind in ("literal_error", "union_tag_invalid"):
        expected = str(context.get("expected") or context.get("expected_tags") or "")
        options = [
            one for one in expected.replace(" or ", ", ").replace("'", "").split(", ") if one
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
    return file.error(loc, f"{name} {message[0].lower()}{message[1:]}, not {_said(value)}.")


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
