"""Baselines by name: saved, listed, compared after a deployment, dropped."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from otel_llm.cli import main
from otel_llm.store import DuckDBStore, Score, StoreConfig
from tests.api.conftest import serving
from tests.store.examples import NOON, SECOND, a_call

DEPLOYED = NOON + 1000 * SECOND


def calls(first: int, start: int, *, version: str, score: float, model: str) -> list:
    return [
        a_call(
            first + n,
            at=start + n * SECOND,
            request_model="gpt-4o",
            response_model=model,
            prompt_name="answer",
            prompt_version=version,
            flags=(),
            score=score + 0.01 * (n % 5),
            ms=1_000 * (4 if version == "8" and n % 3 == 0 else 1) + 10 * n,
        )
        for n in range(100)
    ]


@pytest.fixture(params=["collector", "file"])
def asking(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[list[str]]:
    path = tmp_path / "calls.duckdb"
    store = DuckDBStore(StoreConfig(path=str(path), retain_for=0))
    before = calls(1, NOON, version="7", score=0.85, model="gpt-4o-2024-08-06")
    after = calls(201, DEPLOYED, version="8", score=0.55, model="gpt-4o-2026-01-01")
    store.write([*before, *after])
    store.add_scores(
        [
            Score(
                id=f"s{n}",
                trace_id=one.trace_id,
                span_id=one.span_id,
                name="relevance",
                value=value + 0.01 * (n % 3),
                source="automatic",
                at_ns=one.start_ns,
            )
            for n, (one, value) in enumerate([(c, 0.9) for c in before] + [(c, 0.3) for c in after])
        ]
    )
    if request.param == "file":
        store.close()
        yield ["--store", str(path)]
        return
    with serving(store) as client:
        yield ["--url", str(client.base_url)]
    store.close()


def seconds(at_ns: int) -> str:
    return str(at_ns // SECOND)


def test_a_deployment_is_held_against_the_baseline_before(asking: list[str], capsys):
    times = ["--since", seconds(NOON), "--until", seconds(DEPLOYED)]

    assert main(["drift", "save", "before-8", *times, *asking]) == 0
    assert main(["drift", "list", *asking]) == 0
    assert main(["drift", "compare", "before-8", "--since", seconds(DEPLOYED), *asking]) == 1

    saved, listed, served, *rest = capsys.readouterr().out.splitlines()
    assert saved == listed == "before-8: 100 calls of 1 models and prompt versions"
    assert served == (
        "served_model: request_model=gpt-4o model=gpt-4o-2026-01-01 "
        "(before: request_model=gpt-4o model=gpt-4o-2024-08-06)"
    )
    assert [line.split(":")[0] for line in rest] == ["score.relevance", "quality", "durations"]
    assert "0.87 -> 0.57" in rest[1]
    assert "prompt_version=8 (before: prompt=answer)" in rest[1]
    assert re.search(r"deviations, ks 0\.3\d, psi \d\.\d\d  model=", rest[2])


def test_the_time_of_the_baseline_itself_shows_no_drift(asking: list[str], capsys):
    times = ["--since", seconds(NOON), "--until", seconds(DEPLOYED)]
    main(["drift", "save", "x", *times, *asking])

    assert main(["drift", "compare", "x", *times, *asking]) == 0


def test_a_baseline_is_replaced_by_the_same_name_and_gone_when_dropped(asking: list[str], capsys):
    main(["drift", "save", "x", "--since", seconds(NOON), *asking])
    main(["drift", "save", "x", "--since", seconds(DEPLOYED), *asking])
    main(["drift", "list", *asking])
    assert main(["drift", "drop", "x", *asking]) == 0
    assert main(["drift", "compare", "x", *asking]) == 1

    captured = capsys.readouterr()
    assert captured.out.splitlines() == [
        "x: 200 calls of 2 models and prompt versions",
        "x: 100 calls of 1 models and prompt versions",
        "x: 100 calls of 1 models and prompt versions",
    ]
    assert "baseline" in captured.err


def test_a_name_that_is_a_path_is_refused(capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["drift", "save", "../x"])
