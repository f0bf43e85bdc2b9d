"""A collector that is killed while it writes: what the store said it kept is there."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from otel_llm.store import DuckDBStore, StoreConfig, StoreError
from otel_llm.store.rolled_check import differences

CHILD = """
import sys
from otel_llm.store import DuckDBStore, StoreConfig
from tests.store.examples import a_call

store = DuckDBStore(StoreConfig(path=sys.argv[1], retain_for=0))
number = int(sys.argv[2])
while True:
    kept = store.write([a_call(n) for n in range(number, number + 100)])
    number += 100
    print(number, kept, flush=True)
"""
ROOT = Path(__file__).parent.parent.parent


def test_after_kill_9_every_batch_that_was_kept_is_there_and_whole(tmp_path: Path):
    path = str(tmp_path / "calls.duckdb")
    kept = 0
    for _ in range(3):
        kept = _write_until_killed(path, kept)

    store = DuckDBStore(StoreConfig(path=path, retain_for=0))
    found = store.stats().count
    wrong = differences(store)
    numbers = {int(call.trace_id, 16) for call in store.calls(limit=1_000_000).calls}
    store.close()

    assert found >= kept
    assert numbers == set(range(found))
    assert found % 100 == 0
    assert not any(wrong.values()), "the sums are those of the calls"


def test_a_second_process_is_refused_with_a_reason(tmp_path: Path):
    path = str(tmp_path / "calls.duckdb")
    child = _child(path, 0)
    try:
        assert child.stdout is not None
        child.stdout.readline()
        with pytest.raises(StoreError, match="cannot open") as refused:
            DuckDBStore(StoreConfig(path=path))
        assert "damaged" not in str(refused.value)
    finally:
        child.kill()
        child.communicate()


def _write_until_killed(path: str, start: int) -> int:
    child = _child(path, start)
    assert child.stdout is not None
    told = [child.stdout.readline() for _ in range(10)]
    os.kill(child.pid, signal.SIGKILL)
    rest, _ = child.communicate()
    told += [line + "\n" for line in rest.split("\n")[:-1]]
    return int(told[-1].split()[0])


def _child(path: str, start: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, path, str(start)], stdout=subprocess.PIPE, text=True, cwd=ROOT
    )


@pytest.mark.parametrize("content", [b"", b"no database" * 5_000, None])
def test_a_damaged_file_is_refused_with_what_to_do_and_left_as_it_is(
    content: bytes | None, tmp_path: Path
):
    file = tmp_path / "calls.duckdb"
    if content is None:  # a good one, cut off
        DuckDBStore(StoreConfig(path=str(file))).close()
        content = file.read_bytes()[:13_000]
    file.write_bytes(content)

    with pytest.raises(StoreError, match=r"cannot open .* if it is damaged, move it away"):
        DuckDBStore(StoreConfig(path=str(file)))

    assert file.read_bytes() == content


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo])
def test_what_is_no_file_is_refused_at_once(make, tmp_path: Path):
    make(tmp_path / "calls.duckdb")

    with pytest.raises(StoreError, match="it is no file"):
        DuckDBStore(StoreConfig(path=str(tmp_path / "calls.duckdb")))
