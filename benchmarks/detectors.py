"""False alarms per 1,000 windows and detection delay of every detector and drift rule.

    python -m benchmarks.detectors [--windows N]

Stationary data first: what is raised there is false. Then a shift of so many standard deviations:
how many windows pass until it is noticed (median of the runs that notice within 50 windows).
Independent normal values unless the column says otherwise; then other kinds of values, and the
watch of the alerts over hours with a daily rhythm.
"""

from __future__ import annotations

import argparse
import math
import random
import statistics
from collections.abc import Callable, Sequence

from otel_llm.alerting.anomalies import Anomalies
from otel_llm.stats import Tally, anomaly, baseline, drift
from otel_llm.stats.anomaly import Detector
from otel_llm.stats.trends import Method, trends

HISTORIES = (14, 30, 100)
SHIFTS = (1.0, 2.0, 3.0, 5.0)
STATED = 2.7
"""False alarms per 1,000 at the limit of 3, both directions."""

DETECTORS: dict[str, Detector] = {
    "z_score": anomaly.z_score,
    "median_score": anomaly.median_score,
    "ewma": anomaly.ewma,
    "trend": anomaly.trend,
    "robust_trend": anomaly.robust_trend,
    "combined": anomaly.combined,
}

Draw = Callable[[random.Random], float]
Series = Callable[[random.Random, int], list[float]]
NORMAL: Draw = lambda chance: chance.gauss(100, 10)  # noqa: E731
SKEWED: Draw = lambda chance: chance.lognormvariate(0, 0.5)  # noqa: E731
SEASON = 24


def _heavy(chance: random.Random) -> float:
    """Return a value of Student's distribution with three degrees of freedom."""
    squares = math.fsum(chance.gauss(0, 1) ** 2 for _ in range(3))
    return chance.gauss(0, 1) / math.sqrt(squares / 3)


def _poisson(mean: float) -> Draw:
    return lambda chance: _arrivals(mean, chance)


def _arrivals(mean: float, chance: random.Random) -> int:
    if mean > 100:
        return max(0, round(chance.gauss(mean, math.sqrt(mean))))
    count, left = -1, 1.0
    while left > math.exp(-mean):
        count, left = count + 1, left * chance.random()
    return count


def _share(rate: float, of: int) -> Draw:
    return lambda chance: sum(chance.random() < rate for _ in range(of)) / of


def _independent(draw: Draw) -> Series:
    return lambda chance, count: [draw(chance) for _ in range(count)]


def _daily(chance: random.Random, count: int) -> list[float]:
    """Return hours of days that go up and down by two deviations, from any hour on."""
    first = chance.randrange(SEASON)
    turn = 2 * math.pi / SEASON
    return [2 * math.sin((first + at) * turn) + chance.gauss(0, 1) for at in range(count)]


def _sticky(chance: random.Random, count: int) -> list[float]:
    """Return values of which each is half like the one before."""
    values = [chance.gauss(0, 1)]
    for _ in range(count - 1):
        values.append(0.5 * values[-1] + math.sqrt(0.75) * chance.gauss(0, 1))
    return values


OTHERS: dict[str, Series] = {
    "uniform": _independent(lambda chance: chance.random()),
    "counts 30": _independent(_poisson(30)),
    "counts 2": _independent(_poisson(2)),
    "5 % of 50": _independent(_share(0.05, 50)),
    "heavy": _independent(_heavy),
    "waits": _independent(lambda chance: chance.expovariate(1)),
    "sticky": _sticky,
    "daily": _daily,
}


