"""What a model's answers are like, to be held against later ones: before and after a deployment.

Profiles add up exactly, over any number of workers and in any order, and go through JSON unchanged.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from otel_llm.genai import Call

from .drift import (
    Change,
    Sample,
    chance_of,
    distance_of,
    mean_change,
    mean_drop,
    share_change,
    significant,
    sketch_ks,
    sketch_psi,
)
from .sketch import Sketch
from .tally import MICRO, NUMBERS, Tally

Key = tuple[str, ...]
"""Model, prompt and prompt version; empty where unknown."""

LABELS = ("model", "prompt", "prompt_version")


def key_of(call: Call) -> Key:
    """Return the profile that ``call`` belongs to."""
    return (call.model or "", call.prompt_name or "", call.prompt_version or "")


@dataclass(slots=True)
class Profile:
    """The answers of one model to one prompt version."""

    tally: Tally = field(default_factory=Tally)
    lengths: Sketch = field(default_factory=Sketch)
    """Characters of the answers."""
    scores: dict[str, list[int]] = field(default_factory=dict[str, list[int]])
    """By name, of judges and people: count, sum and sum of squares in millionths."""

    def add(self, call: Call) -> None:
        """Count one call."""
        self.tally.add(call)
        if call.output_chars is not None:
            self.lengths.add(call.output_chars)

    def add_score(self, name: str, value: float) -> None:
        """Count one score."""
        micro = round(value * MICRO)
        self._add_sums(name, (1, micro, micro * micro))

    def merge(self, other: Profile) -> None:
        """Add everything that ``other`` has counted."""
        self.tally.merge(other.tally)
        self.lengths.merge(other.lengths)
        for name, sums in other.scores.items():
            self._add_sums(name, sums)

    def _add_sums(self, name: str, more: Sequence[int]) -> None:
        sums = self.scores.setdefault(name, [0, 0, 0])
        for at, value in enumerate(more):
            sums[at] += value

    def to_json(self) -> dict[str, Any]:
        """Return everything as plain JSON values; examples are left out."""
        tally = {name: getattr(self.tally, name) for name in NUMBERS}
        return {
            "tally": {**tally, "flags": self.tally.flags},
            "durations": _written(self.tally.durations),
            "first_chunks": _written(self.tally.first_chunks),
            "lengths": _written(self.lengths),
            "scores": self.scores,
        }

    @classmethod
    def from_json(cls, given: Mapping[str, Any]) -> Profile:
        """Read back what ``to_json`` gave; numbers that an older release did not know are 0."""
        tally = Tally(
            **given["tally"],
            durations=Sketch.of(_read(given["durations"])),
            first_chunks=Sketch.of(_read(given["first_chunks"])),
        )
        return cls(tally, Sketch.of(_read(given["lengths"])), dict(given["scores"]))


def _written(sketch: Sketch) -> list[tuple[int, int]]:
    return sorted(sketch.counts().items())


def _read(given: list[tuple[int, int]]) -> dict[int, int]:
    return {bucket: times for bucket, times in given}


@dataclass(frozen=True, slots=True)
class Limits:
    """From when on which change matters. Rates are differences, the rest as said."""

    error_rate: float = 0.05
    refusal_rate: float = 0.1
    hedging_rate: float = 0.15
    output_length: float = 0.3
    """Of the mean, as a share of it."""
    distribution: float = 0.2
    """Of durations and lengths: the largest distance of the two distributions (Kolmogorov and
    Smirnov)."""
    stability: float = 0.25
    """Of the same: the population stability index over the baseline's tenths."""
    quality: float = 2.0
    """Of scores: how many of the baseline's standard deviations the mean may fall."""


@dataclass(frozen=True, slots=True)
class Difference:
    """What is not as it was: it matters, and it is no chance."""

    kind: str
    """``refusal_rate``, ``output_length``, ``score.relevance``, …; ``served_model``: another model
    answers than before."""
    labels: Mapping[str, str]
    against: Mapping[str, str]
    """Which part of the baseline it was held against: the version before, where this one was not
    there yet."""
    before: float | None
    after: float | None
    size: float
    """In units of the limit."""
    distance: float | None
    """In standard deviations."""
    ks: float | None = None
    """Of ``durations`` and ``lengths``, whose before and after are medians: the largest distance of
    the two distributions, 0 to 1."""
    psi: float | None = None
    """And their population stability index; by custom 0.1 is a shift, 0.25 a large one."""


@dataclass(frozen=True, slots=True)
class _Shift(Change):
    """A change of a whole distribution."""

    ks: float
    psi: float


