"""The Open Data Contract Standard, versions 3.0.0 to 3.1.0, as a table of what may stand where.

Each shape lists the settings of one part of a document. Versions 3.0.x let most parts hold
settings of their author's own; those shapes say so. How a document is held against the tables is
``odcs``' business, and what a rule means is that of ``contract_rule``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

VERSIONS = ("v3.0.0", "v3.0.1", "v3.0.2", "v3.1.0")
LOGICAL_TYPES = (
    "string", "date", "timestamp", "time", "number", "integer", "object", "array", "boolean",
)  # fmt: skip
DIMENSIONS = (
    "accuracy", "completeness", "conformity", "consistency", "coverage", "timeliness", "uniqueness",
)  # fmt: skip
RULE_TYPES = ("text", "library", "sql", "custom")

#: Who may write settings that the standard does not know: nobody, 3.0's authors, or anybody.
Open = Literal["closed", "in 3.0", "always"]


@dataclass(frozen=True)
class Field:
    """One setting.

    Attributes:
        kinds: what it may be: text, number, whole, flag, any, single, settings, size, above0,
            reference, or a shape's name; a list of it where the name is in brackets.
        required: whether it must be there.
        options: the values it must be one of, if it must.
    """

    kinds: tuple[str, ...]
    required: bool = False
    options: tuple[str, ...] = ()


@dataclass(frozen=True)
class Shape:
    """The settings of one part of a document."""

    fields: Mapping[str, Field]
    open: Open = "closed"


_Words = Mapping[str, "str | Field"]


def _read(words: _Words) -> dict[str, Field]:
    """Read settings from words: ``"!text"`` is required, ``"text|[text]"`` one or the other."""
    return {
        name: kind
        if isinstance(kind, Field)
        else Field(tuple(kind.lstrip("!").split("|")), kind.startswith("!"))
        for name, kind in words.items()
    }


def _shape(open: Open, around: _Words, /, **words: str | Field) -> Shape:
    return Shape(_read({**around, **words}), open)


_AROUND: _Words = {
    "tags": "[text]",
    "customProperties": "[customProperty]",
    "authoritativeDefinitions": "[authority]",
}
_ELEMENT: _Words = {
    "id": "text",
    "physicalType": "text",
    "physicalName": "text",
    "description": "text",
    "businessName": "text",
    "quality": "[quality]",
    **_AROUND,
}
_PROPERTY: _Words = {
    **_ELEMENT,
    "logicalType": Field(("text",), options=LOGICAL_TYPES),
    "logicalTypeOptions": "settings",
    "primaryKey": "flag",
    "primaryKeyPosition": "whole",
    "required": "flag",
    "unique": "flag",
    "partitioned": "flag",
    "partitionKeyPosition": "whole",
    "classification": "text",
    "encryptedName": "text",
    "transformSourceObjects": "[text]",
    "transformLogic": "text",
    "transformDescription": "text",
    "examples": "[any]",
    "criticalDataElement": "flag",
    "relationships": "[columnRelationship]",
    "properties": "[property]",
    "items": "item",
}
_MEMBER: _Words = {
    "id": "text",
    "name": "text",
    "description": "text",
    "role": "text",
    "dateIn": "text",
    "dateOut": "text",
    "replacedByUsername": "text",
    **_AROUND,
}
_SUPPORT: _Words = {
    "id": "text",
    "channel": "!text",
    "url": "text",
    "description": "text",
    "tool": "text",
    "scope": "text",
    "invitationUrl": "text",
    "customProperties": "[customProperty]",
}
_RELATIONSHIP: _Words = {
    "id": "text",
    "type": Field(("text",), options=("foreignKey",)),
    "customProperties": "[customProperty]",
}

SHAPES: dict[str, Shape] = {
    "contract": _shape(
        "closed",
        _AROUND,
        version="!text",
        kind="!text",
        apiVersion="!text",
        id="!text",
        status="!text",
        name="text",
        tenant="text",
        servers="[server]",
        dataProduct="text",
        description="description",
        domain="text",
        schema="[table]",
        support="[support]",
        price="price",
        team="team|[member]",
        roles="[role]",
        slaDefaultElement="text",
        slaProperties="[sla]",
        contractCreatedTs="text",
    ),
    "description": _shape(
        "always",
        {},
        usage="text",
        purpose="text",
        limitations="text",
        customProperties="[customProperty]",
        authoritativeDefinitions="[authority]",
    ),
    "table": _shape(
        "closed",
        _ELEMENT,
        name="!text",
        logicalType=Field(("text",), options=("object",)),
        dataGranularityDescription="text",
        relationships="[tableRelationship]",
        properties="[property]",
    ),
    "property": _shape("closed", _PROPERTY, name="!text"),
    "item": _shape("closed", _PROPERTY, name="text"),
    "columnRelationship": _shape("closed", _RELATIONSHIP, to="!reference|[reference]"),
    "tableRelationship": _shape(
        "closed", _RELATIONSHIP, **{"from": "!reference|[reference]"}, to="!reference|[reference]"
    ),
    "quality": _shape(
        "in 3.0",
        _AROUND,
        id="text",
        name="text",
        description="text",
        type=Field(("text",), options=RULE_TYPES),
        dimension=Field(("text",), options=DIMENSIONS),
        method="text",
        severity="text",
        businessImpact="text",
        schedule="text",
        scheduler="text",
        unit="text",
        metric="text",
        rule="text",
        arguments="settings",
        mustBe="any",
        mustNotBe="any",
        mustBeGreaterThan="number",
        mustBeGreaterOrEqualTo="number",
        mustBeLessThan="number",
        mustBeLessOrEqualTo="number",
        mustBeBetween="[number]",
        mustNotBeBetween="[number]",
        query="text",
        engine="text",
        implementation="text|settings",
    ),
    "authority": _shape("in 3.0", {}, id="text", url="!text", type="!text", description="text"),
    "customProperty": _shape(
        "in 3.0", {}, id="text", property="!text", value="!any", description="text"
    ),
    "support": _shape("in 3.0", _SUPPORT),
    "price": _shape(
        "in 3.0", {}, id="text", priceAmount="number", priceCurrency="text", priceUnit="text"
    ),
    "member": _shape("in 3.0", _MEMBER, username="text"),
    "namedMember": _shape("closed", _MEMBER, username="!text"),
    "team": _shape(
        "closed", _AROUND, id="text", name="text", description="text", members="[namedMember]"
    ),
    "role": _shape(
        "in 3.0",
        {},
        id="text",
        role="!text",
        description="text",
        access="text",
        firstLevelApprovers="text",
        secondLevelApprovers="text",
        customProperties="[customProperty]",
    ),
    "sla": _shape(
        "in 3.0",
        {},
        id="text",
        property="!text",
        value="!single",
        valueExt="single",
        unit="text",
        element="text",
        driver="text",
        description="text",
        scheduler="text",
        schedule="text",
        customProperties="[customProperty]",
        authoritativeDefinitions="[authority]",
    ),
    "server": _shape(
        "always",
        {},
        id="text",
        server="!text",
        type="!text",
        description="text",
        environment="text",
        roles="[role]",
        customProperties="[customProperty]",
    ),
}

_LENGTH: _Words = {"minLength": "size", "maxLength": "size", "pattern": "text", "format": "text"}
_DAY: _Words = {"format": "text", "minimum": "text", "maximum": "text",
        "exclusiveMinimum": "text|flag", "exclusiveMaximum": "text|flag"}  # fmt: skip
_TIME: _Words = {**_DAY, "timezone": "flag", "defaultTimezone": "text"}
_NUMBER: _Words = {"multipleOf": "above0", "minimum": "number", "maximum": "number",
           "exclusiveMinimum": "number|flag", "exclusiveMaximum": "number|flag"}  # fmt: skip
_OPTIONS: dict[str, _Words] = {
    "string": _LENGTH,
    "date": _DAY,
    "timestamp": _TIME,
    "time": _TIME,
    "integer": {**_NUMBER, "format": Field(("text",), options=(
        "i8", "i16", "i32", "i64", "i128", "u8", "u16", "u32", "u64", "u128"))},
    "number": {**_NUMBER, "format": Field(("text",), options=("f32", "f64"))},
    "object": {"maxProperties": "size", "minProperties": "size", "required": "[text]"},
    "array": {"maxItems": "size", "minItems": "size", "uniqueItems": "flag"},
}  # fmt: skip
#: The options of each logical type.
TYPE_OPTIONS = {name: _read(options) for name, options in _OPTIONS.items()}
