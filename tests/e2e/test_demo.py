"""``make demo``: every claim on the screen holds, and its past tells what the documents say."""

from __future__ import annotations

import subprocess
import sys
import time
from collections import Counter
from itertools import groupby
from pathlib import Path

from examples.demo import past

from otel_llm.testing import OtlpSink

ROOT = Path(__file__).parents[2]
NOW = 1_795_255_200.0
"""2026-11-21 10:00 UTC."""


def test_one_round_shows_calls_costs_flags_and_an_alert():
    done = subprocess.run(
        [sys.executable, "-m", "examples.demo", "--once"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "14 calls, 1 failed, $0.001140, 1 without a price" in done.stdout
    assert "ALERT error: 7.143% of the calls of lamp-shop failed" in done.stdout


def test_the_past_is_the_same_every_time_and_ends_before_now():
    asked = list(past.questions(NOW))

    assert asked == list(past.questions(NOW))
    assert NOW - past.DAYS * past.DAY - past.DAY < asked[0].at < NOW - past.DAYS * past.DAY
    assert max(one.at for one in asked) < NOW - past.HOUR / 4


def test_the_past_has_a_dear_hour_a_slow_one_a_failing_one_and_a_worse_prompt():
    yesterday = NOW // past.DAY * past.DAY - past.DAY
    hours = {
        int(hour): list(asked)
        for hour, asked in groupby(
            sorted(past.questions(NOW), key=lambda one: one.at),
            key=lambda one: (one.at - yesterday) // past.HOUR,
        )
    }
    dear = [one for one in hours[14] if one.feature == "catalogue export"]
    worse = {
        version: sum(bad) / len(bad)
        for version in ("3", "4")
        if (bad := [_bad(one) for hour in hours.values() for one in hour if _chats(one, version)])
    }

    assert (len(dear), {one.user for one in dear}) == (40, {"dan"})
    assert min(one.first_chunk_s for one in hours[9]) > 4 > max(o.first_chunk_s for o in hours[10])
    assert Counter(one.error for one in hours[18])["openai.InternalServerError"] > 3
    assert worse["3"] < 0.03 < 0.3 < worse["4"]


def _chats(asked: past.Question, version: str) -> bool:
    return (asked.feature, asked.version) == ("chat", version)


def _bad(asked: past.Question) -> bool:
    return asked.finish != "stop" or asked.text == past.REFUSAL


def test_the_past_is_sent_as_spans_of_three_kinds():
    with OtlpSink() as sink:
        sent = past.send(sink.http_endpoint, now=time.time())
        spans = sink.spans()

    kinds = Counter(
        attribute.value.string_value
        for span in spans
        for attribute in span.attributes
        if attribute.key == "gen_ai.operation.name"
    )
    assert sum(kinds.values()) == sent
    assert set(kinds) == {"chat", "retrieval", "invoke_workflow"}
    assert len(set(kinds.values())) == 1
