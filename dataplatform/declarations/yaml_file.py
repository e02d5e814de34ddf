"""Reading a declared YAML file: what it says, and on which line it says it.

Every kind of declared file is read here. Whether it says what its kind may say is the business of
``strict`` and of the modules beside this one.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.constructor import DuplicateKeyError
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from dataplatform.declarations.errors import DeclarationError
from dataplatform.declarations.yaml_fast import Place
from dataplatform.declarations.yaml_kept import read_known

Loc = Sequence[str | int]


@dataclass(frozen=True)
class YamlFile:
    """One file as read.

    Attributes:
        path: the file, relative to the project where it lies inside it, as messages name it.
        data: its content in plain Python; dates are ISO text. Who reads it must not change it.
        places: where each part of it stands.
    """

    path: Path
    data: dict[str, Any]
    places: Place

    def line(self, loc: Loc) -> int | None:
        """Return the line, from 1, of the deepest part of a path that the file holds."""
        places = self.places[1]
        line: int | None = None
        for part in loc:
            # Names of union members appear in a path but not in the file.
            if places is not None and part in places:
                line, places = places[part]
        return line if line is not None else (1 if not loc else None)

    def written(self, loc: Loc) -> tuple[str | int, ...]:
        """Return a path without the parts, before its last, that are not in the file."""
        places = self.places[1]
        parts: list[str | int] = []
        for part in loc[:-1]:
            if places is not None and part in places:
                parts.append(part)
                places = places[part][1]
        return (*parts, *loc[-1:])

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
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise DeclarationError(name, None, f"cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise DeclarationError(name, None, "is not a text file in UTF-8.") from None
    return _parsed(name, text)


@lru_cache(maxsize=1024)
def _parsed(name: Path, text: str) -> YamlFile:
    """Parse a text once, however many checks look at it; who reads it must not change it."""
    plain = read_known(text)
    if plain is not None:
        return YamlFile(name, *plain)
    try:
        document = YAML(typ="rt").load(text)
    except DuplicateKeyError as error:
        mark = error.problem_mark
        key = str(error.problem).split('"')[1] if '"' in str(error.problem) else "a key"
        raise DeclarationError(name, mark.line + 1, f"{key!r} is written twice.") from None
    except MarkedYAMLError as error:
        line = _marked_line(error, text)
        raise DeclarationError(name, line, _yaml_message(error, text, line)) from None
    except YAMLError as error:
        raise DeclarationError(name, None, f"is not YAML: {error}".split("\n")[0]) from None
    if document is None:
        raise DeclarationError(name, 1, "the file is empty.")
    if not isinstance(document, CommentedMap):
        kind = "a list" if isinstance(document, CommentedSeq) else "a single value"
        raise DeclarationError(name, 1, f"the file must hold settings (key: value), not {kind}.")
    unread = YamlFile(name, {}, (1, _places(document)))
    return YamlFile(name, _plain(unread, document, ()), unread.places)


def _places(node: Any) -> dict[str | int, Place] | None:
    if not isinstance(node, CommentedMap | CommentedSeq):
        return None
    positions = node.lc.data or {}
    items = node.items() if isinstance(node, CommentedMap) else enumerate(node)
    return {
        part: (positions[part][0] + 1 if part in positions else node.lc.line + 1, _places(value))
        for part, value in items
    }


def _plain(file: YamlFile, node: Any, loc: tuple[str | int, ...]) -> Any:
    if isinstance(node, CommentedMap):
        plain: dict[str, Any] = {}
        for key, value in node.items():
            if not isinstance(key, str):
                raise file.error((*loc, key), f"the key {key!r} must be text: put it in quotes.")
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
            return bool(node) if type(node).__name__ == "ScalarBoolean" else convert(node)
    raise file.error(loc, "this kind of YAML value (a tag beginning with !) is not allowed.")


def _marked_line(error: MarkedYAMLError, text: str) -> int | None:
    length = len(text.splitlines())
    marks = [mark for mark in (error.problem_mark, error.context_mark) if mark is not None]
    # What is never closed is noticed at the file's end, but begins earlier.
    lines = [mark.line + 1 for mark in marks]
    return next((line for line in lines if line <= length), length if lines else None)


def _yaml_message(error: MarkedYAMLError, text: str, line: int | None) -> str:
    lines = text.splitlines()
    wrong = lines[line - 1] if line and line <= len(lines) else ""
    if "\t" in wrong[: len(wrong) - len(wrong.lstrip())]:
        return "the line begins with a tab: indent with spaces."
    return f"is not YAML: {error.problem or error.context}."