def main() -> None:
    """Run every simulation and print its table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--windows", type=int, default=10_000)
    windows = parser.parse_args().windows
    print(f"false alarms per 1,000 windows (stated: {STATED}), {windows} windows each")
    print(
        f"{'detector':14}" + "".join(f"{f'history {n}':>13}" for n in HISTORIES) + "   skewed, 100"
    )
    for name, detector in DETECTORS.items():
        rates = [false_alarms(detector, n, windows // _dearness(name, n)) for n in HISTORIES]
        skewed = false_alarms(detector, 100, windows // _dearness(name, 100), SKEWED)
        print(f"{name:14}" + "".join(f"{_rate(rate):>13}" for rate in rates) + f"{skewed:14.1f}")
    _print_others(windows // 5)
    _print_watch()
    _print_trends(windows // 10)
    print("\nwindows until a shift is noticed (history 100; - : fewer than half of 200 runs)")
    print(f"{'detector':14}" + "".join(f"{f'{shift:g} sigma':>10}" for shift in SHIFTS))
    for name, detector in DETECTORS.items():
        print(f"{name:14}" + "".join(f"{_shown(delay(detector, s)):>10}" for s in SHIFTS))
    print("\ndrift: false alarms per 1,000 comparisons; seen per 1,000 when it is twice the limit")
    for name, (rule, changed) in DRIFT.items():
        print(f"{name:28}{share(rule, windows):8.1f}{share(changed, windows // 10):10.1f}")
    _print_since()


def _print_others(windows: int) -> None:
    print("\nfalse alarms per 1,000 windows of other values (history 100)")
    print(f"{'detector':14}" + "".join(f"{name:>11}" for name in OTHERS))
    for name, detector in DETECTORS.items():
        runs = windows // _dearness(name, 100)
        rates = [false_alarms(detector, 100, runs, series=series) for series in OTHERS.values()]
        print(f"{name:14}" + "".join(f"{_rate(rate):>11}" for rate in rates))
    days = 14 * SEASON
    by_season: Detector = lambda values: anomaly.seasonal(values, season=SEASON)  # noqa: E731
    print(
        f"daily, by season (14 days): {false_alarms(by_season, days, windows, series=_daily):.1f}"
    )


def _print_watch() -> None:
    print("\nthe watch: false alarms per 1,000 hours after two weeks, calls with a daily rhythm")
    for mean, models in ((60, 30), (300, 15), (3000, 3)):
        print(f"about {mean:5} calls an hour:  {watched(mean, models)}")


def _print_trends(series: int) -> None:
    print(
        f"\ntrends of days: told of 1,000 series ({series} each; {series // 5} of those that grow)"
    )
    kinds = "".join(f"{name:>12}" for name in WEEKS)
    print(f"{'':24}{kinds}{'sticky':>12}   growing by 10 % and 20 % a week:{kinds}")
    for method in METHODS:
        for days in (14, 21, 28, 56):
            still = [told_trends(week, days, series, method) for week in WEEKS.values()]
            still.append(told_trends(_sticky_days, days, series, method))
            seen = [
                "/".join(
                    f"{told_trends(growing(week, share), days, series // 5, method):.0f}"
                    for share in (0.1, 0.2)
                )
                for week in WEEKS.values()
            ]
            rates = "".join(f"{rate:12.1f}" for rate in still)
            print(f"{method:12}{days:3} days    {rates}{'':35}{''.join(f'{s:>12}' for s in seen)}")


def _weeks(weekend: float, spread: float) -> Series:
    def draw(chance: random.Random, days: int) -> list[float]:
        first = chance.randrange(7)
        return [
            (weekend if (first + day) % 7 > 4 else 1.0) * chance.lognormvariate(0, spread)
            for day in range(days)
        ]

    return draw


def _sticky_days(chance: random.Random, days: int) -> list[float]:
    return [math.exp(0.1 * value) for value in _sticky(chance, days)]


def growing(series: Series, share: float) -> Series:
    """Return values of days that grow by ``share`` a week."""
    return lambda chance, days: [
        value * (1 + share) ** (day / 7) for day, value in enumerate(series(chance, days))
    ]


METHODS: tuple[Method, ...] = ("robust", "regression")
WEEKS: dict[str, Series] = {
    "even": _weeks(1.0, 0.1),
    "half": _weeks(0.5, 0.1),
    "a tenth": _weeks(0.1, 0.3),
}
"""What a weekend is of a working day."""


def told_trends(series: Series, days: int, runs: int, method: Method) -> float:
    """Return how many of 1,000 series of days ``/v1/trends`` says to rise or fall."""
    chance = random.Random(4)
    told = 0
    for _ in range(runs):
        values = dict(enumerate(series(chance, days)))
        found = trends({"": values}, amounts=("",), method=method)
        told += bool(found) and found[""].direction != "steady"
    return 1000 * told / runs


def watched(mean: float, models: int, days: int = 42) -> dict[str, float]:
    """Return false alarms of ``alerting.watch`` per 1,000 hours by signal."""
    chance = random.Random(7)
    told: dict[str, int] = {}
    hours = 0
    for _ in range(models):
        watch = Anomalies(min_calls=20)
        for hour in range(days * SEASON):
            watch.judge(("app", "m"), hour, _hour_of_calls(mean, hour, chance))
        late = [one for one in watch.found() if one.at >= 14 * SEASON * 3600]
        hours += (days - 14) * SEASON
        for one in late:
            told[one.signal] = told.get(one.signal, 0) + 1
    return {signal: round(1000 * count / hours, 1) for signal, count in sorted(told.items())}


def _hour_of_calls(mean: float, hour: int, chance: random.Random) -> Tally:
    busy = mean * (1 + 0.6 * math.sin(2 * math.pi * hour / SEASON)) * chance.lognormvariate(0, 0.1)
    calls = _arrivals(busy, chance)
    errors = sum(chance.random() < 0.02 for _ in range(calls))
    refused = sum(chance.random() < 0.005 for _ in range(calls))
    return Tally(
        calls=calls,
        errors=errors,
        refused=refused,
        refusable=calls,
        priced=calls,
        cost_nano=round(sum(1e6 * chance.lognormvariate(0, 0.8) for _ in range(calls))),
    )


def _dearness(name: str, history: int) -> int:
    return 20 if name == "robust_trend" and history > 30 else 1


def _rate(rate: float | None) -> str:
    return "-" if rate is None else f"{rate:.1f}"


def false_alarms(
    detector: Detector,
    history: int,
    windows: int,
    draw: Draw = NORMAL,
    seed: int = 3,
    series: Series | None = None,
) -> float | None:
    """Return alarms per 1,000 windows over fresh stationary series; ``None`` where the history is
    too short for the detector to say anything."""
    chance = random.Random(seed)
    series = series or _independent(draw)
    alarms = 0
    for _ in range(windows):
        found = detector(series(chance, history + 1))
        if found is None:
            return None
        alarms += found.severity is not None
    return 1000 * alarms / windows


def delay(detector: Detector, shift: float, *, runs: int = 200, history: int = 100) -> float | None:
    """Return the median number of windows until a shift is noticed, counted from one."""
    delays: list[int] = []
    for seed in range(runs):
        chance = random.Random(seed)
        values = [chance.gauss(0, 1) for _ in range(history)]
        found = _noticed(detector, values, [chance.gauss(shift, 1) for _ in range(50)])
        if found is not None:
            delays.append(found)
    return statistics.median(delays) if len(delays) * 2 >= runs else None


def _noticed(detector: Detector, past: Sequence[float], present: Sequence[float]) -> int | None:
    values = list(past)
    for i, value in enumerate(present, 1):
        values.append(value)
        found = detector(values[-101:])
        if found is not None and found.severity is not None and found.direction == "above":
            return i
    return None


def _shown(delay: float | None) -> str:
    return "-" if delay is None else f"{delay:g}"


Comparison = Callable[[random.Random], bool]


def share(comparison: Comparison, runs: int) -> float:
    """Return how many of 1,000 comparisons say that something changed."""
    chance = random.Random(5)
    return (
        1000 * sum(comparison(chance) for _ in range(max(200, runs // 10))) / max(200, runs // 10)
    )


def _shares(limit: float, was: float, now: float, before: int = 500, after: int = 60) -> Comparison:
    def compare(chance: random.Random) -> bool:
        hits = [
            sum(chance.random() < p for _ in range(n)) for p, n in ((was, before), (now, after))
        ]
        found = drift.share_change((hits[0], before), (hits[1], after), limit=limit)
        return found is not None and found.drifted

    return compare


def _sample(values: Sequence[float]) -> drift.Sample:
    return drift.Sample(len(values), statistics.fmean(values), statistics.stdev(values))


def _means(now: float) -> Comparison:
    def compare(chance: random.Random) -> bool:
        before = _sample([chance.lognormvariate(6, 0.8) for _ in range(500)])
        after = _sample([now * chance.lognormvariate(6, 0.8) for _ in range(60)])
        found = drift.mean_change(before, after, limit=0.3)
        return found is not None and found.drifted

    return compare


def _quality(now: float) -> Comparison:
    def compare(chance: random.Random) -> bool:
        before = _sample([chance.gauss(0.85, 0.05) for _ in range(500)])
        after = _sample([chance.gauss(now, 0.05) for _ in range(20)])
        found = drift.mean_drop(before, after)
        return found is not None and found.drifted

    return compare


def _ks(shift: float) -> Comparison:
    def compare(chance: random.Random) -> bool:
        before = [chance.gauss(0, 1) for _ in range(200)]
        return drift.ks(before, [chance.gauss(shift, 1) for _ in range(100)])[1] < 0.0027

    return compare


def _psi(shift: float) -> Comparison:
    def compare(chance: random.Random) -> bool:
        before = [chance.gauss(0, 1) for _ in range(500)]
        index, distance = drift.psi(before, [chance.gauss(shift, 1) for _ in range(200)])
        return index > 0.1 and distance >= drift.SURE

    return compare


def _lengths(change: Draw, before: int = 500, after: int = 200) -> Comparison:
    limits = baseline.Limits()

    def compare(chance: random.Random) -> bool:
        was, now = baseline.Profile(), baseline.Profile()
        for profile, count, draw in ((was, before, _usual), (now, after, change)):
            for _ in range(count):
                profile.lengths.add(draw(chance))
        found = baseline.differences({("m", "", ""): was}, {("m", "", ""): now}, limits)
        return bool(found)

    return compare


def _usual(chance: random.Random) -> float:
    return chance.lognormvariate(6, 0.8)


def _tailed(chance: random.Random) -> float:
    return _usual(chance) * (8 if chance.random() < 0.25 else 1)


def since(change: Callable[[random.Random], int], runs: int = 1000) -> tuple[float, float]:
    """Return by how many hours the beginning of a change is missed, in half and in nine of ten of
    ``runs``: of a day at the end of eight, 30 calls an hour."""
    chance, missed = random.Random(8), list[int]()
    for _ in range(runs):
        began = chance.randrange(192 - 20, 192 - 4)
        sums = [
            (30, sum((change if at >= began else _length)(chance) for _ in range(30)))
            for at in range(192)
        ]
        missed.append(abs((drift.change_point(sums) or 0) - began))
    return statistics.median(missed), statistics.quantiles(missed, n=10)[-1]


def _length(chance: random.Random) -> int:
    return round(chance.lognormvariate(6, 0.8))


def _print_since() -> None:
    print(
        "\nhours by which the beginning of a drift is missed: half of the time, nine times of ten"
    )
    for size in (1.3, 1.6, 2.0):
        half, most = since(lambda chance, size=size: round(size * _length(chance)))
        print(f"mean length x {size}: {half:g}, {most:g}")


DRIFT: dict[str, tuple[Comparison, Comparison]] = {
    "refusal rate +-0.1": (_shares(0.1, 0.05, 0.05), _shares(0.1, 0.05, 0.25)),
    "hedging rate +-0.15": (_shares(0.15, 0.2, 0.2), _shares(0.15, 0.2, 0.5)),
    "mean length +-30 %": (_means(1.0), _means(1.6)),
    "quality below mean-2 sigma": (_quality(0.85), _quality(0.65)),
    "Kolmogorov-Smirnov": (_ks(0.0), _ks(0.7)),
    "population stability > 0.1": (_psi(0.0), _psi(0.7)),
    "either, of a baseline": (_lengths(_usual), _lengths(_tailed)),
    "the same, 200 and 100": (_lengths(_usual, 200, 100), _lengths(_tailed, 200, 100)),
}


if __name__ == "__main__":
    main()
