"""Prints the part of requirements.lock that an image needs: the platform and chosen extras.

The lock holds everything, tests and linters too. What each package is there for stands in it
(`# via …`), so the part is read off, and no second lock can come to differ from the first.

    python deploy/image/lock.py production > requirements.txt
"""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_PIN = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^]]*\])?==")


def name_of(requirement: str) -> str:
    """Return the normal form of the package that a requirement names."""
    found = re.match(r"[A-Za-z0-9][A-Za-z0-9._-]*", requirement.strip())
    if found is None:
        raise ValueError(f"{requirement!r} names no package.")
    return re.sub(r"[-_.]+", "-", found[0]).lower()


def blocks(lock: str) -> dict[str, str]:
    """Return a lock's lines by package."""
    found: dict[str, str] = {}
    name = ""
    for line in lock.splitlines(keepends=True):
        if pin := _PIN.match(line):
            name = name_of(pin[1])
        if name:
            found[name] = found.get(name, "") + line
    return found


def wanted_by(block: str) -> set[str]:
    """Return the packages that a block's `# via` names, each of which asks for this one."""
    comments = [line.strip() for line in block.splitlines() if line.strip().startswith("#")]
    names = [line.removeprefix("#").strip().removeprefix("via").strip() for line in comments]
    return {name_of(name) for name in names if name and not name.startswith("dataplatform ")}


def part(lock: str, project: str, extras: list[str]) -> str:
    """Return the blocks of a lock that the project with some extras needs.

    Args:
        lock: the text of requirements.lock.
        project: the text of pyproject.toml.
        extras: names of its optional dependencies.

    Raises:
        ValueError: an extra is not declared, or a direct requirement is not in the lock.
    """
    declared = tomllib.loads(project)["project"]
    optional = declared["optional-dependencies"]
    unknown = sorted(set(extras) - set(optional))
    if unknown:
        raise ValueError(f"{unknown[0]!r} is no extra; there are {', '.join(sorted(optional))}.")
    direct = [*declared["dependencies"], *(one for extra in extras for one in optional[extra])]
    all_blocks = blocks(lock)
    needed = {name_of(one) for one in direct}
    missing = sorted(needed - set(all_blocks))
    if missing:
        raise ValueError(f"{missing[0]} is not in requirements.lock.")
    parents = {name: wanted_by(block) for name, block in all_blocks.items()}
    while more := {name for name in parents if name not in needed and parents[name] & needed}:
        needed |= more
    return "".join(block for name, block in all_blocks.items() if name in needed)


if __name__ == "__main__":
    sys.stdout.write(
        part(
            (ROOT / "requirements.lock").read_text(encoding="utf-8"),
            (ROOT / "pyproject.toml").read_text(encoding="utf-8"),
            sys.argv[1:],
        )
    )
