"""Routes that only this service has, for tests and for trying things out.

How the last syncs went, misfortune on request, the budgets of requests, and whether a group's
syncs write the platform log.
"""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse

from dataplatform.local.fivetran.context import Context
from dataplatform.local.fivetran.envelope import answer, invalid
from dataplatform.local.fivetran.faults import KINDS, Fault
from dataplatform.local.fivetran.fields import Field, checked, documented
from dataplatform.local.fivetran.limits import BUDGETS
from dataplatform.local.fivetran.requests import body_of, find, json_of

PREFIX = "/v1/local"
FAULT: Mapping[str, Field] = {
    "match": Field("string"),
    "kind": Field("string", required=True, choices=KINDS),
    "times": Field("integer", low=1),
    "seconds": Field("number"),
    "for_ever": Field("boolean"),
}
LIMITS: Mapping[str, Field] = {name: Field("integer", low=0) for name in BUDGETS}
PLATFORM_LOG: Mapping[str, Field] = {"enabled": Field("boolean", required=True)}
_MOST_FAULTS = 1000


def local_routes(context: Context) -> APIRouter:
    """Return the routes that only this service has."""
    store = context.store
    routes = APIRouter(prefix=PREFIX, tags=["Local"])

    @routes.get("/connections/{connection_id}/syncs")
    def syncs(connection_id: str, limit: int = Query(100, ge=1, le=1000)) -> JSONResponse:
        find(store, "connection", connection_id)
        return answer({"items": store.syncs(connection_id, limit)})

    @routes.get("/faults")
    def list_faults() -> JSONResponse:
        return answer({"items": [fault.as_json() for fault in context.faults.waiting()]})

    @routes.post("/faults", openapi_extra=_fault_list(), status_code=201)
    async def ask_for_faults(request: Request) -> JSONResponse:
        body = await json_of(request)
        if not isinstance(body, list) or not all(isinstance(item, dict) for item in body):
            raise invalid("The request's body must be a list of faults.")
        if len(body) + len(context.faults.waiting()) > _MOST_FAULTS:
            raise invalid(f"No more than {_MOST_FAULTS} faults can wait at a time.")
        wanted = []
        for item in body:
            said = checked(item, FAULT)
            times = None if said.get("for_ever") else said.get("times", 1)
            wanted.append(
                Fault(said.get("match", ""), said["kind"], times, float(said.get("seconds", 1)))
            )
        try:
            context.faults.add_all(wanted)
        except ValueError as error:
            raise invalid(str(error)) from error
        return answer({"items": [fault.as_json() for fault in wanted]}, "Faults will strike", 201)

    @routes.delete("/faults")
    def forget_faults() -> JSONResponse:
        context.faults.clear()
        return answer(message="No fault is waiting any more")

    @routes.get("/limits")
    def limits() -> JSONResponse:
        return answer(context.limits.current())

    @routes.put("/limits", openapi_extra=documented(LIMITS))
    async def set_limits(request: Request) -> JSONResponse:
        said = await body_of(request, LIMITS)
        context.limits.set({name: said.get(name) for name in BUDGETS})
        return answer(context.limits.current())

    @routes.put("/groups/{group_id}/platform-log", openapi_extra=documented(PLATFORM_LOG))
    async def switch_platform_log(group_id: str, request: Request) -> JSONResponse:
        find(store, "group", group_id)
        enabled = (await body_of(request, PLATFORM_LOG))["enabled"]
        store.change("group", group_id, lambda held: held.update(platform_log=enabled))
        return answer({"enabled": enabled})

    return routes


def _fault_list() -> dict[str, object]:
    one = documented(FAULT)["requestBody"]["content"]["application/json"]["schema"]
    schema = {"type": "array", "items": one}
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}
