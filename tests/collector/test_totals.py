"""The totals behind ``/metrics``."""

from __future__ import annotations

import threading

from otel_llm.collector.measures.samples import Exemplar, Family, Sample
from otel_llm.collector.observers.totals import OTHER, Totals
from otel_llm.genai import Cost, Usage
from otel_llm.semconv.metrics import SECONDS_BUCKETS
from tests.store.examples import FULL, NOON, a_call, usd

LABELS = {"service": "", "provider": "openai", "model": "gpt-4o", "operation": "chat"}


def family(totals: Totals, name: str) -> Family:
    return next(family for family in totals.families() if family.name == name)


def values(totals: Totals, name: str) -> list[tuple[dict[str, str], float]]:
    return [(dict(s.labels), s.value) for s in family(totals, name).samples]


def test_calls_add_up_by_service_provider_model_and_operation():
    totals = Totals()

    totals.observe([FULL, a_call(1), a_call(2)])

    assert values(totals, "otel_llm_calls") == [
        (
            {
                "service": "shop",
                "provider": "openai",
                "model": "gpt-4o-2024-08-06",
                "operation": "chat",
            },
            1,
        ),
        (LABELS, 2),
    ]


def test_tokens_are_counted_by_type_and_what_nobody_said_is_absent():
    totals = Totals()

    totals.observe([a_call(1, usage=Usage(input_tokens=5, cache_read=2)), a_call(2)])
    totals.observe([a_call(3, usage=Usage(input_tokens=1, output_tokens=0))])

    assert values(totals, "otel_llm_tokens") == [
        ({**LABELS, "type": "input"}, 6),
        ({**LABELS, "type": "cache_read"}, 2),
        ({**LABELS, "type": "output"}, 0),
    ]


def test_cost_is_absent_until_a_price_is_known_and_the_unpriced_are_counted():
    totals = Totals()
    totals.observe([a_call(1), a_call(2, cost=Cost(total=9, currency="EUR"))])
    before = values(totals, "otel_llm_cost_usd")

    totals.observe([a_call(3, cost=usd(0.5)), a_call(4, cost=usd(float("nan")))])

    assert before == []
    assert values(totals, "otel_llm_cost_usd") == [(LABELS, 0.5)]
    assert values(totals, "otel_llm_unpriced_calls") == [(LABELS, 1)]


def test_finish_reasons_are_counted_and_scores_are_a_distribution():
    totals = Totals()

    totals.observe(
        [
            a_call(1, finish_reasons=("stop",), score=0.5),
            a_call(2, finish_reasons=("stop", "length"), score=1.0),
            a_call(3, score=None),
            a_call(4, score=float("nan")),
        ]
    )

    assert values(totals, "otel_llm_finish_reasons") == [
        ({**LABELS, "finish_reason": "stop"}, 2),
        ({**LABELS, "finish_reason": "length"}, 1),
    ]
    (scores,) = (f for f in totals.families() if f.name == "otel_llm_quality_score")
    told = {s.suffix + s.labels.get("le", ""): s.value for s in scores.samples}
    assert told["_bucket0.4"] == 0
    assert told["_bucket0.5"] == told["_bucket0.9"] == 1
    assert (told["_bucket+Inf"], told["_count"], told["_sum"]) == (2, 2, 1.5)


def test_errors_and_flags_are_counted_by_their_names():
    totals = Totals()

    totals.observe([a_call(1, error_type="timeout"), a_call(2, flags=("empty", "refusal"))])

    assert values(totals, "otel_llm_errors") == [({**LABELS, "error_type": "timeout"}, 1)]
    assert values(totals, "otel_llm_flags") == [
        ({**LABELS, "flag": "empty"}, 1),
        ({**LABELS, "flag": "refusal"}, 1),
    ]


def test_durations_fall_into_the_conventions_buckets_with_an_exemplar():
    totals = Totals()

    totals.observe([a_call(1, ms=20), a_call(2, ms=21)])

    samples = family(totals, "otel_llm_call_duration_seconds").samples
    shown = Exemplar(0.02, f"{1:032x}", f"{1:016x}", (NOON + 1_020_000_000) / 1e9)
    assert samples[:2] == [
        Sample(0, {**LABELS, "le": "0.01"}, "_bucket"),
        Sample(1, {**LABELS, "le": "0.02"}, "_bucket", shown),
    ]
    assert [sample.value for sample in samples[2:]] == [2] * (len(SECONDS_BUCKETS) - 1) + [2, 0.041]


def test_a_call_that_ends_before_it_starts_has_no_duration():
    totals = Totals()

    totals.observe([a_call(1, ms=-1, time_to_first_chunk_s=float("nan"))])

    assert family(totals, "otel_llm_call_duration_seconds").samples == []
    assert family(totals, "otel_llm_time_to_first_chunk_seconds").samples == []


def test_agents_and_tools_are_left_out():
    totals = Totals()

    totals.observe([a_call(1, operation="invoke_agent", usage=Usage(input_tokens=5))])

    assert values(totals, "otel_llm_calls") == []


def test_series_are_bounded_and_the_rest_is_counted_together():
    totals = Totals(max_series=2)

    totals.observe([a_call(n, request_model=f"m{n}") for n in range(5)])

    assert [(labels["model"], count) for labels, count in values(totals, "otel_llm_calls")] == [
        ("m0", 1),
        ("m1", 1),
        (OTHER, 3),
    ]


def test_error_types_are_bounded_and_cut():
    totals = Totals()

    totals.observe([a_call(n, error_type=f"{n:050}" + "x" * 500) for n in range(60)])

    counted = values(totals, "otel_llm_errors")
    assert len(counted) == 51
    assert counted[-1] == ({**LABELS, "error_type": OTHER}, 10)
    assert max(len(labels["error_type"]) for labels, _ in counted) == 200


def test_what_cannot_be_printed_is_no_part_of_a_label():
    totals = Totals()
    odd = "a\x00\r\n\x1b[31m\u202eb"

    totals.observe(
        [a_call(1, service=odd, error_type=odd, flags=(odd,)), a_call(2, service="a[31mb")]
    )

    assert values(totals, "otel_llm_calls") == [({**LABELS, "service": "a[31mb"}, 2)]
    for name, label in (("otel_llm_errors", "error_type"), ("otel_llm_flags", "flag")):
        assert [labels[label] for labels, _ in values(totals, name)] == ["a[31mb"]


def test_nothing_is_lost_between_threads():
    totals = Totals()
    calls = [a_call(n) for n in range(100)]
    threads = [
        threading.Thread(target=lambda: [totals.observe(calls) for _ in range(20)])
        for _ in range(4)
    ]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert values(totals, "otel_llm_calls") == [(LABELS, 8_000)]
