"""The OpenAPI document of what is served, made from the routes themselves.

The routes describe their bodies; added here are the authentication and the form of every answer.
"""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

_METHODS = ("get", "post", "put", "patch", "delete")
_REFUSALS = {
    "400": "The request says something impossible",
    "401": "The key or secret is missing or wrong",
    "404": "What the path names is not there",
    "409": "What is there stands in the way",
    "413": "The request is too large",
    "429": "Too many requests; Retry-After says when to come again",
}
_ENVELOPE = {
    "type": "object",
    "required": ["code"],
    "properties": {
        "code": {"type": "string", "description": "Success, or what kind of error"},
        "message": {"type": "string"},
        "data": {"type": "object"},
    },
}


def document(app: FastAPI) -> dict[str, Any]:
    """Return the document; made once, then remembered by the application."""
    if app.openapi_schema is None:
        app.openapi_schema = _made(app)
    return app.openapi_schema


def _made(app: FastAPI) -> dict[str, Any]:
    made = get_openapi(title=app.title, version="1", routes=app.routes, description=app.description)
    made["components"] = {
        "schemas": {"Envelope": _ENVELOPE},
        "securitySchemes": {"basic": {"type": "http", "scheme": "basic"}},
    }
    made["security"] = [{"basic": []}]
    shape = {"application/json": {"schema": {"$ref": "#/components/schemas/Envelope"}}}
    for path, operations in made["paths"].items():
        for method in _METHODS:
            if method not in operations:
                continue
            operation = operations[method]
            if path == "/health":
                operation["security"] = []
                continue
            good = {
                status: {**told, "content": shape}
                for status, told in operation["responses"].items()
                if status.startswith("2")
            }
            refused = {s: {"description": d, "content": shape} for s, d in _REFUSALS.items()}
            operation["responses"] = good | refused
    return made
