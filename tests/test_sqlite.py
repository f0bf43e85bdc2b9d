"""Files that keep state know which release wrote them."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from otel_llm.alerting.state import StateFile
from otel_llm.evaluation.history import History
from otel_llm.store.content import ContentConfig, ContentStore


def content(path: Path) -> None:
    ContentStore(ContentConfig(path=path, key="00" * 32)).close()


KEPT: dict[str, Callable[[Path], object]] = {
    "alerts": StateFile,
    "evaluation": History,
    "content": content,
}


def asked(path: Path, statement: str) -> object:
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        return db.execute(statement).fetchone()


@pytest.fixture(params=KEPT)
def opened(request: pytest.FixtureRequest) -> Callable[[Path], object]:
    return KEPT[request.param]


def test_a_file_says_of_which_version_it_is_also_one_from_before_there_were_any(
    opened: Callable[[Path], object], tmp_path: Path
):
    path = tmp_path / "kept.sqlite"
    opened(path)
    assert asked(path, "pragma user_version") == (1,)

    asked(path, "pragma user_version = 0")
    opened(path)

    assert asked(path, "pragma user_version") == (1,)


def test_a_file_of_a_newer_release_is_refused_and_left_as_it_is(
    opened: Callable[[Path], object], tmp_path: Path
):
    path = tmp_path / "kept.sqlite"
    opened(path)
    asked(path, "pragma user_version = 7")
    before = path.read_bytes()

    with pytest.raises(OSError, match=r"kept\.sqlite was written by a newer release .*is 7"):
        opened(path)

    assert path.read_bytes() == before


def test_what_expires_gives_its_room_back(tmp_path: Path):
    KEPT["content"](path := tmp_path / "content.sqlite")

    assert asked(path, "pragma auto_vacuum") == (2,)
