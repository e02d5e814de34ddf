"""Certificates and host keys: what is presented is shown, and refused until it is approved."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from dataplatform_tests.local.fivetran.conftest import connection_body

KEY_BLOB = b"\x00\x00\x00\x0bssh-ed25519\x00\x00\x00\x20" + bytes(range(32))


@contextmanager
def listening(handle: Any) -> Iterator[int]:
    """Serve one kind of handshake on a free port."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()

        def serve() -> None:
            while True:
                try:
                    client, _ = server.accept()
                except OSError:
                    return
                with client:
                    client.settimeout(5)
                    try:
                        handle(client)
                    except OSError:
                        continue

        threading.Thread(target=serve, daemon=True).start()
        yield int(server.getsockname()[1])
        server.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def tls_port(tmp_path: Path) -> Iterator[int]:
    """A server that speaks as much PostgreSQL as it takes to begin TLS."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "database")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    pem = tmp_path / "server.pem"
    pem.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)

    def handle(client: socket.socket) -> None:
        if client.recv(8)[4:] == (80877103).to_bytes(4):
            client.sendall(b"S")
            context.wrap_socket(client, server_side=True).close()

    with listening(handle) as port:
        yield port


def packet(message: bytes) -> bytes:
    padding = 8 - (len(message) + 5) % 8 + 8
    body = bytes([padding]) + message + bytes(padding)
    return len(body).to_bytes(4) + body


@pytest.fixture
def ssh_port() -> Iterator[int]:
    """A server that speaks SSH up to its host key."""

    def handle(client: socket.socket) -> None:
        client.sendall(b"A word of welcome\r\nSSH-2.0-test\r\n")
        client.recv(65536)
        client.sendall(packet(bytes([4, 0]) + bytes(8)))  # A debug message, to be skipped.
        client.sendall(packet(bytes([20]) + bytes(16) + bytes(4) * 10 + bytes(5)))
        client.recv(65536)
        client.sendall(packet(bytes([31]) + len(KEY_BLOB).to_bytes(4) + KEY_BLOB + bytes(8)))
        client.recv(1)

    with listening(handle) as port:
        yield port


def database_at(group: str, port: int, **more: Any) -> dict[str, Any]:
    body = connection_body(group, **more)
    body["config"]["port"] = port
    return body


def trust_test(data: dict[str, Any], kind: str) -> dict[str, Any]:
    tests = [test for test in data["setup_tests"] if test["title"] == f"Validate the {kind}"]
    assert len(tests) == 1, data["setup_tests"]
    found: dict[str, Any] = tests[0]
    return found


def test_a_certificate_is_shown_approved_and_revoked(
    client: TestClient, group: str, tls_port: int
) -> None:
    data = client.post("/v1/connections", json=database_at(group, tls_port)).json()["data"]
    path = f"/v1/connections/{data['id']}"
    refused = trust_test(data, "certificate")
    assert refused["status"] == "FAILED"
    assert data["status"]["setup_state"] == "incomplete"
    assert data["status"]["tasks"][0]["code"] == "untrusted_certificate"
    found = refused["details"][0]
    assert found["name"] == "CN=database"
    assert client.post(f"{path}/sync").status_code == 409

    approval = {"hash": found["hash"], "encoded_cert": found["encoded_cert"]}
    made = client.post(f"{path}/certificates", json=approval).json()["data"]
    assert (made["sha256"], made["type"]) == (found["sha256"], "TLS")
    listed = client.get(f"/v1/connectors/{data['id']}/certificates").json()["data"]["items"]
    assert listed == [made]
    assert client.get(f"{path}/certificates/{made['id']}").json()["data"] == made
    assert client.get(f"{path}/certificates/{made['hash']}").json()["data"] == made
    tested = client.post(f"{path}/test").json()["data"]
    assert trust_test(tested, "certificate")["status"] == "PASSED"

    assert client.delete(f"{path}/certificates/{made['id']}").status_code == 200
    tested = client.post(f"{path}/test").json()["data"]
    assert trust_test(tested, "certificate")["status"] == "FAILED"


def test_certificates_are_trusted_on_request(client: TestClient, group: str, tls_port: int) -> None:
    body = database_at(group, tls_port, trust_certificates=True)
    data = client.post("/v1/connections", json=body).json()["data"]
    assert trust_test(data, "certificate")["status"] == "PASSED"
    path = f"/v1/connections/{data['id']}"
    assert len(client.get(f"{path}/certificates").json()["data"]["items"]) == 1
    client.delete(path)
    again = client.post("/v1/connections", json=database_at(group, tls_port)).json()["data"]
    assert trust_test(again, "certificate")["status"] == "FAILED"


def test_a_tunnels_key_is_shown_and_trusted(client: TestClient, group: str, ssh_port: int) -> None:
    body = connection_body(group, networking_method="SshTunnel")
    body["config"] |= {"tunnel_host": "127.0.0.1", "tunnel_port": ssh_port}
    data = client.post("/v1/connections", json=body).json()["data"]
    refused = trust_test(data, "fingerprint")
    assert refused["status"] == "FAILED"
    assert data["status"]["tasks"][0]["code"] == "untrusted_fingerprint"
    found = refused["details"][0]
    assert found["hash"].startswith("SHA256:")
    path = f"/v1/connections/{data['id']}"
    tested = client.post(f"{path}/test", json={"trust_fingerprints": True}).json()["data"]
    assert trust_test(tested, "fingerprint")["status"] == "PASSED"
    held = client.get(f"{path}/fingerprints").json()["data"]["items"]
    assert [(one["hash"], one["public_key"]) for one in held] == [
        (found["hash"], found["public_key"])
    ]


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 400\r\n\r\n", b"SSH-2.0-x\r\n" + b"\xff" * 64])
def test_a_tunnel_that_is_none_is_left_to_the_other_tests(
    client: TestClient, group: str, said: bytes
) -> None:
    def handle(peer: socket.socket) -> None:
        peer.sendall(said)

    with listening(handle) as port:
        body = connection_body(group, networking_method="SshTunnel")
        body["config"] |= {"tunnel_host": "127.0.0.1", "tunnel_port": port}
        data = client.post("/v1/connections", json=body).json()["data"]
    assert data["status"]["setup_state"] == "incomplete"
    assert all("fingerprint" not in test["title"] for test in data["setup_tests"])


def test_what_a_destination_trusts(client: TestClient, group: str, tmp_path: Path) -> None:
    body = {"group_id": group, "service": "duckdb", "config": {"path": str(tmp_path / "w.duckdb")}}
    client.post("/v1/destinations", json=body)
    path = f"/v1/destinations/{group}/fingerprints"
    key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f me"
    wrong = client.post(path, json={"hash": "SHA256:x", "public_key": key}).json()
    digest = wrong["message"].split("'")[-2]
    made = client.post(path, json={"hash": digest, "public_key": key})
    assert made.status_code == 200
    assert client.get(path).json()["data"]["items"] == [made.json()["data"]]
    assert client.delete(f"{path}/{digest}").status_code == 200
    assert client.get(path).json()["data"]["items"] == []