def differences(
    before: Mapping[Key, Profile], after: Mapping[Key, Profile], limits: Limits | None = None
) -> list[Difference]:
    """Return what has changed, the largest first, by tests that are corrected for how many there
    are (Benjamini and Hochberg)."""
    counterpart = _Counterparts(before)
    compared = {
        (key, kind): (against, change)
        for key, profile in after.items()
        for against, past in [counterpart.of(key)]
        if past is not None
        for kind, change in _changes(past, profile, limits or Limits())
    }
    told = significant({at: chance_of(change.distance) for at, (_, change) in compared.items()})
    found = [
        Difference(
            kind,
            _named(key),
            _named(against),
            *(change.before, change.after, change.size, change.distance),
            *((change.ks, change.psi) if isinstance(change, _Shift) else ()),
        )
        for (key, kind), (against, change) in compared.items()
        if change.drifted and (key, kind) in told
    ]
    return sorted(found, key=lambda one: -abs(one.size))


class _Counterparts:
    """What to hold a profile against; what several are held against is added up once."""

    def __init__(self, before: Mapping[Key, Profile]) -> None:
        self._before = before
        self._alike: dict[Key, list[Profile]] = {}
        self._wholes: dict[Key, Profile] = {}
        for (model, prompt, _), profile in before.items():
            for like in {(model, prompt, ""), ("", prompt, "")}:
                self._alike.setdefault(like, []).append(profile)

    def of(self, key: Key) -> tuple[Key, Profile | None]:
        """Return the part of the baseline for ``key``: itself, else all versions of its model and
        prompt, else all models of its prompt; ``None`` where there is none."""
        if key in self._before:
            return key, self._before[key]
        model, prompt, _ = key
        for like in ((model, prompt, ""), ("", prompt, "")):
            if like in self._alike and any(like):
                return like, self._whole(like)
        return key, None

    def _whole(self, like: Key) -> Profile:
        if like not in self._wholes:
            whole = self._wholes[like] = Profile()
            for one in self._alike[like]:
                whole.merge(one)
        return self._wholes[like]


def _named(key: Key) -> dict[str, str]:
    return {name: value for name, value in zip(LABELS, key, strict=True) if value}


def _changes(before: Profile, after: Profile, limits: Limits) -> Iterator[tuple[str, Change]]:
    for kind, change in _all_changes(before, after, limits):
        if change is not None:
            yield kind, change


def _all_changes(
    before: Profile, after: Profile, limits: Limits
) -> Iterator[tuple[str, Change | None]]:
    was, now = before.tally, after.tally
    errors = ((was.errors, was.calls), (now.errors, now.calls))
    yield "error_rate", share_change(*errors, limit=limits.error_rate)
    refused = ((was.refused, was.refusable), (now.refused, now.refusable))
    yield "refusal_rate", share_change(*refused, limit=limits.refusal_rate)
    hedged = [(t.flags.get("hedging", 0), t.judged) for t in (was, now)]
    yield "hedging_rate", share_change(*hedged, limit=limits.hedging_rate)
    lengths = [
        Sample.of_sums(t.measured, t.output_chars, t.output_chars_squared) for t in (was, now)
    ]
    yield "output_length", mean_change(*lengths, limit=limits.output_length)
    scores = [
        Sample.of_sums(t.scored, t.score_micro, t.score_micro_squared, MICRO) for t in (was, now)
    ]
    yield "quality", mean_drop(*scores, deviations=limits.quality)
    for name in before.scores.keys() & after.scores.keys():
        given = [_scored(profile.scores[name]) for profile in (before, after)]
        yield f"score.{name}", mean_drop(*given, deviations=limits.quality)
    yield "durations", _shift(was.durations, now.durations, limits)
    yield "lengths", _shift(before.lengths, after.lengths, limits)


def _shift(before: Sketch, after: Sketch, limits: Limits) -> _Shift | None:
    """Compare two distributions by two tests, of which either is enough (their chances are added
    up, Bonferroni); before and after are their medians."""
    was, now = before.quantile(0.5), after.quantile(0.5)
    if was is None or now is None:
        return None
    apart, chance = sketch_ks(before, after)
    index, distance = sketch_psi(before, after)
    size = max(apart / limits.distribution, index / limits.stability)
    either = min(1.0, 2 * min(chance, chance_of(distance)))
    return _Shift(was, now, size, distance_of(either), apart, index)


def _scored(sums: Sequence[int]) -> Sample:
    count, total, squared = sums
    return Sample.of_sums(count, total, squared, MICRO)
