"""Whom to call about a contract's table: what the standard's team, support and domain tell."""

from __future__ import annotations

import re
from typing import Any

from dataplatform.declarations.owner import check_owner
from dataplatform.declarations.yaml_file import YamlFile

_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


def owner_of(file: YamlFile) -> str:
    """Return the owner of a contract: an e-mail address, ``team:<name>``, or an empty text.

    A member whose role names an owner comes first, then the team's name, another member, a support
    channel with an address, and the data product or domain.

    Raises:
        DeclarationError: the owner's name cannot be written as one.
    """
    team = file.data.get("team")
    members: list[dict[str, Any]]
    members = (team.get("members") or []) if isinstance(team, dict) else (team or [])
    present = [
        (index, one) for index, one in enumerate(members) if one.get("username")
        and not one.get("dateOut")
    ]  # fmt: skip
    inside = ("team", "members") if isinstance(team, dict) else ("team",)
    for index, one in present:
        if "owner" in str(one.get("role") or "").lower():
            username = str(one["username"])
            if "@" in username:
                check_owner(file, (*inside, index, "username"), username)
            return _written(username)
    if isinstance(team, dict) and team.get("name"):
        return _written(str(team["name"]))
    for _, one in present:
        return _written(str(one["username"]))
    for channel in file.data.get("support") or []:
        address = str(channel.get("url") or "").removeprefix("mailto:")
        if _ADDRESS.fullmatch(address):
            return address
    for name in ("dataProduct", "domain"):
        if file.data.get(name):
            return _written(str(file.data[name]))
    return ""


def _written(name: str) -> str:
    """Write a name as an owner: an address as it is, anything else as a team."""
    if _ADDRESS.fullmatch(name):
        return name
    team = re.sub(r"[^A-Za-z0-9_-]+", "-", name.removeprefix("team:")).strip("-")
    return f"team:{team}" if team else ""
