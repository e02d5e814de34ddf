"""Secrets in AWS Secrets Manager, against moto's double of it behind boto3's own client."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError
from botocore.stub import Stubber
from moto import mock_aws

from dataplatform.declarations.environment import Environment
from dataplatform.declarations.errors import UserError
from dataplatform.secret_stores.aws import AwsSecrets
from dataplatform.secret_stores.stored import SecretError, StoreSilent

Make = Callable[..., Environment]
KEYS = {"region": "eu-central-1", "access_key": "AKIATEST", "secret_key": "hush"}
SECTION = "secrets:\n  aws: {region: eu-central-1, access_key: AKIATEST, secret_key: hush}"


@pytest.fixture
def account() -> Iterator[None]:
    with mock_aws():
        client = boto3.client(
            "secretsmanager",
            region_name="eu-central-1",
            aws_access_key_id="AKIATEST",
            aws_secret_access_key="hush",
        )
        client.create_secret(Name="team/warehouse", SecretString='{"password": "p-1", "port": 5}')
        client.create_secret(Name="plain", SecretString="p-2")
        client.create_secret(Name="bytes", SecretBinary=b"p-3")
        yield


@pytest.mark.parametrize(
    ("reference", "value"),
    [
        ("${aws:team/warehouse#password}", "p-1"),
        ("${aws:team/warehouse#port}", "5"),
        ("${aws:plain}", "p-2"),
        ("${aws:bytes}", "cC0z"),
    ],
)
def test_a_secret_is_read(
    account: None, environment_with: Make, reference: str, value: str
) -> None:
    assert environment_with(reference, SECTION).resolve(reference) == value


@pytest.mark.parametrize(
    ("reference", "told"),
    [
        ("${aws:team/warehouse#pasword}", "has no key 'pasword'. Did you mean 'password'?"),
        ("${aws:plain#key}", "is no JSON object, so it has no key 'key'."),
        ("${aws:team/warehous}", "has no secret 'team/warehous'. Did you mean 'team/warehouse'?"),
    ],
)
def test_what_is_not_there_is_told_with_its_line(
    account: None, environment_with: Make, reference: str, told: str
) -> None:
    made = environment_with(reference, SECTION)
    with pytest.raises(UserError) as caught:
        made.resolve(reference)
    assert str(caught.value).startswith("config/environments/here.yml:5: ")
    assert told in str(caught.value)
    assert "p-1" not in str(caught.value)


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("AccessDeniedException", "the policy lacks secretsmanager:GetSecretValue"),
        ("ExpiredTokenException", "they are wrong or have expired (ExpiredTokenException)"),
        ("UnrecognizedClientException", "does not know the credentials"),
        ("InternalServiceError", "gave no answer, after 3 tries"),
        ("DecryptionFailure", "does not give the secret 'x' (DecryptionFailure)"),
    ],
)
def test_each_refusal_of_the_service_is_a_sentence(code: str, told: str) -> None:
    store = AwsSecrets(KEYS)
    with Stubber(store._client) as stub:
        stub.add_client_error("get_secret_value", code, "long words of the service")
        with pytest.raises(SecretError) as caught:
            store.read("x")
    assert told in str(caught.value)
    assert isinstance(caught.value, StoreSilent) == (code == "InternalServiceError")
    assert "hush" not in str(caught.value)


def test_an_unknown_region_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    store = AwsSecrets({**KEYS, "region": "eu-centrall-1"})

    def refuse(**_: object) -> None:
        raise EndpointConnectionError(endpoint_url="https://nowhere")

    monkeypatch.setattr(store._client, "get_secret_value", refuse)
    with pytest.raises(StoreSilent, match=r"in eu-centrall-1 cannot be reached, .*region right"):
        store.read("x")


def test_neither_region_nor_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with pytest.raises(SecretError, match="is given no region"):
        AwsSecrets({}).read("x")
    with pytest.raises(SecretError, match="is given no credentials"):
        AwsSecrets({"region": "eu-central-1"}).read("x")
