"""Routes that tell of the account and of the kinds of sources it can have."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from dataplatform.local.fivetran.connection_document import SETTINGS
from dataplatform.local.fivetran.envelope import answer, not_found, page
from dataplatform.local.fivetran.routes_groups import local_user
from dataplatform.local.fivetran.services.base import DATABASES, REQUIRED, SECRETS
from dataplatform.local.fivetran.store import Document

_DOCS = "https://fivetran.com/docs/connectors"


def metadata_routes() -> APIRouter:
    """Return the routes of kinds of sources, of users, and of the account."""
    routes = APIRouter(prefix="/v1", tags=["Metadata"])

    @routes.get("/metadata/connector-types")
    def kinds(cursor: str | None = None, limit: int | None = None) -> JSONResponse:
        return answer(page([_summary(service) for service in REQUIRED], cursor, limit))

    @routes.get("/metadata/connector-types/{service}")
    def kind(service: str) -> JSONResponse:
        if service not in REQUIRED:
            raise not_found("Service", service)
        return answer({**_summary(service), "config": _config(service), "auth": {}})

    @routes.get("/users")
    def users(cursor: str | None = None, limit: int | None = None) -> JSONResponse:
        return answer(page([local_user()], cursor, limit))

    @routes.get("/users/{user_id}")
    def user(user_id: str) -> JSONResponse:
        if user_id != local_user()["id"]:
            raise not_found("User", user_id)
        return answer(local_user())

    @routes.get("/account/info")
    def account() -> JSONResponse:
        user_id = local_user()["id"]
        return answer({"account_id": "local", "account_name": "local", "user_id": user_id})

    return routes


def _summary(service: str) -> Document:
    return {
        "id": service,
        "name": service.replace("_", " ").title(),
        "type": "Database" if service in DATABASES else "Other",
        "description": f"{service}, read by the local service",
        "icon_url": "",
        "icons": [],
        "link_to_docs": f"{_DOCS}/{service}",
        "link_to_erd": "",
        "connector_class": "standard",
        "service_status": "general_availability",
        "supported_features": sorted(SETTINGS),
    }


def _config(service: str) -> Document:
    schema = "schema_prefix" if service in DATABASES else "schema"
    needed = [schema, *REQUIRED[service]]
    names = [*needed, *(name for name in SECRETS[service] if name not in needed)]
    properties = {
        name: {"format": "password"} if name in SECRETS[service] else {} for name in names
    }
    # Further settings are the services' own business and are taken as they come.
    return {
        "type": "object",
        "properties": properties,
        "required": needed,
        "additionalProperties": True,
    }
