"""Baselines by name: what answers were like at one time, kept to be compared with later ones."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from otel_llm.stats.baseline import Difference, Key, Limits, Profile, differences, key_of

from .filters import Filter
from .store import Store

_MAX_SERVED = 1_000


@dataclass(slots=True)
class Baseline:
    """The answers of a time, by model, prompt and prompt version."""

    profiles: dict[Key, Profile] = field(default_factory=dict[Key, Profile])
    served: dict[str, set[str]] = field(default_factory=dict[str, set[str]])
    """By the model that was asked for: those that answered."""
    since_ns: int | None = None
    until_ns: int | None = None
    saved_ns: int = 0

    def merge(self, other: Baseline) -> None:
        """Add what another worker has seen of the same time."""
        for key, profile in other.profiles.items():
            self.profiles.setdefault(key, Profile()).merge(profile)
        for asked, models in other.served.items():
            self.served.setdefault(asked, set()).update(models)

    def to_json(self) -> str:
        """Return everything as JSON."""
        profiles = [[key, profile.to_json()] for key, profile in self.profiles.items()]
        served = {asked: sorted(models) for asked, models in self.served.items()}
        times = {name: getattr(self, name) for name in ("since_ns", "until_ns", "saved_ns")}
        return json.dumps({**times, "profiles": profiles, "served": served})

    @classmethod
    def from_json(cls, text: str) -> Baseline:
        """Read back what ``to_json`` gave."""
        given: dict[str, Any] = json.loads(text)
        profiles = {tuple(key): Profile.from_json(one) for key, one in given["profiles"]}
        served = {asked: set(models) for asked, models in given["served"].items()}
        return cls(profiles, served, given["since_ns"], given["until_ns"], given["saved_ns"])


@dataclass(frozen=True, slots=True)
class BaselineInfo:
    """What is kept under a name."""

    name: str
    saved_ns: int
    since_ns: int | None
    until_ns: int | None
    calls: int
    series: int
    """Combinations of model, prompt and prompt version."""


def take(store: Store, where: Filter) -> Baseline:
    """Return what the answers of a selection are like."""
    scores = _scores(store, where)
    taken = Baseline(since_ns=where.since_ns, until_ns=where.until_ns, saved_ns=time.time_ns())
    for call in store.history(where.since_ns or 0, where):
        profile = taken.profiles.setdefault(key_of(call), Profile())
        profile.add(call)
        for name, value in scores.pop((call.trace_id, call.span_id), ()):
            profile.add_score(name, value)
        if call.request_model and call.response_model and len(taken.served) < _MAX_SERVED:
            taken.served.setdefault(call.request_model, set()).add(call.response_model)
    return taken


def save(store: Store, name: str, where: Filter) -> BaselineInfo:
    """Keep what the answers of a selection are like as ``name``, in place of an older one."""
    taken = take(store, where)
    store.put_baseline(name, taken.to_json())
    return _info(name, taken)


def listed(store: Store) -> list[BaselineInfo]:
    """Return what is kept, by name."""
    return [_info(name, Baseline.from_json(text)) for name, text in store.baselines().items()]


def compare(
    store: Store, name: str, where: Filter, limits: Limits | None = None
) -> list[Difference]:
    """Hold the answers of a selection against the baseline ``name``, the largest change first.

    Raises ``KeyError`` when there is none.
    """
    before, after = Baseline.from_json(store.baselines()[name]), take(store, where)
    return [
        *_replaced(before.served, after.served),
        *differences(before.profiles, after.profiles, limits),
    ]


def _replaced(before: Mapping[str, set[str]], after: Mapping[str, set[str]]) -> list[Difference]:
    """Return the models that answer in place of those that used to."""
    return [
        Difference(
            "served_model",
            {"request_model": asked, "model": model},
            {"request_model": asked, "model": ", ".join(sorted(before[asked]))},
            *(None, None, 1.0, None),
        )
        for asked, models in after.items()
        if asked in before
        for model in sorted(models - before[asked])
    ]


def _scores(store: Store, where: Filter) -> dict[tuple[str, str | None], list[tuple[str, float]]]:
    """Return the scores of a time by span; those of people under ``human.``."""
    found: dict[tuple[str, str | None], list[tuple[str, float]]] = {}
    for score in store.scores_since(where.since_ns or 0):
        name = score.name if score.source == "automatic" else f"human.{score.name}"
        found.setdefault((score.trace_id, score.span_id), []).append((name, score.value))
    return found


def _info(name: str, baseline: Baseline) -> BaselineInfo:
    return BaselineInfo(
        name,
        baseline.saved_ns,
        baseline.since_ns,
        baseline.until_ns,
        calls=sum(profile.tally.calls for profile in baseline.profiles.values()),
        series=len(baseline.profiles),
    )
