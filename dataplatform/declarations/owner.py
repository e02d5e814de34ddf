"""Owners: whom to call about a declared thing, an e-mail address or a team."""

from __future__ import annotations

import re

from dataplatform.declarations.yaml_file import YamlFile


def check_owner(file: YamlFile, loc: tuple[str | int, ...], owner: str) -> None:
    """Refuse an owner that is neither an e-mail address nor ``team:<name>``.

    Raises:
        DeclarationError: it is neither.
    """
    if not re.fullmatch(r"team:[A-Za-z0-9_-]+|[^@\s]+@[^@\s]+\.[^@\s]+", owner):
        raise file.error(loc, f"{owner!r} is no owner: write an e-mail address or team:<name>.")
