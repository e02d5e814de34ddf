"""Routes of the certificates and SSH fingerprints that are approved for whom.

The same under connections (both path families) and destinations. What is presented, and whether
it is trusted, is ``trust``'s business.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from dataplatform.local.fivetran import trust
from dataplatform.local.fivetran.context import Context
from dataplatform.local.fivetran.envelope import answer, invalid, not_found, page
from dataplatform.local.fivetran.fields import Field, documented
from dataplatform.local.fivetran.requests import body_of, find
from dataplatform.local.fivetran.store import Document

_BODIES: Mapping[str, Mapping[str, Field]] = {
    trust.CERTIFICATE: {
        "hash": Field("string", required=True),
        "encoded_cert": Field("string", required=True),
    },
    trust.FINGERPRINT: {
        "hash": Field("string", required=True),
        "public_key": Field("string", required=True),
    },
}


def trust_routes(context: Context, prefix: str, owner_kind: str, kind: str) -> APIRouter:
    """Return the routes of one kind of approval for connections or destinations.

    Args:
        context: the running service.
        prefix: the path of the owners.
        owner_kind: connection or destination.
        kind: certificate or fingerprint.
    """
    store = context.store
    routes = APIRouter(prefix=f"{prefix}/{{owner_id}}/{kind}s", tags=["Certificates"])

    def view(approval: Document) -> Document:
        shown = {k: v for k, v in approval.items() if k not in ("owner", "encoded_cert")}
        return {**shown, "id": trust.short(approval["hash"])}

    def held(owner_id: str, digest: str) -> Document:
        find(store, owner_kind, owner_id)
        for approval in store.every(kind):
            if approval["owner"] == owner_id and digest in (
                approval["hash"],
                trust.short(approval["hash"]),
            ):
                return approval
        raise not_found(kind.capitalize(), digest)

    @routes.get("")
    def list_approved(
        owner_id: str, cursor: str | None = None, limit: int | None = None
    ) -> JSONResponse:
        find(store, owner_kind, owner_id)
        approved = [view(a) for a in store.every(kind) if a["owner"] == owner_id]
        return answer(page(approved, cursor, limit))

    @routes.post("", openapi_extra=documented(_BODIES[kind]))
    async def approve(owner_id: str, request: Request) -> JSONResponse:
        find(store, owner_kind, owner_id)
        body = await body_of(request, _BODIES[kind])
        found = _described(kind, body)
        if found["hash"] != body["hash"]:
            raise invalid(f"'hash' is not that of the {kind}: it is {found['hash']!r}.")
        approval = trust.approve(store, kind, owner_id, found)
        return answer(view(approval), f"The {kind} has been approved")

    # A hash in base64 may hold slashes.
    @routes.get("/{digest:path}")
    def get_approved(owner_id: str, digest: str) -> JSONResponse:
        return answer(view(held(owner_id, digest)))

    @routes.delete("/{digest:path}")
    def revoke(owner_id: str, digest: str) -> JSONResponse:
        store.delete(kind, held(owner_id, digest)["id"])
        return answer(message=f"The {kind} has been revoked")

    return routes


def _described(kind: str, body: Document) -> Document:
    field = "encoded_cert" if kind == trust.CERTIFICATE else "public_key"
    text = body[field].split()
    # A public key is often written with its type before it and a comment after it.
    encoded = text[1] if len(text) > 1 and kind == trust.FINGERPRINT else "".join(text)
    try:
        raw = base64.b64decode(encoded, validate=True)
        if not raw:
            raise ValueError("nothing in it")
        if kind == trust.CERTIFICATE:
            return trust.describe_certificate(raw)
    except (binascii.Error, ValueError) as error:
        raise invalid(f"'{field}' is no {kind} in base64.") from error
    return trust.describe_key(raw)
