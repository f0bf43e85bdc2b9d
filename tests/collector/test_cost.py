"""The ``cost`` processor, over real batches."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest

from otel_llm.collector.data import Batch
from otel_llm.collector.processors.cost import CostConfig, CostProcessor, Missing
from otel_llm.config import ConfigError, build
from otel_llm.pricing import CustomPrice, PriceBook
from tests.collector.calls import attributes, batch, chat, request
from tests.pricing.book import at, book

USAGE = "gen_ai.usage."


def processor(**config: object) -> CostProcessor:
    made = CostConfig(**config)  # type: ignore[arg-type]
    return CostProcessor(made, PriceBook(made.prices, book().listed))


def cost_of(span: dict[str, object], priced_by: CostProcessor | None = None) -> dict[str, object]:
    received = batch(span)

    (priced_by or processor()).process(received)

    (view,) = Batch.open(received.to_bytes()).genai()
    return {
        name.removeprefix("otel_llm.cost."): value
        for name, value in attributes(view).items()
        if name.startswith(("otel_llm.cost.", "gen_ai.usage.cost"))
    }


def test_a_call_gets_its_cost_with_breakdown_and_provenance():
    found = cost_of(chat(gen_ai__usage__cache_read__input_tokens=400))

    assert found == {
        "total": pytest.approx(0.003, rel=1e-12),
        "input": pytest.approx(0.0015, rel=1e-12),
        "output": pytest.approx(0.001, rel=1e-12),
        "cache_read": pytest.approx(0.0005, rel=1e-12),
        "currency": "USD",
        "price.source": "genai-prices",
        "price.match": "openai/gpt-4o",
        "price.as_of": "2026-10-14",
        "price.tier": "standard",
        "gen_ai.usage.cost": pytest.approx(0.003, rel=1e-12),
    }


@pytest.mark.parametrize("name", ["cache_write", "cache_creation"])
def test_cache_writes_are_billed_under_both_of_their_names(name: str):
    span = chat(
        gen_ai__provider__name="anthropic", gen_ai__response__model="claude-sonnet-4-20250514"
    )

    found = cost_of(span | {f"{USAGE}{name}.input_tokens": 800})

    assert found["cache_write"] == pytest.approx(800 * 3.75e-6, rel=1e-12)
    assert found["input"] == pytest.approx(200 * 3e-6, rel=1e-12)


def test_searches_that_the_provider_ran_are_a_part_of_their_own():
    searched = {"otel_llm.usage.web_searches": 2, "otel_llm.usage.file_searches": 4}

    found = cost_of(chat(gen_ai__response__model="gpt-5") | searched)

    without = cost_of(chat(gen_ai__response__model="gpt-5"))
    assert found["tools"] == pytest.approx(0.03, rel=1e-12)
    assert found["total"] == pytest.approx(without["total"] + 0.03, rel=1e-12)
    assert {"tools": found["tools"], "total": found["total"]} | without | {
        "total": found["total"],
        "gen_ai.usage.cost": found["total"],
    } == found


@pytest.mark.parametrize(
    "operation", ["invoke_agent", "invoke_workflow", "execute_tool", "retrieval", "plan", None]
)
def test_only_the_leaf_calls_are_priced_so_that_sums_count_no_token_twice(operation: str | None):
    """Pydantic AI puts the sum of all calls onto the agent span; Vercel's SDK repeats them."""
    assert cost_of(chat(gen_ai__operation__name=operation, gen_ai__agent__name="a")) == {}


@pytest.mark.parametrize("operation", ["chat", "generate_content", "text_completion"])
def test_every_inference_is_priced(operation: str):
    assert cost_of(chat(gen_ai__operation__name=operation))["total"] == pytest.approx(0.0035)


def test_an_embedding_is_priced_without_an_output_count():
    span = chat(
        gen_ai__operation__name="embeddings",
        gen_ai__response__model="text-embedding-3-small",
        gen_ai__usage__output_tokens=None,
    )

    assert cost_of(span)["total"] == pytest.approx(0.00002)


