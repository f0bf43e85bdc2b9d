"""What judging may cost, and what an endpoint that misbehaves does not do to us."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import pytest

from otel_llm.evaluation.endpoint import Endpoint, EndpointConfig
from otel_llm.evaluation.spending import Spending
from otel_llm.testing import FakeProvider, json_answer
from tests.pricing.book import book

from .world import MODEL, attributes, config, paid, said, spans_in

SAY = [{"role": "user", "content": "hello"}]
CALL = Decimal("0.000162")
"""1000 tokens in at $0.15 and 20 out at $0.60 per million."""


def test_a_call_costs_what_it_came_to(tmp_path: Path):
    spending = Spending(tmp_path / "s.sqlite", Decimal(1))
    with FakeProvider() as provider:
        provider.queue(said("hi"), said("hi"))
        endpoint = paid(provider, book=book(), spending=spending)
        for _ in range(2):
            endpoint.chat(SAY, purpose="judge")

    assert spending.spent() == 2 * CALL
    assert Spending(tmp_path / "s.sqlite").spent() == 2 * CALL


def test_what_the_cap_does_not_cover_is_not_asked():
    with FakeProvider() as provider:
        endpoint = paid(provider, book=book(), spending=Spending(limit=Decimal("0.0001")))
        reply = endpoint.chat(SAY, purpose="judge")

    assert (reply.error_type, provider.requests) == ("budget", [])


def test_under_many_threads_the_cap_is_never_crossed():
    """A call may cost up to 1024 tokens out: $0.0006144, and what its prompt can be at most."""
    limit = Decimal("0.0020")
    spending = Spending(limit=limit)
    with FakeProvider() as provider:
        answers = [said("hi", usage={"prompt_tokens": 5, "completion_tokens": 1024})] * 40
        provider.queue(*answers)
        endpoint = paid(provider, book=book(), spending=spending)
        threads = [
            threading.Thread(target=endpoint.chat, args=(SAY,), kwargs={"purpose": "judge"})
            for _ in range(40)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)

    assert 0 < len(provider.requests) <= 3
    assert spending.spent() == len(provider.requests) * Decimal("0.00061515")
    assert spending.spent() <= limit


@pytest.mark.parametrize(
    "name", ["max_tokens", "max_completion_tokens", "model", "messages", "n", "stream"]
)
def test_no_parameter_says_otherwise_what_is_asked_and_paid_for(name: str):
    with pytest.raises(ValueError, match=f"parameters: {name}: "):
        EndpointConfig("http://127.0.0.1/v1", MODEL, parameters={name: 9000})


def test_a_service_tier_that_was_asked_for_is_paid_for():
    spending = Spending(limit=Decimal(1))
    with FakeProvider() as provider:
        provider.queue(said("hi", model="gpt-5"))
        dear = {"model": "gpt-5", "parameters": {"service_tier": "priority"}}
        paid(provider, dear, book=book(), spending=spending).chat(SAY, purpose="judge")

    assert spending.spent() == Decimal("0.0029")  # 1000 x $2.50 and 20 x $20.00 per million


def test_a_state_file_that_was_in_use_for_long_can_be_used_again(tmp_path: Path):
    spending = Spending(tmp_path / "s.sqlite", Decimal(1))
    spending._db.execute("pragma busy_timeout = 1")
    other = sqlite3.connect(tmp_path / "s.sqlite", isolation_level=None)
    other.execute("insert into spending values ('2020-01-01', 1)")
    with closing(other):
        other.execute("begin")
        other.execute("select * from spending").fetchall()
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            spending.reserve(Decimal("0.25"))

    assert spending.reserve(Decimal("0.25")) is not None
    assert spending.spent() == Decimal("0.25")


def test_a_new_day_has_a_budget_of_its_own(tmp_path: Path):
    now = [1_790_000_000.0]
    spending = Spending(tmp_path / "s.sqlite", Decimal(1), lambda: now[0])
    first = spending.reserve(Decimal(1))
    refused = spending.reserve(Decimal("0.01"))
    now[0] += 86_400

    assert first is not None
    assert refused is None
    assert spending.spent() == 0
    spending.settle(first, Decimal("0.5"))  # of yesterday
    assert spending.spent() == 0


def test_a_model_without_a_price_is_not_asked_under_a_cap_and_said_once(caplog):
    with FakeProvider() as provider:
        provider.queue(said("hi"))
        priced = {"book": book(), "spending": Spending(limit=Decimal(1))}
        capped = paid(provider, {"model": "nobody-knows-7b"}, **priced)
        replies = [capped.chat(SAY, purpose="judge") for _ in range(2)]
        free = paid(provider, {"model": "nobody-knows-7b"}, book=book())

        assert [reply.error_type for reply in replies] == ["unpriced", "unpriced"]
        assert free.chat(SAY, purpose="judge").text == "hi"
    assert len(provider.requests) == 1
    assert caplog.text.count("has no price") == 1


def test_a_model_on_ones_own_machine_is_free_and_judges_under_any_cap():
    with FakeProvider() as provider:
        provider.queue(said("hi"))
        spending = Spending(limit=Decimal(0))
        local = {"provider": "ollama", "model": "llama3.2"}
        endpoint = paid(provider, local, book=book(), spending=spending)

        assert endpoint.chat(SAY, purpose="judge").text == "hi"
    assert spending.spent() == 0


@pytest.mark.parametrize(
    ("answer", "spent"),
    [
        (json_answer({}, status=500), Decimal(0)),
        (json_answer({"choices": [{"message": {"content": "hi"}}]}), None),
        (json_answer({"nonsense": 1}), None),
    ],
)
def test_what_a_call_cost_that_nobody_told_is_taken_at_its_most(answer, spent: Decimal | None):
    spending = Spending(limit=Decimal(1))
    with FakeProvider() as provider:
        provider.queue(answer)
        paid(provider, book=book(), spending=spending).chat(SAY, purpose="judge")

    if spent is None:
        assert spending.spent() > Decimal("0.0006144")
    else:
        assert spending.spent() == spent


def test_a_failed_call_is_a_failed_span_without_content():
    traced: list[bytes] = []
    with FakeProvider() as provider:
        provider.queue(json_answer({"error": {"message": "key sk-123 is bad"}}, status=401))
        paid(provider, trace=traced.append).chat(SAY, purpose="judge")

    [span] = spans_in(traced[0])
    assert attributes(span) == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": MODEL,
        "server.address": "127.0.0.1",
        "server.port": provider.port,
        "error.type": "401",
        "otel_llm.evaluation.purpose": "judge",
    }
    assert (span.name, span.status.code) == (f"chat {MODEL}", 2)


def test_the_key_comes_from_a_file_or_the_environment_and_a_new_one_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    file = tmp_path / "key"
    monkeypatch.setenv("JUDGE_KEY", "sk-env")
    with FakeProvider() as provider:
        provider.queue(*[said("hi")] * 3)
        by_file = Endpoint(config(provider, api_key_file=str(file)))
        for key in ("sk-one\n", "sk-two"):
            file.write_text(key)
            by_file.chat(SAY)
        by_env = Endpoint(config(provider, api_key_env="JUDGE_KEY"))
        by_env.chat(SAY)
        file.unlink()
        monkeypatch.delenv("JUDGE_KEY")
        missing = [by_file.chat(SAY), by_env.chat(SAY)]
        by_file.close()
        by_env.close()

    sent = [received.headers["authorization"] for received in provider.requests]
    assert sent == ["Bearer sk-one", "Bearer sk-two", "Bearer sk-env"]
    assert [reply.error_type for reply in missing] == ["no_api_key"] * 2


def test_a_key_that_no_header_can_hold_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    file = tmp_path / "key"
    file.write_text("sk-one", encoding="utf-16")
    monkeypatch.setenv("JUDGE_KEY", "\u201csk-one\u201d")
    with FakeProvider() as provider:
        asked = [
            Endpoint(config(provider, api_key_file=str(file))),
            Endpoint(config(provider, api_key_env="JUDGE_KEY")),
        ]
        replies = [endpoint.chat(SAY) for endpoint in asked]
        for endpoint in asked:
            endpoint.close()

    assert [reply.error_type for reply in replies] == ["no_api_key"] * 2
    assert provider.requests == []


def test_what_failed_for_now_is_tried_again_and_what_failed_for_good_is_not():
    waited: list[float] = []
    with FakeProvider() as provider:
        busy = json_answer({}, status=429, headers={"retry-after": "3"})
        provider.queue(busy, json_answer({}, status=503), said("hi"), json_answer({}, status=400))
        endpoint = Endpoint(config(provider, retries=2), sleep=waited.append)
        replies = [endpoint.chat(SAY) for _ in range(2)]
        endpoint.close()

    assert [(r.text, r.error_type) for r in replies] == [("hi", None), (None, "400")]
    assert waited == [3.0, 1.0]


def test_a_server_that_is_not_there_is_an_error_and_no_exception():
    endpoint = Endpoint(EndpointConfig("http://127.0.0.1:1/v1", MODEL, retries=0))
    reply = endpoint.chat(SAY)
    endpoint.close()

    assert (reply.error_type, reply.maybe_billed) == ("connection_error", False)


@pytest.mark.parametrize(
    "given",
    [
        {"endpoint": "127.0.0.1:80"},
        {"endpoint": "ftp://host/v1"},
        {"endpoint": "https://user:key@host/v1"},
        {"endpoint": "https://host/v1", "api_key_file": "f", "api_key_env": "E"},
        {"endpoint": "https://host/v1", "max_output_tokens": 0},
    ],
)
def test_an_endpoint_that_cannot_be_is_a_mistake(given: dict):
    with pytest.raises(ValueError, match=r"endpoint|api_key|max_output"):
        EndpointConfig(model="m", **given)
