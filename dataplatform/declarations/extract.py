"""Extracts: sources outside Fivetran, whose rows are written to the raw bucket first.

A file ``config/extracts/<name>.yml`` is either ``rest`` (pages of an HTTP API) or ``python`` (a
function that yields rows, with a declared cursor). How rows are fetched and written is the
business of ``ingestion``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import Field

from dataplatform.declarations.naming import is_identifier
from dataplatform.declarations.owner import check_owner
from dataplatform.declarations.strict import Strict, validate
from dataplatform.declarations.yaml_file import YamlFile, read_yaml
from dataplatform.keys import LAKE_RAW, Relation


class Resource(Strict):
    """One kind of row of a source.

    Attributes:
        name: what the data set is called.
        path: where it lies below the base address; for ``rest`` only.
        primary_key: fields that tell one row from another.
        page_size: rows asked for at a time.
        cursor: a field that only grows, from which the next extract goes on; None reads all.
        description: Markdown.
    """

    name: str
    path: str | None = None
    primary_key: list[str] = Field(default_factory=list)
    page_size: int = 100
    cursor: str | None = None
    description: str = ""


@dataclass(frozen=True)
class Extract:
    """One declared extract; ``base_url`` may hold references, resolved at use.

    Attributes:
        name: the file's stem.
        file: the file, relative to the project.
        base_url: the API's address, raw; empty for ``python``.
        module: ``package.module:function`` of a ``python`` extract; empty for ``rest``.
        prefix: the folder in the raw bucket.
    """

    name: str
    file: Path
    kind: Literal["rest", "python"]
    base_url: str
    module: str
    prefix: str
    resources: list[Resource]
    owner: str
    description: str

    def relation(self, resource: Resource | str) -> Relation:
        """Return the data set in the lake that a resource is written to."""
        name = resource if isinstance(resource, str) else resource.name
        return Relation(LAKE_RAW, f"{self.name}_{name}")

    @property
    def relations(self) -> dict[Relation, Resource]:
        """Every resource by the data set it is written to."""
        return {self.relation(resource): resource for resource in self.resources}


class _ExtractFile(Strict):
    kind: Literal["rest", "python"]
    description: str
    owner: str
    base_url: str | None = None
    module: str | None = None
    prefix: str | None = None
    resources: list[Resource]


def load_extract(path: Path, root: Path) -> Extract:
    """Read one extract file.

    Raises:
        DeclarationError: something in it is wrong; the text names the line.
    """
    file = read_yaml(path, root)
    content = validate(_ExtractFile, file, "an extract")
    if not is_identifier(path.stem):
        raise file.error((), f"{path.stem!r} is not a safe name for an extract.")
    check_owner(file, ("owner",), content.owner)
    _check_kind(file, content)
    prefix = content.prefix if content.prefix is not None else path.stem
    if not re.fullmatch(r"[a-z0-9_]+(/[a-z0-9_]+)*", prefix):
        raise file.error(("prefix",), f"{prefix!r} is not a safe folder in a bucket.")
    _check_resources(file, content)
    return Extract(
        name=path.stem,
        file=file.path,
        kind=content.kind,
        base_url=content.base_url or "",
        module=content.module or "",
        prefix=prefix,
        resources=list(content.resources),
        owner=content.owner,
        description=content.description,
    )


def _check_kind(file: YamlFile, content: _ExtractFile) -> None:
    wanted, other = ("base_url", "module") if content.kind == "rest" else ("module", "base_url")
    values = {"base_url": content.base_url, "module": content.module}
    if values[other] is not None:
        raise file.error(
            (other,),
            f"an extract of kind {content.kind!r} has {wanted!r}, not {other!r}.",
        )
    value = values[wanted]
    if value is None:
        raise file.error(
            ("kind",),
            f"the setting {wanted!r} of an extract of kind {content.kind!r} is missing.",
        )
    if wanted == "base_url" and not re.match(r"https?://|\$\{", value):
        raise file.error(
            ("base_url",),
            f"{value!r} is not an address: it begins with http:// or https://.",
        )
    if wanted == "module" and not re.fullmatch(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*", value):
        raise file.error(("module",), f"{value!r} must be written as package.module:function.")


def _check_resources(file: YamlFile, content: _ExtractFile) -> None:
    if not content.resources:
        raise file.error(("resources",), "the extract declares no resource.")
    seen: set[str] = set()
    for index, resource in enumerate(content.resources):
        loc = ("resources", index)
        if not is_identifier(resource.name):
            raise file.error(
                (*loc, "name"), f"{resource.name!r} is not a safe name for a resource."
            )
        if resource.name in seen:
            raise file.error((*loc, "name"), f"the resource {resource.name!r} is declared twice.")
        seen.add(resource.name)
        if content.kind == "rest" and not resource.path:
            raise file.error(
                loc, f"the setting 'path' of the resource {resource.name!r} is missing."
            )
        if not 1 <= resource.page_size <= 10_000:
            raise file.error((*loc, "page_size"), "page_size must be between 1 and 10000 rows.")