def test_the_served_model_goes_before_the_requested_one():
    found = cost_of(chat(gen_ai__request__model="gpt-4o", gen_ai__response__model="gpt-4o-mini"))

    assert found["price.match"] == "openai/gpt-4o-mini"


def test_an_azure_deployment_is_priced_by_the_model_behind_it():
    found = cost_of(chat(gen_ai__provider__name="azure.ai.openai", gen_ai__request__model="prod-1"))

    assert found["price.match"] == "openai/gpt-4o"


def test_a_price_of_ones_own_for_a_deployment_holds_whatever_model_is_behind_it():
    own = CustomPrice("prod-1", provider="azure", input=Decimal(3), output=Decimal(12))
    span = chat(gen_ai__provider__name="azure.ai.openai", gen_ai__request__model="prod-1")

    found = cost_of(span, processor(prices=(own,)))

    assert (found["total"], found["price.match"]) == (pytest.approx(0.0042), "azure/prod-1")


def test_a_served_model_that_no_book_knows_is_priced_as_the_requested_one_and_says_so():
    found = cost_of(chat(gen_ai__response__model="our-router"))

    assert found["price.match"] == "openai/gpt-4o"
    assert found["quality"] == "requested_model"


def test_the_served_tier_goes_before_the_requested_one():
    """Langfuse prices by the tier that was asked for."""
    both = chat(openai__request__service_tier="priority", openai__response__service_tier="default")
    asked = chat(openai__request__service_tier="priority")

    assert cost_of(both)["price.tier"] == "standard"
    assert cost_of(both)["total"] == pytest.approx(0.0035)
    assert cost_of(asked)["price.tier"] == "priority"


@pytest.mark.parametrize(
    ("said", "tier", "total"),
    [
        ({}, "standard", 0.3 * 1000 + 2.5 * 100),
        ({"otel_llm.response.service_tier": "ON_DEMAND_FLEX"}, "flex", 0.15 * 1000 + 1.25 * 100),
        ({"otel_llm.request.service_tier": "priority"}, "priority", 0.54 * 1000 + 4.5 * 100),
        (
            {
                "otel_llm.request.service_tier": "priority",
                "otel_llm.response.service_tier": "standard",
            },
            "standard",
            0.3 * 1000 + 2.5 * 100,
        ),
    ],
)
def test_googles_tiers_are_priced_in_either_of_its_words(said, tier: str, total: float):
    asked = chat(
        gen_ai__provider__name="gcp.vertex_ai",
        gen_ai__response__model="gemini-2.5-flash",
        gen_ai__usage__output_tokens=100,
    )

    found = cost_of(asked | said)

    assert (found["price.tier"], found["total"]) == (tier, pytest.approx(total * 1e-6))
    assert "quality" not in found


@pytest.mark.parametrize(
    ("said", "tier", "times"),
    [
        ({"otel_llm.response.inference_geo": "global"}, "standard", 1),
        ({"otel_llm.response.inference_geo": "us"}, "standard@us", 1.1),
        (
            {
                "otel_llm.response.inference_geo": "us",
                "otel_llm.response.service_tier": "batch",
            },
            "batch@us",
            0.55,
        ),
    ],
)
def test_anthropic_takes_a_tenth_more_for_a_model_that_stays_in_the_country(said, tier, times):
    asked = chat(gen_ai__provider__name="anthropic", gen_ai__response__model="claude-opus-5")
    asked[f"{USAGE}cache_write.input_tokens"] = 400

    found = cost_of(asked | said)

    assert found["price.tier"] == tier
    assert found["total"] == pytest.approx((600 * 5 + 400 * 6.25 + 100 * 25) * 1e-6 * times)


