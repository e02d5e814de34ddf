"""The object store on a real S3 server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from dataplatform.declarations.errors import UserError
from dataplatform.resources.object_store import ObjectStore, open_object_store
from dataplatform_tests.resources.local_servers import served_project

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def store() -> Iterator[ObjectStore]:
    with served_project(["object_store"]) as project:
        opened = open_object_store(project)
        opened.ensure_buckets()
        yield opened


def test_buckets_are_made_once(store: ObjectStore) -> None:
    assert store.ensure_buckets() == []


def test_an_object_is_never_overwritten_by_put_if_absent(store: ObjectStore) -> None:
    assert store.put_if_absent("raw", "a/one", b"first", {"rows": "1"})
    assert not store.put_if_absent("raw", "a/one", b"second")
    assert store.get("raw", "a/one") == b"first"
    head = store.head("raw", "a/one")
    assert head is not None and head.metadata == {"rows": "1"} and head.size == 5


def test_a_file_replaces_an_object_as_a_whole(store: ObjectStore, tmp_path: Path) -> None:
    path = tmp_path / "file"
    for body in (b"old", b"new"):
        path.write_bytes(body)
        store.put_file("curated", "mart/data", path, {"version": body.decode()})
    assert store.get("curated", "mart/data") == b"new"
    assert [item.key for item in store.list("curated", "mart/")] == ["mart/data"]


def test_what_is_not_there_is_none_or_one_sentence(store: ObjectStore) -> None:
    assert store.head("raw", "nothing") is None
    with pytest.raises(UserError, match="could not read nothing"):
        store.get("raw", "nothing")
    with pytest.raises(UserError, match=r"no layer 'curatd'.*Did you mean 'curated'"):
        store.bucket("curatd")


def test_a_wrong_secret_is_one_sentence(store: ObjectStore) -> None:
    wrong = ObjectStore(lambda: {**store._settings, "secret_key": "wrong"})
    with pytest.raises(UserError, match="could not store x"):
        wrong.put_if_absent("raw", "x", b"")
    with pytest.raises(UserError, match="could not list"):
        list(wrong.list("raw"))


def test_a_server_that_is_down_is_one_sentence() -> None:
    settings = {
        "endpoint": "http://127.0.0.1:9",
        "region": "us-east-1",
        "access_key": "a",
        "secret_key": "b",
        "buckets": {"raw": "raw"},
    }
    with pytest.raises(UserError, match=r"The object store at http://127\.0\.0\.1:9 could not"):
        ObjectStore(lambda: settings).exists("raw", "x")
