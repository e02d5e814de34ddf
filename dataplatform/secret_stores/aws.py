"""AWS Secrets Manager, through boto3."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from functools import cached_property
from typing import Any

from dataplatform.declarations.errors import nearest
from dataplatform.secret_stores.stored import SecretError, Stored, StoreSilent, from_text

_TRIES = 3
_DENIED = {"AccessDeniedException", "AccessDenied"}
_UNKNOWN_KEYS = {
    "UnrecognizedClientException",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "SignatureDoesNotMatch",
    "ExpiredTokenException",
    "ExpiredToken",
}


class AwsSecrets:
    """The secrets of one account in one region.

    Args:
        settings: the resolved ``secrets.aws`` block.
    """

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self._settings = settings

    @cached_property
    def _client(self) -> Any:
        import boto3
        from botocore.config import Config
        from botocore.exceptions import NoRegionError

        settings = self._settings
        try:
            return boto3.client(
                "secretsmanager",
                region_name=settings.get("region") or None,
                endpoint_url=settings.get("endpoint") or None,
                aws_access_key_id=settings.get("access_key") or None,
                aws_secret_access_key=settings.get("secret_key") or None,
                config=Config(
                    connect_timeout=5,
                    read_timeout=10,
                    retries={"max_attempts": _TRIES, "mode": "standard"},
                ),
            )
        except NoRegionError:
            raise SecretError(
                "AWS Secrets Manager is given no region: set 'region' under secrets.aws, or "
                "AWS_REGION."
            ) from None

    def read(self, path: str) -> Stored:
        """Read a secret; one that is a JSON object has keys."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            answer = self._client.get_secret_value(SecretId=path)
        except ClientError as error:
            raise self._sentence(str(error.response["Error"]["Code"]), path) from None
        except BotoCoreError as error:
            raise self._unreached(error) from None
        text = answer.get("SecretString")
        if text is None:
            text = base64.b64encode(answer["SecretBinary"]).decode()
        return Stored(from_text(text))

    @property
    def _where(self) -> str:
        return f"AWS Secrets Manager in {self._client.meta.region_name}"

    def _sentence(self, code: str, path: str) -> SecretError:
        if code == "ResourceNotFoundException":
            return SecretError(f"{self._where} has no secret {path!r}.{self._near(path)}")
        if code in _DENIED:
            return SecretError(
                f"{self._where} refuses the secret {path!r}: the policy lacks "
                "secretsmanager:GetSecretValue on it."
            )
        if code in _UNKNOWN_KEYS:
            return SecretError(
                f"{self._where} does not know the credentials: they are wrong or have expired "
                f"({code})."
            )
        if code in {"InternalServiceError", "ThrottlingException", "ServiceUnavailable"}:
            return StoreSilent(f"{self._where} gave no answer, after {_TRIES} tries ({code}).")
        return SecretError(f"{self._where} does not give the secret {path!r} ({code}).")

    def _near(self, path: str) -> str:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            listed = self._client.list_secrets(MaxResults=100)["SecretList"]
        except (BotoCoreError, ClientError):
            return ""
        return nearest(path, [one["Name"] for one in listed])

    def _unreached(self, error: Exception) -> SecretError:
        from botocore.exceptions import NoCredentialsError, PartialCredentialsError

        if isinstance(error, NoCredentialsError | PartialCredentialsError):
            return SecretError(
                f"{self._where} is given no credentials: set access_key and secret_key under "
                "secrets.aws, or a role or profile of AWS."
            )
        return StoreSilent(
            f"{self._where} cannot be reached, after {_TRIES} tries: is the region right? "
            f"({type(error).__name__})"
        )