def test_a_sender_that_counts_the_cache_apart_is_flagged():
    found = cost_of(chat(gen_ai__usage__cache_read__input_tokens=4000))

    assert found["quality"] == "exclusive_input"
    assert found["input"] == pytest.approx(0.0025)


def test_a_call_that_cannot_be_priced_gets_no_cost_and_is_counted():
    counting = processor()

    assert cost_of(chat(gen_ai__response__model="x", gen_ai__request__model="y"), counting) == {}
    assert cost_of(chat(gen_ai__response__model="x", gen_ai__request__model="y"), counting) == {}
    assert cost_of(chat(gen_ai__usage__output_tokens=None), counting) == {}

    assert counting.unpriced() == {
        Missing("openai", "x", "unknown_model"): 2,
        Missing("openai", "gpt-4o-2024-08-06", "no_usage"): 1,
    }


def test_without_a_served_model_the_requested_one_is_priced_or_told():
    counting = processor()
    bedrock = chat(gen_ai__provider__name="aws.bedrock", gen_ai__response__model=None)

    known = cost_of(bedrock | {"gen_ai.request.model": "amazon.nova-pro-v1:0"}, counting)
    unknown = cost_of(bedrock | {"gen_ai.request.model": "acme.x"}, counting)
    nameless = cost_of({n: v for n, v in bedrock.items() if n != "gen_ai.request.model"}, counting)

    assert (known["price.match"], "quality" in known) == ("aws/amazon.nova-pro-v1:0", False)
    assert (unknown, nameless) == ({}, {})
    assert counting.unpriced() == {
        Missing("aws.bedrock", "acme.x", "unknown_model"): 1,
        Missing("aws.bedrock", "", "no_model"): 1,
    }


def test_a_failed_call_without_usage_is_not_unpriced_and_one_with_usage_is_billed():
    counting = processor()
    without = chat(gen_ai__usage__input_tokens=None, gen_ai__usage__output_tokens=None)
    failed = batch(without, chat(), error=True)

    counting.process(failed)

    first, second = failed.genai()
    assert (first.has("otel_llm.cost.total"), second.has("otel_llm.cost.total")) == (False, True)
    assert counting.unpriced() == {}


def test_the_counter_of_unpriced_calls_is_bounded():
    counting = processor()
    spans = [
        chat(gen_ai__response__model=f"x{n}", gen_ai__request__model=None) for n in range(1100)
    ]

    counting.process(batch(*spans))

    assert len(counting.unpriced()) == 1001
    assert counting.unpriced()[Missing("other", "other", "unknown_model")] == 100


def test_pricing_twice_is_pricing_once():
    once = batch(chat())
    processor().process(once)

    twice = Batch.open(once.to_bytes())
    processor(prices=(CustomPrice("*", input=Decimal(99)),)).process(twice)

    assert twice.to_bytes() == once.to_bytes()


def test_a_cost_that_the_provider_reported_is_never_overwritten():
    found = cost_of(chat(otel_llm__cost__reported=0.5))

    assert found["reported"] == 0.5
    assert found["total"] == pytest.approx(0.0035)
    assert "gen_ai.usage.cost" not in found


def test_a_usage_cost_that_is_there_already_stays():
    found = cost_of(chat(gen_ai__usage__cost=0.25))

    assert found["gen_ai.usage.cost"] == 0.25
    assert found["total"] == pytest.approx(0.0035)


def test_what_only_the_provider_can_price_costs_what_it_said():
    unknown = chat(gen_ai__response__model="x", gen_ai__request__model="x")

    found = cost_of(unknown | {"otel_llm.cost.reported": 0.5})

    assert found == {
        "reported": 0.5,
        "total": 0.5,
        "currency": "USD",
        "price.source": "provider",
    }


@pytest.mark.parametrize("said", [-1.0, 1e12, 1e308, float("inf")])
def test_what_the_provider_cannot_have_meant_is_no_cost(said: float):
    unknown = chat(gen_ai__response__model="x", gen_ai__request__model="x")

    assert cost_of(unknown | {"otel_llm.cost.reported": said}) == {"reported": said}


