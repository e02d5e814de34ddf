"""Which certificates and SSH host keys a source presents, and whether they are trusted.

A source that speaks TLS presents a certificate, a tunnel's host a key. Each must have been
approved, by hand or because the request says to trust what comes; an unknown one fails the set-up
and is shown with all that is needed to approve it. Approving is in ``routes_trust``.
"""

from __future__ import annotations

import base64
import hashlib
import socket
import ssl
from collections.abc import Callable
from typing import Any

from dataplatform.local.fivetran.services.base import DATABASES
from dataplatform.local.fivetran.ssh_key import host_key
from dataplatform.local.fivetran.store import Document, Store, now
from dataplatform.local.fivetran.views import USER

CERTIFICATE, FINGERPRINT = "certificate", "fingerprint"
TIMEOUT_SECONDS = 5.0
# PostgreSQL's own question whether the server speaks TLS: length 8, code 80877103.
_SSL_REQUEST = (8).to_bytes(4) + (80877103).to_bytes(4)


def identifier(owner: str, digest: str) -> str:
    """Return the id of an approval: whose it is, and the hash in base64url as the API has it."""
    return f"{owner}:{short(digest)}"


def short(digest: str) -> str:
    """Return a hash in base64url without padding."""
    return base64.urlsafe_b64encode(digest.encode()).decode().rstrip("=")


def approve(store: Store, kind: str, owner: str, found: Document) -> Document:
    """Remember that something presented is trusted; return the approval."""
    approval = {
        **found,
        "id": identifier(owner, found["hash"]),
        "owner": owner,
        "validated_by": USER,
        "validated_date": now(),
    }
    return store.put(kind, approval)


def is_approved(store: Store, kind: str, owner: str, digest: str) -> bool:
    """Tell whether what has this hash is trusted for a connection or destination."""
    return store.get(kind, identifier(owner, digest)) is not None


def describe_certificate(der: bytes) -> Document:
    """Return what the API tells of a certificate.

    Raises:
        ValueError: the bytes are no certificate.
    """
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    certificate = x509.load_der_x509_certificate(der)
    public = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    digest = hashlib.sha256(der).digest()
    return {
        "name": certificate.subject.rfc4514_string(),
        "type": "TLS",
        "hash": base64.b64encode(digest).decode(),
        "sha1": hashlib.sha1(der, usedforsecurity=False).hexdigest(),
        "sha256": digest.hex(),
        "public_key": base64.b64encode(public).decode(),
        "encoded_cert": base64.b64encode(der).decode(),
    }


def describe_key(blob: bytes) -> Document:
    """Return what the API tells of an SSH host key."""
    digest = hashlib.sha256(blob).digest()
    return {
        "hash": "SHA256:" + base64.b64encode(digest).decode().rstrip("="),
        "public_key": base64.b64encode(blob).decode(),
    }


def presented_certificate(host: str, port: int) -> Document | None:
    """Return the certificate a PostgreSQL server presents; None if it speaks no TLS.

    Raises:
        OSError: the server cannot be asked.
    """
    with socket.create_connection((host, port), TIMEOUT_SECONDS) as plain:
        plain.sendall(_SSL_REQUEST)
        if plain.recv(1) != b"S":
            return None
        # Verified by comparison with what was approved, not by an authority.
        unverified = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        unverified.check_hostname = False
        unverified.verify_mode = ssl.CERT_NONE
        with unverified.wrap_socket(plain) as secured:
            der = secured.getpeercert(binary_form=True)
    return describe_certificate(der) if der else None


def presented_key(host: str, port: int) -> Document:
    """Return the host key that a tunnel's SSH server presents.

    Raises:
        OSError: the server cannot be asked or speaks no SSH.
    """
    return describe_key(host_key(host, port, TIMEOUT_SECONDS))


def examine(store: Store, connection: Document, request: Document) -> list[dict[str, Any]]:
    """Look at what a connection's source presents; return one setup test for each kind.

    What is not reachable is left to the source's own tests to report.
    """
    config = connection["config"]
    tests = []
    if connection["service"] in DATABASES and config.get("host"):
        tests += _judged(
            store,
            connection["id"],
            CERTIFICATE,
            trusting=bool(request.get("trust_certificates")),
            present=lambda: presented_certificate(str(config["host"]), _port(config, "port", 5432)),
        )
    if connection["networking_method"] == "SshTunnel" and config.get("tunnel_host"):
        tests += _judged(
            store,
            connection["id"],
            FINGERPRINT,
            trusting=bool(request.get("trust_fingerprints")),
            present=lambda: presented_key(
                str(config["tunnel_host"]), _port(config, "tunnel_port", 22)
            ),
        )
    return tests


def _port(config: Document, name: str, default: int) -> int:
    try:
        return int(config.get(name) or default)
    except (TypeError, ValueError):
        return default


def _judged(
    store: Store,
    owner: str,
    kind: str,
    *,
    trusting: bool,
    present: Callable[[], Document | None],
) -> list[dict[str, Any]]:
    title = f"Validate the {kind}"
    try:
        found = present()
    except (OSError, ValueError, OverflowError):
        return []
    if found is None:
        return []
    if trusting and not is_approved(store, kind, owner, found["hash"]):
        approve(store, kind, owner, found)
    if is_approved(store, kind, owner, found["hash"]):
        return [{"title": title, "status": "PASSED", "message": ""}]
    message = (
        f"The source presents a {kind} that nobody has approved ({found['hash']}): approve it, "
        f"or trust {kind}s when the connection is tested."
    )
    return [
        {
            "title": title,
            "status": "FAILED",
            "message": message,
            "code": f"untrusted_{kind}",
            "details": [found],
        }
    ]
