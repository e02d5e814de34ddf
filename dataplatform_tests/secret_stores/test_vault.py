"""Secrets in a vault, against a real OpenBao: tokens, AppRole, both kinds of store, refusals."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from dataplatform.declarations.environment import Environment
from dataplatform.declarations.errors import DeclarationError, UserError
from dataplatform.secret_stores.vault import Vault
from dataplatform_tests.secret_stores.conftest import ROOT_TOKEN, Bao

Make = Callable[..., Environment]
PLACE = "config/environments/here.yml:5: "


def section(bao: Bao, opening: str = f"token: {ROOT_TOKEN}", cache: str = "300") -> str:
    return f"secrets:\n  vault: {{address: {bao.url}, {opening}}}\n  cache_seconds: {cache}"


def password(environment: Environment) -> str:
    return str(environment.resolve_all(environment.warehouse)["password"])


def approle(bao: Bao) -> str:
    role_id = bao.call("GET", "auth/approle/role/platform/role-id")["data"]["role_id"]
    secret_id = bao.call("POST", "auth/approle/role/platform/secret-id")["data"]["secret_id"]
    return f"role_id: {role_id}, secret_id: {secret_id}"


@pytest.mark.parametrize(
    ("reference", "value"),
    [
        ("${vault:secret/team/warehouse#password}", "p-1"),
        ("${vault:/secret/team/warehouse/#password}", "p-1"),
        ("a-${vault:secret/team/warehouse#port}-z", "a-5-z"),
        ("${vault:old/warehouse#password}", "p-old"),
    ],
)
def test_a_secret_is_read_when_it_is_used(
    bao: Bao, environment_with: Make, reference: str, value: str
) -> None:
    assert password(environment_with(f'"{reference}"', section(bao))) == value


def test_an_approle_logs_in(bao: Bao, environment_with: Make) -> None:
    made = environment_with("${vault:secret/team/warehouse#password}", section(bao, approle(bao)))
    assert password(made) == "p-1"


def test_an_approle_whose_token_was_revoked_logs_in_again(bao: Bao) -> None:
    pairs = dict(one.split(": ") for one in approle(bao).split(", "))
    vault = Vault({"address": bao.url, "approle": "approle", **pairs})
    assert vault.read("secret/team/warehouse").values["password"] == "p-1"
    first = vault._token
    bao.call("POST", "auth/token/revoke", {"token": first})
    assert vault.read("secret/team/warehouse").values["password"] == "p-1"
    assert vault._token != first


def test_a_token_is_renewed_before_it_ends(bao: Bao) -> None:
    made = bao.call(
        "POST", "auth/token/create", {"policies": ["readers"], "ttl": "60s", "renewable": True}
    )
    token = made["auth"]["client_token"]
    vault = Vault({"address": bao.url, "token": token, "approle": "approle"})
    vault.read("secret/team/warehouse")
    # As if most of its time were over.
    vault._since -= 45
    vault._until -= 45
    ends = vault._until
    vault.read("secret/team/warehouse")
    assert vault._until > ends + 40


def test_a_secret_is_kept_and_then_read_anew(bao: Bao, environment_with: Make) -> None:
    bao.call("POST", "secret/data/team/turning", {"data": {"password": "first"}})
    reference = "${vault:secret/team/turning#password}"
    kept = environment_with(reference, section(bao, cache="300"))
    assert password(kept) == "first"
    bao.call("POST", "secret/data/team/turning", {"data": {"password": "second"}})
    assert password(kept) == "first"
    assert password(environment_with(reference, section(bao, cache="0"))) == "second"


def test_what_was_read_outlives_a_vault_that_is_silent_but_not_one_that_refuses(
    bao: Bao, environment_with: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dataplatform.secret_stores.http.TIMEOUT_SECONDS", 0.2)
    bao.call("POST", "secret/data/team/outage", {"data": {"password": "kept"}})
    made = environment_with("${vault:secret/team/outage#password}", section(bao, cache="0"))
    assert password(made) == "kept"
    bao.pause()
    try:
        assert password(made) == "kept"
    finally:
        bao.go_on()
    bao.call("DELETE", "secret/metadata/team/outage")
    with pytest.raises(UserError, match="has no secret 'secret/team/outage'"):
        password(made)


@pytest.mark.parametrize(
    ("reference", "opening", "told"),
    [
        (
            "secret/team/warehouse#pasword",
            f"token: {ROOT_TOKEN}",
            "The secret vault:secret/team/warehouse has no key 'pasword'. Did you mean 'password'?",
        ),
        (
            "secret/team/warehous#password",
            f"token: {ROOT_TOKEN}",
            "has no secret 'secret/team/warehous'. Did you mean 'warehouse'?",
        ),
        (
            "secret/team/warehouse#password",
            "token: s.wrong",
            "does not know the token: it is wrong or has expired.",
        ),
        (
            "secret/other/thing#password",
            "APPROLE",
            "refuses the secret 'secret/other/thing': either there is no such mount, or the",
        ),
        (
            "nomount/team#password",
            f"token: {ROOT_TOKEN}",
            "refuses the secret 'nomount/team': either there is no such mount",
        ),
        (
            "secret/team/warehouse#password",
            "role_id: nobody, secret_id: wrong",
            "refuses the AppRole: role_id or secret_id is wrong or has expired.",
        ),
        (
            "secret/team/warehouse#password",
            'token: "${EMPTY_TOKEN:-}"',
            "is given no token: set it.",
        ),
    ],
)
def test_a_refusal_is_one_sentence_with_its_line(
    bao: Bao, environment_with: Make, reference: str, opening: str, told: str
) -> None:
    opening = approle(bao) if opening == "APPROLE" else opening
    made = environment_with(f"${{vault:{reference}}}", section(bao, opening))
    with pytest.raises(DeclarationError) as caught:
        password(made)
    text = str(caught.value)
    assert text.startswith(PLACE)
    assert told in text
    assert "\n" not in text
    for hidden in ("p-1", ROOT_TOKEN, "s.wrong"):
        assert hidden not in text


def test_a_deleted_version_is_told(bao: Bao, environment_with: Make) -> None:
    bao.call("POST", "secret/data/team/gone", {"data": {"password": "x"}})
    bao.call("DELETE", "secret/data/team/gone")
    made = environment_with("${vault:secret/team/gone#password}", section(bao))
    with pytest.raises(UserError, match="has no secret 'secret/team/gone'"):
        password(made)


def test_nobody_listens(environment_with: Make) -> None:
    made = environment_with(
        "${vault:secret/team/warehouse#password}",
        "secrets:\n  vault: {address: 'http://127.0.0.1:9', token: t}",
    )
    with pytest.raises(UserError, match=r"cannot be reached, after 3 tries: .*refused"):
        password(made)


def test_an_address_without_http(environment_with: Make) -> None:
    made = environment_with(
        "${vault:secret/team/warehouse#password}",
        "secrets:\n  vault: {address: 'vault.example', token: t}",
    )
    with pytest.raises(UserError, match=r"no address that begins with http\(s\)://"):
        password(made)


@pytest.mark.parametrize(
    ("reference", "secrets", "told"),
    [
        ("${vault:secret/x#k}", "", r"needs 'vault' under 'secrets' in this environment"),
        (
            "${vault:secret#k}",
            "secrets: {vault: {address: a, token: t}}",
            r"write \$\{vault:mount/path#key\}",
        ),
        (
            "${vault:secret/x}",
            "secrets: {vault: {address: a, token: t}}",
            r"write \$\{vault:mount/path#key\}",
        ),
        ("${valt:secret/x#k}", "", "'valt' keeps no secrets: .* Did you mean 'vault'"),
        ("${gcp:my-secret}", "", r"write \$\{gcp:projects/PROJECT/secrets/NAME#key\}"),
        ("${file:}", "", r"write \$\{file:path\}"),
        ("x", "secrets: {vault: {address: a}}", "either 'token' or 'role_id'"),
        (
            "x",
            "secrets: {vault: {address: a, token: t, role_id: r, secret_id: s}}",
            "either 'token' or 'role_id'",
        ),
        ("x", "secrets: {vault: {address: a, role_id: r}}", "both 'role_id' and 'secret_id'"),
        (
            "x",
            'secrets: {vault: {address: a, token: "${aws:token#x}"}}',
            "what opens a store of secrets cannot itself lie in one",
        ),
        ("x", "secrets: {valt: {}}", "'valt' is not a setting of .* Did you mean 'vault'"),
    ],
)
def test_what_cannot_be_right_is_refused_when_the_file_is_read(
    environment_with: Make, reference: str, secrets: str, told: str
) -> None:
    with pytest.raises(DeclarationError, match=told) as caught:
        environment_with(f'"{reference}"', secrets)
    assert str(caught.value).startswith("config/environments/here.yml:")
