"""What answers are like: added up, kept, held against what comes later."""

from __future__ import annotations

import json
import random
import time
from typing import Any

import pytest

from otel_llm.stats.baseline import Difference, Key, Limits, Profile, differences, key_of

from .calls import call

KEY = ("gpt-4o", "answer", "7")


def one(chance: random.Random, **more: Any) -> Any:
    return call(
        **{
            "took_s": chance.lognormvariate(0, 0.3),
            "request_model": KEY[0],
            "prompt_name": KEY[1],
            "prompt_version": KEY[2],
            "flags": ("hedging",) if chance.random() < 0.1 else (),
            "output_chars": round(chance.lognormvariate(6, 0.5)),
            "score": chance.gauss(0.8, 0.05),
            **more,
        }
    )


def profile(seed: int = 1, count: int = 300, **more: Any) -> Profile:
    """Answers as they usually are, but for ``more``, whose values may be functions of chance."""
    chance, made = random.Random(seed), Profile()
    for _ in range(count):
        made.add(one(chance, **{n: v(chance) if callable(v) else v for n, v in more.items()}))
        made.add_score("relevance", min(1.0, max(0.0, chance.gauss(0.7, 0.1))))
    return made


def test_a_profile_goes_through_json_and_adds_up_over_workers_exactly():
    whole, parts = Profile(), [profile(seed, 50) for seed in (1, 2, 3)]
    for part in parts:
        whole.merge(Profile.from_json(json.loads(json.dumps(part.to_json()))))

    other_way = Profile()
    for part in reversed(parts):
        other_way.merge(part)

    assert whole.to_json() == other_way.to_json()
    assert whole.tally.calls == 150


def test_the_same_answers_again_are_no_difference():
    pairs = [(profile(seed), profile(seed + 100)) for seed in range(20)]

    found = [differences({KEY: before}, {KEY: after}) for before, after in pairs]

    assert [kinds for kinds in found if kinds] == []


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("error_rate", {"error_type": lambda c: "timeout" if c.random() < 0.2 else None}),
        ("refusal_rate", {"flags": lambda c: ("refusal",) if c.random() < 0.3 else ()}),
        ("hedging_rate", {"flags": lambda c: ("hedging",) if c.random() < 0.5 else ()}),
        ("output_length", {"output_chars": lambda c: round(c.lognormvariate(6.6, 0.5))}),
        ("quality", {"score": lambda c: c.gauss(0.6, 0.05)}),
        ("durations", {"took_s": lambda c: c.lognormvariate(0.6, 0.3)}),
        ("lengths", {"output_chars": lambda c: c.choice([1, 5_000])}),
    ],
)
def test_what_changes_by_more_than_its_limit_is_told(kind: str, change: dict[str, Any]):
    found = differences({KEY: profile()}, {KEY: profile(2, **change)})

    one = next(d for d in found if d.kind == kind)
    assert one.labels == {"model": "gpt-4o", "prompt": "answer", "prompt_version": "7"}
    assert one.against == one.labels
    assert abs(one.size) >= 1


def test_tails_that_grow_are_told_though_most_values_stay_where_they_were():
    def wider(chance: random.Random) -> float:
        return chance.lognormvariate(0, 0.3) * chance.choice([4, 1, 1, 1, 1, 0.25])

    found = differences({KEY: profile(count=1000)}, {KEY: profile(2, 1000, took_s=wider)})

    assert [d.kind for d in found] == ["durations"]
    assert found[0].ks is not None
    assert found[0].psi is not None
    assert found[0].ks < Limits().distribution < Limits().stability < found[0].psi
    assert found[0].size == pytest.approx(found[0].psi / Limits().stability)


def test_distributions_alone_have_their_two_measures():
    found = differences({KEY: profile()}, {KEY: profile(2, score=lambda c: c.gauss(0.6, 0.05))})

    assert [(d.kind, d.ks, d.psi) for d in found] == [("quality", None, None)]


def test_scores_of_judges_are_compared_by_name():
    worse = profile(2)
    worse.scores = {"relevance": Profile().scores.setdefault("relevance", [0, 0, 0])}
    for _ in range(40):
        worse.add_score("relevance", 0.4)

    found = differences({KEY: profile()}, {KEY: worse})

    assert [d.kind for d in found] == ["score.relevance"]
    assert found[0].after == pytest.approx(0.4)


def test_limits_are_the_operators():
    after = profile(2, flags=lambda c: ("refusal",) if c.random() < 0.3 else ())

    found = differences({KEY: profile()}, {KEY: after}, Limits(refusal_rate=0.9))

    assert "refusal_rate" not in {d.kind for d in found}


def test_a_new_prompt_version_is_held_against_the_versions_before():
    before: dict[Key, Profile] = {("gpt-4o", "answer", v): profile(int(v)) for v in ("6", "7")}
    after = {("gpt-4o", "answer", "8"): profile(3, score=lambda c: c.gauss(0.5, 0.05))}

    found = {d.kind: d for d in differences(before, after)}

    assert found["quality"] == Difference(
        "quality",
        {"model": "gpt-4o", "prompt": "answer", "prompt_version": "8"},
        {"model": "gpt-4o", "prompt": "answer"},
        *(found["quality"].before, found["quality"].after, found["quality"].size),
        found["quality"].distance,
    )


def test_a_new_model_is_held_against_the_models_of_its_prompt_and_without_one_against_nothing():
    before = {KEY: profile()}
    worse = profile(3, score=lambda c: c.gauss(0.5, 0.05))

    with_prompt = differences(before, {("gpt-5", "answer", "7"): worse})
    without = differences(before, {("gpt-5", "", ""): worse})

    assert {tuple(d.against.items()) for d in with_prompt} == {(("prompt", "answer"),)}
    assert without == []


def test_of_many_series_chance_alone_raises_few():
    """A hundred series, seven tests each, all of them unchanged: at 2.7 of 1,000 some two would be
    told without the correction; what is told at all must also matter."""
    limits = Limits(*[1e-6] * 6)  # everything matters: only chance decides
    before = {("m", str(n), "1"): profile(n, 60) for n in range(100)}
    after = {("m", str(n), "1"): profile(n + 1000, 60) for n in range(100)}

    assert len(differences(before, after, limits)) <= 1


def test_a_call_belongs_to_its_model_prompt_and_version():
    assert key_of(one(random.Random(1))) == KEY


def test_thousands_of_new_models_are_held_against_thousands_of_old_ones_in_little_time():
    """Each new one is compared with all models of its prompt: these are added up once."""
    profile = Profile()
    for _ in range(30):
        profile.add(call())
    before: dict[tuple[str, ...], Profile] = {(f"old-{n}", "p", ""): profile for n in range(3000)}
    after: dict[tuple[str, ...], Profile] = {(f"new-{n}", "p", ""): profile for n in range(3000)}
    started = time.process_time()

    assert differences(before, after) == []
    assert time.process_time() - started < 30  # one by one it takes minutes
