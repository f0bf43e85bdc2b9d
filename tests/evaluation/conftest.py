"""For every test of evaluation: no connection stays open."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from . import world


@pytest.fixture(autouse=True)
def _closed_endpoints() -> Iterator[None]:
    yield
    while world.opened:
        world.opened.pop().close()
