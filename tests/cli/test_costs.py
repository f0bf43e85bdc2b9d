"""Prices against what was called: from a running collector, and from its file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from otel_llm.cli import asking as source
from otel_llm.cli import main
from otel_llm.genai import Call, Cost, Usage
from otel_llm.store import DuckDBStore, StoreConfig
from otel_llm.testing import FakeProvider
from otel_llm.testing.provider import Answer, Pause, Received
from tests.api.conftest import serving
from tests.pricing.book import NOV
from tests.store.examples import a_call

SINCE = "2026-11-19"
RIGHT = Cost(0.0035, input=0.0025, output=0.001, source="genai-prices", tier="standard")
CALLS = [
    a_call(
        1,
        at=NOV,
        response_model="gpt-4o",
        usage=Usage(1000, 100),
        cost=RIGHT,
        reported_cost=0.004,
    ),
    a_call(
        2,
        at=NOV + 1,
        response_model="gpt-4o",
        usage=Usage(1000, 100),
        cost=replace(RIGHT, total=0.005, input=0.004),
    ),
    a_call(3, at=NOV + 2, request_model="our-own-7b", provider="acme", usage=Usage(10, 1)),
    a_call(4, at=NOV + 3, request_model="our-own-7b", provider="acme", usage=Usage(10, 1)),
    a_call(5, at=NOV + 4, response_model="gpt-4o-mini", usage=Usage(1_000_000, 0)),
    a_call(6, at=NOV + 5, response_model="gpt-4o", usage=Usage()),
    a_call(7, at=NOV + 6, operation="invoke_agent", usage=Usage(1000, 100)),
]


@pytest.fixture(params=["collector", "file"])
def asking(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[list[str]]:
    """How a command is told where the calls are."""
    path = tmp_path / "calls.duckdb"
    store = DuckDBStore(StoreConfig(path=str(path), retain_for=0))
    store.write(CALLS)
    if request.param == "file":
        store.close()
        yield ["--store", str(path)]
        return
    with serving(store) as client:
        yield ["--url", str(client.base_url)]
    store.close()


def read_back(asking: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> list[Call]:
    from otel_llm.cli.calls import calls_of

    arguments = parsed(["prices", "diff", "x", "--since", SINCE, *asking])
    with calls_of(arguments) as calls:
        return list(calls)


def parsed(words: list[str]):
    from otel_llm.cli import parser

    return parser().parse_args(words)


def test_models_without_a_price_are_listed_with_the_reason(asking: list[str], capsys):
    assert main(["prices", "unpriced", "--since", SINCE, *asking]) == 1

    assert [line.split() for line in capsys.readouterr().out.splitlines()] == [
        ["2", "calls", "22", "tokens", "acme/our-own-7b:", "unknown_provider"],
        ["1", "calls", "0", "tokens", "openai/gpt-4o:", "no_usage"],
        ["1", "calls", "1,000,000", "tokens", "openai/gpt-4o-mini:", "priced_now"],
    ]


def test_nothing_unpriced_is_well(asking: list[str], capsys):
    assert main(["prices", "unpriced", "--since", "2030-01-01", *asking]) == 0
    assert capsys.readouterr().out == ""


def test_repricing_says_what_it_changes_and_twice_is_once(
    asking: list[str], tmp_path: Path, capsys
):
    reprice = ["reprice", "--since", SINCE, *asking]

    assert [main([*reprice, "--dry-run"]), main(reprice), main(reprice)] == [0, 0, 0]

    changes = [
        "openai/gpt-4o-mini: 1 calls  $0.000000 -> $0.150000  (1 without a price before)",
        "openai/gpt-4o: 1 calls  $0.005000 -> $0.003500",
    ]
    assert capsys.readouterr().out.splitlines() == [
        *changes,
        "2 of 6 calls would change",
        *changes,
        "2 of 6 calls changed",
        "0 of 6 calls changed",
    ]
    after = {call.span_id: call for call in read_back(asking, tmp_path, capsys)}
    assert after[CALLS[1].span_id].cost == RIGHT
    assert after[CALLS[4].span_id].cost == Cost(
        0.15, input=0.15, output=0.0, source="genai-prices", tier="standard"
    )
    assert after[CALLS[2].span_id].cost is None
    assert not after[CALLS[4].span_id].unpriced


@pytest.mark.parametrize("short", [False, True])
def test_a_newer_table_is_held_against_the_last_calls(
    asking: list[str], tmp_path: Path, short: bool, capsys
):
    prices = {"input_mtok": 5, "output_mtok": 10}
    models = [{"id": "gpt-4o", "match": {"starts_with": "gpt-4o"}, "prices": prices}]
    table = tmp_path / "data.json"
    table.write_text(
        json.dumps([{"id": "openai", "name": "O", "api_pattern": "x", "models": models}])
    )

    words = ["--since", SINCE, "--diff", str(table)] if short else ["diff", str(table)]
    assert main(["prices", *words, "--since", SINCE, *asking]) == 1

    assert capsys.readouterr().out.splitlines() == [
        "openai/gpt-4o-mini: 1 calls  $0.150000 -> $5.000000",
        "openai/gpt-4o: 2 calls  $0.007000 -> $0.012000",
    ]


def test_a_table_with_the_same_prices_changes_nothing(asking: list[str], tmp_path: Path, capsys):
    prices = {"input_mtok": 2.5, "output_mtok": 10, "cache_read_mtok": 1.25}
    small = {"input_mtok": 0.15, "output_mtok": 0.6}
    models = [
        {"id": "gpt-4o-mini", "match": {"starts_with": "gpt-4o-mini"}, "prices": small},
        {"id": "gpt-4o", "match": {"equals": "gpt-4o"}, "prices": prices},
    ]
    table = tmp_path / "data.json"
    table.write_text(
        json.dumps([{"id": "openai", "name": "O", "api_pattern": "x", "models": models}])
    )

    assert main(["prices", f"--diff={table}", "--since", SINCE, *asking]) == 0
    assert capsys.readouterr().out == "no call would have cost anything else\n"


def test_the_providers_bill_is_held_against_our_sums(asking: list[str], tmp_path: Path, capsys):
    file = tmp_path / "costs.csv"
    file.write_text(
        "start_time_iso,line_item,amount_value\n"
        '2026-11-20T00:00:00+00:00,"gpt-4o-2024-08-06, input",0.0065\n'
        '2026-11-20T00:00:00+00:00,"gpt-4o-2024-08-06, output",0.002\n'
        "2026-11-20T00:00:00+00:00,gpt-4o-mini,0.15\n"
    )

    code = main(["reconcile", str(file), "--provider", "openai", *asking])

    assert code == 1
    assert [line.split() for line in capsys.readouterr().out.splitlines()] == [
        ["day", "ours", "theirs", "residual", "share", "model"],
        ["2026-11-20", "unknown", "0.150000", "0.150000", "100.0%", "gpt-4o-mini"],
        ["2026-11-20", "0.008500", "0.008500", "0.000000", "0.0%", "gpt-4o"],
        ["ours", "$0.0085,", "theirs", "$0.1585,", "residual", "$0.1500"],
    ]


def test_what_providers_said_with_each_answer_is_held_against_our_costs(asking: list[str], capsys):
    assert main(["reconcile", "--reported", SINCE, *asking]) == 1

    assert [line.split() for line in capsys.readouterr().out.splitlines()][1:] == [
        ["2026-11-20", "0.003500", "0.004000", "0.000500", "12.5%", "gpt-4o"],
        ["ours", "$0.0035,", "theirs", "$0.0040,", "residual", "$0.0005"],
    ]


def test_a_reconciliation_is_with_an_export_or_with_what_was_reported(capsys):
    assert [main(["reconcile"]), main(["reconcile", "x.csv", "--reported", "1d"])] == [2, 2]


def test_any_table_is_read_by_its_columns_and_a_name_by_a_map(
    asking: list[str], tmp_path: Path, capsys
):
    file = tmp_path / "costs.csv"
    file.write_text("when,what,usd\n2026-11-20,The big one,0.0085\n")
    columns = ["--day-column", "when", "--model-column", "what", "--amount-column", "usd"]

    generic = ["reconcile", str(file), "--provider", "generic"]

    assert main([*generic, *asking]) == 2
    assert main([*generic, *columns, "--map", "The big one=gpt-4o", *asking]) == 0


def test_repricing_may_take_longer_than_an_answer(monkeypatch: pytest.MonkeyPatch, capsys):
    monkeypatch.setattr(source, "PATIENCE_S", 0.2)
    done = b'{"looked_at": 9, "changed": 0, "shifts": []}'

    def late(_: Received) -> Answer:
        return Answer((Pause(1.0), done))

    with FakeProvider({"/v1/reprice": late, "/v1/unpriced": late}) as collector:
        at = ["--since", SINCE, "--url", collector.url]
        codes = [main(["reprice", *at]), main(["prices", "unpriced", *at])]

    assert codes == [0, 1]
    printed = capsys.readouterr()
    assert printed.out == "0 of 9 calls changed\n"
    assert "does not answer" in printed.err


def test_a_collector_that_does_not_answer_is_said(capsys):
    assert main(["reprice", "--since", "1d", "--url", "http://127.0.0.1:1"]) == 1
    assert "does not answer" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [
        ["reprice", "--since", "yesterday"],
        ["reprice", "--since", "1d", "--until", "yesterday"],
        ["reconcile", "--reported", "yesterday"],
        ["prices", "unpriced", "--since", "yesterday"],
        ["prices", "diff", "table.json", "--until", "yesterday"],
        ["export", "--format", "otlp", "--output", "x", "--since", "yesterday"],
        ["drift", "save", "x", "--since", "yesterday"],
        ["drift", "compare", "x", "--since", "yesterday"],
    ],
)
def test_what_is_no_time_is_said_before_anybody_is_asked(words: list[str], capsys):
    option = words[words.index("yesterday") - 1]

    with pytest.raises(SystemExit, match="2"):
        main([*words, "--url", "http://127.0.0.1:1"])

    said = "'yesterday': expected a time such as 24h, 2026-11-21T12:00:00Z or 1790000000"
    assert f"error: argument {option}: {said}\n" in capsys.readouterr().err
