"""Content is shown to the holders of its own tokens, and to no other."""

from __future__ import annotations

import logging
import secrets
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from otel_llm.api import ApiConfig
from otel_llm.store.content import ContentConfig, ContentStore

from .conftest import ANY_PORT, Serve

SAID = {"gen_ai.input.messages": "hello", "gen_ai.tool.call.arguments": {"n": [1]}}


@pytest.fixture
def content(tmp_path: Path) -> Iterator[ContentStore]:
    (tmp_path / "readers").write_text("for-content\n")
    (tmp_path / "tokens").write_text("for-the-api\n")
    key, token_file = secrets.token_bytes(32).hex(), str(tmp_path / "readers")
    store = ContentStore(ContentConfig(tmp_path / "c", key=key, token_file=token_file))
    yield store
    store.close()


def test_content_is_read_with_its_own_token_and_the_reading_is_logged(
    serve: Serve, content, caplog
):
    caplog.set_level(logging.INFO)
    client, reference = serve(content=content), content.put(SAID, "1", "2")

    answer = client.get(f"/v1/content/{reference}", headers={"authorization": "Bearer for-content"})

    assert answer.json() == {"reference": reference, "content": SAID}
    assert answer.headers["cache-control"] == "no-store"
    assert f"content {reference} was read" in caplog.text


def test_where_the_api_wants_a_token_too_both_are_needed(serve: Serve, content, tmp_path):
    config = ApiConfig(endpoint=ANY_PORT, token_file=str(tmp_path / "tokens"))
    client, reference = serve(config, content=content), content.put(SAID, "1", "2")

    def status(**headers: str) -> int:
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        return client.get(f"/v1/content/{reference}", headers=given).status_code

    assert status() == 401
    assert status(authorization="Bearer for-the-api") == 401
    assert status(authorization="Bearer for-content") == 401
    assert status(authorization="Bearer for-the-api", x_content_token="for-the-api") == 401
    assert status(authorization="Bearer for-the-api", x_content_token="for-content") == 200


def test_what_is_not_there_is_404_and_only_said_to_readers(serve: Serve, content):
    client = serve(content=content)
    headers = {"x-content-token": "for-content"}

    assert client.get(f"/v1/content/{'0' * 32}").status_code == 401
    assert client.get(f"/v1/content/{'0' * 32}", headers=headers).status_code == 404


def test_what_was_tampered_with_is_not_shown(serve: Serve, content, tmp_path):
    client, reference = serve(content=content), content.put(SAID, "1", "2")
    with sqlite3.connect(tmp_path / "c") as database:
        database.execute("UPDATE content SET sealed = zeroblob(40)")
    database.close()

    answer = client.get(f"/v1/content/{reference}", headers={"x-content-token": "for-content"})

    assert answer.status_code == 500
    assert answer.json()["detail"].endswith("is not what was sealed")


def test_without_tokens_of_its_own_there_is_no_content_to_ask_for(serve: Serve, tmp_path):
    store = ContentStore(ContentConfig(tmp_path / "c", key=secrets.token_bytes(32).hex()))
    client, reference = serve(content=store), store.put(SAID, "1", "2")

    assert client.get(f"/v1/content/{reference}").status_code == 404
    store.close()
