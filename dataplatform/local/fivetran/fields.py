"""What the body of a request may say: its fields, their types and choices.

One description serves both the check of a request and the OpenAPI document. Rules that need more
than the field itself (is the group there? may it change?) belong to the routes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dataplatform.declarations.errors import nearest
from dataplatform.local.fivetran.envelope import invalid

_KINDS: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "object": (dict,),
    "array": (list,),
}
_LONGEST_TEXT = 10_000


@dataclass(frozen=True)
class Field:
    """One field of a request.

    Args:
        kind: its JSON type; numbers may also come as digits in a string, as the API allows.
        required: it must be there.
        choices: the values it may have.
        pattern: what the whole text must look like.
        says: what the pattern means, in words.
        low: the least number.
        high: the greatest number.
        items: the type of an array's items.
    """

    kind: str
    required: bool = False
    choices: tuple[Any, ...] = ()
    pattern: str | None = None
    says: str = ""
    low: float | None = None
    high: float | None = None
    items: str | None = None

    def checked(self, name: str, value: Any) -> Any:
        """Return a value that fits.

        Raises:
            ApiError: it does not; the sentence names the field and what it may be.
        """
        if self.kind == "integer" and isinstance(value, str) and re.fullmatch(r"\d{1,9}", value):
            value = int(value)
        if not _is(value, self.kind):
            raise invalid(f"'{name}' must be {_with_article(self.kind)}.")
        if isinstance(value, str) and len(value) > _LONGEST_TEXT:
            raise invalid(f"'{name}' is longer than {_LONGEST_TEXT} characters.")
        if self.choices and value not in self.choices:
            choices = ", ".join(map(str, self.choices))
            raise invalid(
                f"'{name}' must be one of {choices}, not {_shown(value)}."
                + nearest(str(value), [str(choice) for choice in self.choices])
            )
        if self.pattern is not None and not re.fullmatch(self.pattern, value):
            raise invalid(f"'{name}' must be {self.says}, not {_shown(value)}.")
        if (self.low is not None and value < self.low) or (
            self.high is not None and value > self.high
        ):
            raise invalid(f"'{name}' must be between {self.low} and {self.high}.")
        if self.items is not None and not all(_is(item, self.items) for item in value):
            raise invalid(f"'{name}' must be an array of {self.items}s.")
        return value

    def schema(self) -> dict[str, Any]:
        """Return the field as JSON schema."""
        shape: dict[str, Any] = {"type": self.kind}
        if self.choices:
            shape["enum"] = list(self.choices)
        if self.pattern is not None:
            shape |= {"pattern": f"^{self.pattern}$", "description": self.says}
        if self.low is not None:
            shape["minimum"] = self.low
        if self.high is not None:
            shape["maximum"] = self.high
        if self.items is not None:
            shape["items"] = {"type": self.items}
        return shape


Fields = Mapping[str, Field]


def _is(value: Any, kind: str) -> bool:
    # True is an int to Python, but no number to JSON.
    return isinstance(value, _KINDS[kind]) and (kind == "boolean" or not isinstance(value, bool))


def _with_article(kind: str) -> str:
    return {"boolean": "true or false"}.get(kind, f"{'an' if kind[0] in 'aio' else 'a'} {kind}")


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def checked(body: Mapping[str, Any], fields: Fields) -> dict[str, Any]:
    """Return the fields of a request that say something; null says nothing.

    Raises:
        ApiError: a field is unknown or missing, or its value cannot be.
    """
    for name in body:
        if name not in fields:
            raise invalid(f"Unknown field {_shown(name)}." + nearest(str(name), list(fields)))
    found = {
        name: fields[name].checked(name, value) for name, value in body.items() if value is not None
    }
    for name, field in fields.items():
        if field.required and name not in found:
            raise invalid(f"'{name}' is missing.")
    return found


def documented(fields: Fields, *, required: bool = True) -> dict[str, Any]:
    """Return what FastAPI's routes add to the OpenAPI document for a body with these fields."""
    schema: dict[str, Any] = {
        "type": "object",
        "additionalProperties": False,
        "properties": {name: field.schema() for name, field in fields.items()},
    }
    needed = [name for name, field in fields.items() if field.required]
    if needed:
        schema["required"] = needed
    return {
        "requestBody": {
            "required": required and bool(needed),
            "content": {"application/json": {"schema": schema}},
        }
    }
