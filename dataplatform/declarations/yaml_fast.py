"""Reading plain YAML quickly: libyaml parses, and what is plain is told without a second look.

Declared files are nearly always plain: mappings, lists and simple values. For anything else (tags,
anchors, dates, repeated keys, mistakes) nothing is returned, and ``yaml_file`` reads the text again
by the parser whose messages users see. Both readers must say the same of what both can read.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

#: Where a value stands: its line from 1, and the places within it by key or index.
Place = tuple[int, "dict[str | int, Place] | None"]

_WORDS = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
}  # fmt: skip
_INT = re.compile(r"-?(?:0|[1-9][0-9]{0,17})")
_FLOAT = re.compile(r"-?(?:0|[1-9][0-9]*)\.[0-9]+")
# Tags, anchors, aliases and directives: what is not plain.
_NOT_PLAIN = re.compile(r"(?:^|[\s\[{,:-])(?:!|[&*][A-Za-z0-9_])|^%|^---|^\.\.\.", re.MULTILINE)
_MAP = "tag:yaml.org,2002:map"


class _NotPlain(Exception):
    """The text holds something that the quick reader leaves to the other one."""


def read_plain(text: str) -> tuple[dict[str, Any], Place] | None:
    """Return a text's content and where each part of it stands, or None where it is not plain.

    Args:
        text: YAML that should hold settings.
    """
    if _NOT_PLAIN.search(text):
        return None
    from yaml import YAMLError

    kind = _loader()
    if kind is None:
        return None
    loader = kind(text)
    try:
        node = loader.get_single_node()
        if node is None or node.tag != _MAP:
            return None
        return _mapping(node)
    except (YAMLError, _NotPlain):
        return None
    finally:
        loader.dispose()


@lru_cache(maxsize=1)
def _loader() -> Any:
    """Return libyaml's parser, or None where it is not there.

    What a value means is told here by its text, so that nothing need be asked for each of them.
    """
    try:
        from yaml import CBaseLoader, MappingNode
    except ImportError:
        return None

    class Loader(CBaseLoader):
        def resolve(self, kind: Any, value: Any, implicit: Any) -> str:
            return _MAP if kind is MappingNode else ""

        def descend_resolver(self, parent: Any, index: Any) -> None: ...

        def ascend_resolver(self) -> None: ...

    return Loader


def _mapping(node: Any) -> tuple[dict[str, Any], Place]:
    data: dict[str, Any] = {}
    places: dict[str | int, Place] = {}
    for key, value in node.value:
        if key.id != "scalar":
            raise _NotPlain
        name = key.value if key.style in ("'", '"') else _plain_scalar(key.value)
        if type(name) is not str or name in data:
            raise _NotPlain
        data[name], inner = _value(value)
        places[name] = (key.start_mark.line + 1, inner)
    return data, (node.start_mark.line + 1, places)


def _value(node: Any) -> tuple[Any, dict[str | int, Place] | None]:
    if node.id == "scalar":
        quoted = node.style in ("'", '"', "|", ">")
        return (node.value if quoted else _plain_scalar(node.value)), None
    if node.id == "mapping":
        data, (_, places) = _mapping(node)
        return data, places
    items: list[Any] = []
    found: dict[str | int, Place] = {}
    for index, item in enumerate(node.value):
        value, inner = _value(item)
        items.append(value)
        found[index] = (item.start_mark.line + 1, inner)
    return items, found


@lru_cache(maxsize=4096)
def _plain_scalar(text: str) -> Any:
    if text in _WORDS:
        return _WORDS[text]
    if _INT.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text):
        return float(text)
    if _means_more(text):
        raise _NotPlain
    return text


def _means_more(text: str) -> bool:
    """Whether the other reader takes a text for something else than text: a date, a hexadecimal."""
    return any(
        (first is None or text[0] in first) and pattern.match(text)
        for first, pattern in _patterns()
    )


@lru_cache(maxsize=1)
def _patterns() -> list[tuple[frozenset[str] | None, Any]]:
    from ruamel.yaml.resolver import implicit_resolvers

    return [
        (frozenset(first) if first else None, pattern)
        for versions, _, pattern, first in implicit_resolvers
        if (1, 2) in versions
    ]
