"""Starts the ClickHouse of ``clickhouse_server.py`` and says where it is."""

from __future__ import annotations

import itertools
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".venvs/chdb/bin/python"
SERVER = Path(__file__).parent / "clickhouse_server.py"
_numbers = itertools.count()


@dataclass
class ClickHouse:
    endpoint: str
    process: subprocess.Popen = field(repr=False)

    def settings(self, **more) -> dict:
        """The section ``clickhouse:`` with a database that nobody used before."""
        return {"endpoint": self.endpoint, "database": f"test_{next(_numbers)}", **more}


@contextmanager
def clickhouse(directory: Path) -> Iterator[ClickHouse]:
    """A server over ``directory`` until the block ends."""
    process = subprocess.Popen(
        [str(PYTHON), str(SERVER), str(directory)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        port = process.stdout.readline().strip()
        assert port, "the server did not start"
        yield ClickHouse(f"http://127.0.0.1:{port}", process)
    finally:
        process.kill()
        process.communicate()
