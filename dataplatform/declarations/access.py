"""Who may read what: ``config/access.yml``.

Nothing is granted that the file does not say. This module reads and refuses; which tables a role
reads in the end, and what a warehouse must be told, is the business of the room ``access``.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, cast

from pydantic import Field

from dataplatform.declarations.access_rows import columns_of
from dataplatform.declarations.errors import nearest
from dataplatform.declarations.naming import is_identifier
from dataplatform.declarations.strict import Strict, validate
from dataplatform.declarations.yaml_file import Loc, YamlFile, read_yaml
from dataplatform.keys import (
    CANDIDATE,
    CURATED,
    INTERMEDIATE,
    LAKE_RAW,
    PLATFORM,
    PUBLISHED,
    QUARANTINE,
    SNAPSHOTS,
    STAGING,
    Relation,
    layer_of,
)

FILE = "access.yml"
#: The groups of schemas that a role can read or write as a whole.
LAYERS = (
    "raw", STAGING, INTERMEDIATE, SNAPSHOTS, CANDIDATE, PUBLISHED, QUARANTINE, PLATFORM,
)  # fmt: skip
#: From what everybody may know to what hardly anybody may.
CLASSIFICATIONS = ("public", "internal", "confidential", "restricted", "secret", "pii")
OPEN = ("public", "internal")
Method = Literal["null", "hash", "partial", "redact"]
_MAIL = re.compile(r"[^@\s\"'`;\\]+@[^@\s\"'`;\\]+\.[^@\s\"'`;\\]+")
_ACCOUNT = re.compile(r"[A-Za-z_][A-Za-z0-9_.@-]{0,254}")
_COMPUTE = re.compile(r"[A-Za-z_][A-Za-z0-9_$]{0,254}")


@dataclass(frozen=True)
class Role:
    """What one role says by itself; what it inherits is not in it.

    Attributes:
        name: small letters, digits and underscores.
        users: who holds it, by mail.
        service_accounts: programs that hold it, by the warehouse's name of their account.
        inherits: roles whose rights it has too.
        reads: layers, and tables as ``schema.table``.
        reads_only: of a layer, only the tables whose columns are all of these classifications.
        writes: layers in which it makes tables.
        sees: classifications that it is shown as they are.
        warehouses: what it computes with.
        rows: the rows that it is shown, by table; a table that is not named shows all.
    """

    name: str
    description: str = ""
    users: tuple[str, ...] = ()
    service_accounts: tuple[str, ...] = ()
    inherits: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()
    reads_only: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    writes: tuple[str, ...] = ()
    sees: tuple[str, ...] = OPEN
    warehouses: tuple[str, ...] = ()
    rows: Mapping[Relation, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Access:
    """What ``config/access.yml`` says; without the file nobody is granted anything.

    Attributes:
        file: the file, relative to the project; None where there is none.
        roles: by name, in the file's order.
        masking: how values of a classification are hidden from a role that may not see them.
        unclassified: the classification of a column that no contract promises.
    """

    file: Path | None = None
    roles: Mapping[str, Role] = field(default_factory=dict)
    masking: Mapping[str, Method] = field(default_factory=dict)
    unclassified: str = "confidential"

    def method(self, classification: str) -> Method:
        """Return how a classification is hidden; one that the file does not know shows nothing."""
        return self.masking.get(classification, "null")


class _Role(Strict):
    description: str = ""
    users: list[str] = Field(default_factory=list)
    service_accounts: list[str] = Field(default_factory=list)
    inherits: list[str] = Field(default_factory=list)
    reads: list[str] = Field(default_factory=list)
    reads_only: dict[str, list[str]] = Field(default_factory=dict)
    writes: list[str] = Field(default_factory=list)
    sees: list[str] = Field(default_factory=lambda: list(OPEN))
    warehouses: list[str] = Field(default_factory=list)
    rows: dict[str, str] = Field(default_factory=dict)


class _AccessFile(Strict):
    unclassified: str = "confidential"
    masking: dict[str, str | None] = Field(default_factory=dict)
    roles: dict[str, _Role]


def load_access(path: Path, root: Path, made: Collection[Relation]) -> Access:
    """Read ``config/access.yml``; an absent file grants nothing.

    Args:
        path: the file.
        root: the project's root.
        made: what the project makes, which a table must be among.

    Raises:
        DeclarationError: something in it is wrong; the text names the line.
    """
    if not path.is_file():
        return Access()
    file = read_yaml(path, root)
    content = validate(_AccessFile, file, "the access file")
    masking: dict[str, Method] = {}
    for name, method in content.masking.items():
        _known(file, ("masking", name), name, CLASSIFICATIONS, "a classification")
        # YAML reads a bare null as nothing at all, which is what it means here too.
        said = "null" if method is None else method
        _known(file, ("masking", name), said, ("null", "hash", "partial", "redact"), "a method")
        masking[name] = cast("Method", said)
    _known(file, ("unclassified",), content.unclassified, CLASSIFICATIONS, "a classification")
    if not content.roles:
        raise file.error(("roles",), "the access file names no role.")
    roles = {
        name: _role(file, name, said, list(content.roles), made)
        for name, said in content.roles.items()
    }
    _refuse_circles(file, roles)
    return Access(file.path, roles, masking, content.unclassified)


def _role(
    file: YamlFile, name: str, said: _Role, names: list[str], made: Collection[Relation]
) -> Role:
    at = ("roles", name)
    if not is_identifier(name):
        raise file.error(at, f"{name!r} is not a safe name for a role: small letters, digits, _.")
    for index, one in enumerate(said.inherits):
        _known(file, (*at, "inherits", index), one, [n for n in names if n != name], "a role")
    for index, one in enumerate(said.users):
        if _MAIL.fullmatch(one) is None:
            raise file.error((*at, "users", index), f"{one!r} is no e-mail address.")
    for index, one in enumerate(said.service_accounts):
        if _ACCOUNT.fullmatch(one) is None:
            raise file.error(
                (*at, "service_accounts", index), f"{one!r} is no name of a service account."
            )
    for index, one in enumerate(said.warehouses):
        if _COMPUTE.fullmatch(one) is None:
            raise file.error((*at, "warehouses", index), f"{one!r} is no name of a warehouse.")
    for key in ("users", "service_accounts", "inherits", "reads", "writes", "warehouses", "sees"):
        _refuse_twice(file, (*at, key), getattr(said, key))
    readable = [*LAYERS, *sorted(str(one) for one in _tables(made))]
    for index, one in enumerate(said.reads):
        _known(file, (*at, "reads", index), one, readable, "a layer or a table")
    for index, one in enumerate(said.writes):
        _known(file, (*at, "writes", index), one, LAYERS, "a layer")
    for index, one in enumerate(said.sees):
        _known(file, (*at, "sees", index), one, CLASSIFICATIONS, "a classification")
    for layer, only in said.reads_only.items():
        _known(file, (*at, "reads_only", layer), layer, LAYERS, "a layer")
        if layer in said.reads:
            raise file.error(
                (*at, "reads_only", layer), f"{layer!r} is read as a whole already, under reads."
            )
        for index, one in enumerate(only):
            where = (*at, "reads_only", layer, index)
            _known(file, where, one, CLASSIFICATIONS, "a classification")
    return Role(
        name=name,
        description=said.description,
        users=tuple(said.users),
        service_accounts=tuple(said.service_accounts),
        inherits=tuple(said.inherits),
        reads=tuple(said.reads),
        reads_only={layer: tuple(only) for layer, only in said.reads_only.items()},
        writes=tuple(said.writes),
        sees=tuple(said.sees),
        warehouses=tuple(said.warehouses),
        rows=_rows(file, at, said, made),
    )


def _rows(
    file: YamlFile, at: tuple[str, str], said: _Role, made: Collection[Relation]
) -> dict[Relation, str]:
    tables = {str(one): one for one in _tables(made)}
    found: dict[Relation, str] = {}
    for name, condition in said.rows.items():
        where = (*at, "rows", name)
        _known(file, where, name, sorted(tables), "a table that anything makes")
        relation = tables[name]
        layer = layer_of(relation)
        if not {name, layer} & {*said.reads, *said.reads_only}:
            raise file.error(
                where, f"the role {at[1]!r} does not read {name}: name it or {layer!r} under reads."
            )
        try:
            columns_of(condition)
        except ValueError as error:
            raise file.error(where, f"{error}.") from None
        found[relation] = condition
    return found


def _tables(made: Collection[Relation]) -> list[Relation]:
    return [one for one in made if one.schema not in (CURATED, LAKE_RAW)]


def _known(file: YamlFile, loc: Loc, name: str, names: Collection[str], what: str) -> None:
    if name not in names:
        raise file.error(loc, f"{name!r} is not {what}.{nearest(name, names)}")


def _refuse_twice(file: YamlFile, loc: tuple[str, ...], names: list[str]) -> None:
    for index, name in enumerate(names):
        if name in names[:index]:
            raise file.error((*loc, index), f"{name!r} is named twice.")


def _refuse_circles(file: YamlFile, roles: Mapping[str, Role]) -> None:
    done: set[str] = set()

    def visit(name: str, path: tuple[str, ...]) -> None:
        if name in path:
            circle = " → ".join([*path[path.index(name) :], name])
            raise file.error(
                ("roles", path[-1], "inherits"), f"roles inherit in a circle: {circle}."
            )
        if name not in done:
            for parent in roles[name].inherits:
                visit(parent, (*path, name))
            done.add(name)

    for name in roles:
        visit(name, ())