def test_a_local_model_costs_nothing_and_says_why():
    span = chat(
        gen_ai__provider__name="ollama",
        gen_ai__response__model="llama3.2",
        server__address="localhost",
    )

    found = cost_of(span)

    assert (found["total"], found["price.source"]) == (0.0, "local")


def test_the_price_is_that_of_the_spans_start():
    old = batch(chat(gen_ai__response__model="o3"), start_ns=at("2025-05-01T00:00"))

    processor().process(old)

    assert old.genai()[0].number("otel_llm.cost.input") == pytest.approx(0.01)


def test_the_usage_cost_can_be_left_out():
    assert "gen_ai.usage.cost" not in cost_of(chat(), processor(usage_cost=False))


def test_another_currency_is_converted_but_the_usage_cost_stays_in_dollars():
    found = cost_of(chat(), processor(currency="EUR", per_usd=0.5))

    assert found["currency"] == "EUR"
    assert found["total"] == pytest.approx(0.00175)
    assert found["gen_ai.usage.cost"] == pytest.approx(0.0035)


def test_own_prices_are_read_from_a_configuration():
    config = build(
        CostConfig, {"prices": [{"model": "gpt-4o*", "input": 1.0, "output": 2}]}, "cost"
    )

    found = cost_of(chat(), CostProcessor(config, PriceBook(config.prices, book().listed)))

    assert (found["total"], found["price.source"]) == (pytest.approx(0.0012), "custom")


def test_a_second_price_file_is_read_at_the_start(tmp_path: Path):
    file = tmp_path / "second.json"
    entry = {"litellm_provider": "openai", "mode": "chat", "input_cost_per_token": 1e-06}
    file.write_text(json.dumps({"gpt-99": entry | {"output_cost_per_token": 1e-06}}))

    found = cost_of(
        chat(gen_ai__response__model="gpt-99"), CostProcessor(CostConfig(second_prices=str(file)))
    )

    assert (found["total"], found["price.source"]) == (pytest.approx(0.0011), "litellm")


@pytest.mark.parametrize(
    "given",
    [
        {"second_prices": "/nowhere.json"},
        {"currency": "EUR"},
        {"currency": "EUR", "per_usd": -1.0},
        {"currency": "EUR", "per_usd": float("nan")},
        {"currency": "EUR", "per_usd": float("inf")},
        {"currency": "eur", "per_usd": 0.9},
        {"currency": "euros", "per_usd": 0.9},
        {"per_usd": 2.0},
        {"pirces": []},
    ],
)
def test_a_configuration_that_makes_no_sense_is_refused(given: object):
    with pytest.raises(ConfigError):
        build(CostConfig, given, "processors.cost")


@pytest.mark.parametrize(
    "odd",
    [
        {"gen_ai.usage.input_tokens": "1000"},
        {"gen_ai.usage.input_tokens": 1000.0},
        {"gen_ai.provider.name": None, "gen_ai.system": "openai"},
    ],
)
def test_senders_with_other_types_and_older_names_are_priced_too(odd: dict[str, object]):
    span = {name: value for name, value in (chat() | odd).items() if value is not None}

    assert cost_of(span)["total"] == pytest.approx(0.0035)


def test_odd_values_never_raise_and_never_cost():
    spans = [
        chat(gen_ai__usage__input_tokens=value) for value in (-5, float("nan"), "many", [1], True)
    ]
    received = batch(*spans, chat(gen_ai__response__model=7, gen_ai__request__model=[]))

    processor().process(received)

    assert [view.has("otel_llm.cost.total") for view in received.genai()] == [False] * 6


def test_spans_that_are_no_calls_keep_their_bytes():
    payload = request({"http.request.method": "GET"})
    received = Batch.open(payload)

    processor().process(received)

    assert received.to_bytes() is payload
