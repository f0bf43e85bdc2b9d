"""The dashboards as data: each asks the store and says what is shown. ``board.html`` shows it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from otel_llm.genai import Call
from otel_llm.stats.trends import USUAL_DAYS
from otel_llm.store import (
    Dimension,
    Filter,
    Group,
    Most,
    Score,
    ScoreStats,
    Stats,
    Store,
)
from otel_llm.store.trends import FoundTrend, find_trends

from .asked import Asked
from .format import UNKNOWN, count, money, ms, percent, score
from .plots import RATERS, Plot, plot, plot_by, plot_parts, plot_scores

TOP: Final = 15
TILES: Final = 6
DAY_S: Final = 86_400
TREND_NS: Final = USUAL_DAYS * DAY_S * 10**9
NO_CALLS: Final = "No calls in this range."


@dataclass(frozen=True, slots=True)
class Tile:
    """One number with a name."""

    label: str
    value: str
    note: str = ""
    tone: str = ""
    """``warn`` or ``bad`` when it wants attention."""


@dataclass(frozen=True, slots=True)
class GroupTable:
    """The sums by one dimension; a row leads to its calls."""

    heading: str
    by: Dimension
    groups: Sequence[Group]
    timing: bool = False
    """Whether it tells how long calls took, and nothing else."""


@dataclass(frozen=True, slots=True)
class CountList:
    """How often each value came; a row leads to its calls."""

    heading: str
    by: Dimension
    counts: Mapping[str, int]
    empty: str


@dataclass(frozen=True, slots=True)
class CallTable:
    """Calls that deserve a look."""

    heading: str
    calls: Sequence[Call]


@dataclass(frozen=True, slots=True)
class Board:
    """One dashboard, from top to bottom."""

    title: str
    about: str
    """What its words mean."""
    tiles: Sequence[Tile]
    plots: Sequence[Plot]
    counts: Sequence[CountList] = field(default=())
    groups: Sequence[GroupTable] = field(default=())
    calls: Sequence[CallTable] = field(default=())
    scores: Sequence[ScoreStats] = field(default=())
    trends: Sequence[FoundTrend] | None = None
    """Of the last eight weeks; ``None``: not asked."""
    below: Sequence[Score] = field(default=())
    """What people and programs gave that is not good enough."""
    unused: bool = False
    """Whether nothing ever came: the page then says how to begin."""


def overview(store: Store, asked: Asked) -> Board:
    """Everything at a glance."""
    stats = store.stats(asked.where)
    return Board(
        title="Overview",
        about="Model calls; agents, tools and retrievals around them are in their traces. p95: 95 "
        "of 100 calls took at most so long. First chunk: how long a streamed answer let wait. "
        "Flagged: answers that a check found odd, of those whose content could be looked at.",
        tiles=[
            Tile("Calls", count(stats.count)),
            cost_tile(stats),
            error_tile(stats),
            Tile("Duration p95", ms(stats.latency_p95_ms), "p50 " + ms(stats.latency_p50_ms)),
            Tile("First chunk p50", ms(stats.ttft_p50_ms), "p95 " + ms(stats.ttft_p95_ms)),
            flag_tile(stats),
            Tile("Tokens per call", count(stats.avg_tokens), _in_and_out(stats)),
        ],
        plots=[
            plot("Calls", "count", asked, store, calls=_count, failed=lambda s: s.errors),
            plot_by("Cost by model", "money", asked, store, "model", _cost),
        ],
        counts=[
            _counts(store, asked, "Errors", "error_type", _no_error(stats)),
            _flags(store, asked, stats),
        ],
        groups=[_groups(store, asked, "model")],
        calls=[CallTable("Newest calls", store.calls(asked.where, limit=TOP).calls)],
        unused=not stats.count and not store.calls(Filter(billed=None), limit=1).calls,
    )


def cost_board(store: Store, asked: Asked) -> Board:
    """Where the money goes."""
    stats, before = store.stats(asked.where), store.stats(asked.before())
    days = asked.lately(DAY_S, 30)
    return Board(
        title="Cost",
        about="US dollars by the provider's price list of the day. A call whose price is unknown "
        "is in no sum; how many those are stands beside it.",
        tiles=[
            cost_tile(stats),
            Tile("Before", money(before.total_cost_usd), "in a range as long as this one"),
            Tile("Per call", money(stats.avg_cost_usd), "of those with a price"),
            Tile("Calls", count(stats.count)),
            Tile("Input tokens", count(stats.input_tokens), _cached(stats)),
            Tile("Output tokens", count(stats.output_tokens)),
        ],
        plots=[
            plot_by("Cost by model", "money", asked, store, "model", _cost),
            plot_by("Cost of the last 30 days", "money", days, store, "model", _cost),
            plot("Cost per call", "money", asked, store, average=lambda s: s.avg_cost_usd),
        ],
        groups=[
            *(_groups(store, asked, by, "cost") for by in ("model", "user", "feature", "team")),
            *_if_said(_groups(store, asked, "tenant", "cost")),
        ],
        calls=[CallTable("Dearest calls", store.top("cost", asked.where))],
    )


def latency_board(store: Store, asked: Asked) -> Board:
    """How long people wait."""
    stats = store.stats(asked.where)
    return Board(
        title="Latency",
        about="From the request to the end of the answer. p95: 95 of 100 calls took at most so "
        "long. First chunk: how long a streamed answer let wait for its beginning.",
        tiles=[
            Tile("p50", ms(stats.latency_p50_ms)),
            Tile("p90", ms(stats.latency_p90_ms)),
            Tile("p95", ms(stats.latency_p95_ms)),
            Tile("p99", ms(stats.latency_p99_ms)),
            Tile("Slowest", ms(stats.latency_max_ms)),
            Tile("First chunk p50", ms(stats.ttft_p50_ms), "p95 " + ms(stats.ttft_p95_ms)),
        ],
        plots=[
            plot(
                "Duration",
                "ms",
                asked,
                store,
                p50=lambda s: s.latency_p50_ms,
                p90=lambda s: s.latency_p90_ms,
                p95=lambda s: s.latency_p95_ms,
                p99=lambda s: s.latency_p99_ms,
            ),
            plot(
                "Time to the first chunk",
                "ms",
                asked,
                store,
                p50=lambda s: s.ttft_p50_ms,
                p95=lambda s: s.ttft_p95_ms,
            ),
        ],
        groups=[
            replace(_groups(store, asked, by), timing=True)
            for by in ("model", "endpoint", "operation", "feature")
        ],
        calls=[CallTable("Slowest calls", store.top("duration", asked.where))],
    )


def error_board(store: Store, asked: Asked) -> Board:
    """What failed, and what was refused."""
    stats = store.stats(asked.where)
    failed, flags = asked.failed(), _flags(store, asked, stats)
    return Board(
        title="Errors",
        about="Calls that ended with an error. An answer that was refused or cut off did not fail: "
        "its finish reason and its flags say so. A failed call has no model that served it, and is "
        "listed under the one that was asked for.",
        tiles=[
            error_tile(stats),
            Tile("Calls", count(stats.count)),
            _refused_tile(stats, flags.counts.get("refusal", 0)),
        ],
        plots=[
            plot("Error rate", "percent", asked, store, rate=lambda s: s.error_rate),
            plot_by(
                "Errors by type",
                "count",
                failed,
                store,
                "error_type",
                lambda s: s.count,
                _no_error(stats),
            ),
        ],
        counts=[
            _counts(store, asked, "Errors", "error_type", _no_error(stats)),
            _counts(store, asked, "Finish reasons", "finish_reason", "No answer named one."),
            flags,
        ],
        groups=[_groups(store, asked, by, "errors") for by in ("model", "provider", "feature")],
        calls=[CallTable("Newest failures", store.calls(failed.where, limit=TOP).calls)],
    )


def quality_board(store: Store, asked: Asked) -> Board:
    """How good the answers are, as far as it can be told."""
    stats, scores = store.stats(asked.where), store.score_stats(asked.where)
    low = store.config.good_enough
    return Board(
        title="Quality",
        about="Flags come from checks of answers whose content could be looked at, scores from "
        "people (feedback), programs (evaluation) and rules of thumb (overall): 0 is worst, 1 "
        "is best.",
        tiles=[
            flag_tile(stats),
            Tile("Checked", count(stats.checked), _of_calls(stats)),
            *(_score_tile(given, low) for given in scores[:TILES]),
        ],
        plots=[
            plot("Flagged", "percent", asked, store, share=_flagged_share),
            plot_by("Flags", "count", asked, store, "flag", _named_flags, _no_flag(stats)),
            plot_scores("Mean score", asked, store),
            plot_scores("Mean score of the last 8 weeks", asked.lately(7 * DAY_S, 8), store),
            plot_parts("Parts of the score by rules of thumb", asked, store),
        ],
        counts=[_flags(store, asked, stats)],
        groups=[_groups(store, asked, by) for by in ("prompt", "model", "feature")],
        scores=scores,
        trends=[one for one in trends_of(store, asked) if _of_quality(one)],
        below=store.scores_given(asked.where, below=low, limit=TOP),
    )


BOARDS: Final[Mapping[str, Callable[[Store, Asked], Board]]] = {
    "": overview,
    "cost": cost_board,
    "latency": latency_board,
    "errors": error_board,
    "quality": quality_board,
}
"""Path of a page -> what it shows."""


def trends_of(store: Store, asked: Asked) -> Sequence[FoundTrend]:
    """Where the days of the last eight weeks go, up to the end of the range."""
    until = asked.where.until_ns or asked.now_ns
    where = replace(asked.where, since_ns=max(until - TREND_NS, 0))
    return find_trends(store, where, now_ns=asked.now_ns)


def cost_tile(stats: Stats) -> Tile:
    """What it cost, and how many calls that leaves out."""
    note = f"{stats.unpriced:,} unpriced" if stats.unpriced else ""
    return Tile("Cost", money(stats.total_cost_usd), note, "warn" if stats.unpriced else "")


def error_tile(stats: Stats) -> Tile:
    """Which share failed."""
    note = f"{stats.errors:,} failed" if stats.errors else ""
    return Tile("Error rate", percent(stats.error_rate), note, "bad" if stats.errors else "")


def flag_tile(stats: Stats) -> Tile:
    """How many answers were flagged."""
    flagged = stats.flagged if stats.checked else None
    return Tile("Flagged", count(flagged), f"of {stats.checked:,} checked")


def _refused_tile(stats: Stats, refused: int) -> Tile:
    share = percent(refused / stats.checked) if stats.checked else UNKNOWN
    return Tile("Refused", share, f"{refused:,} of {stats.checked:,} checked")


def _cached(stats: Stats) -> str:
    if not stats.cache_read_tokens or not stats.input_tokens:
        return ""
    return percent(stats.cache_read_tokens / stats.input_tokens) + " from cache"


def _in_and_out(stats: Stats) -> str:
    return f"{count(stats.input_tokens)} in, {count(stats.output_tokens)} out"


def _cost(stats: Stats) -> float | None:
    return stats.total_cost_usd


def _count(stats: Stats) -> float:
    return stats.count


def _score_tile(given: ScoreStats, low: float) -> Tile:
    if given.source == "tone":
        note = f"median {score(given.median)}, 0.5 is neutral"
        return Tile("Tone of answers", score(given.mean), note)
    below = f"{given.below:,} of {given.count:,} below {low:g}"
    return Tile(
        label=f"{given.name} ({RATERS[given.source]})",
        value=score(given.mean),
        note=f"median {score(given.median)}, {below}",
        tone="warn" if given.mean < low else "",
    )


def _of_quality(trend: FoundTrend) -> bool:
    return trend.signal == "flagged_rate" or trend.signal.startswith("score.")


def _of_calls(stats: Stats) -> str:
    return "of " + count(stats.count) + " calls" if stats.count else UNKNOWN


def _flagged_share(stats: Stats) -> float | None:
    return stats.flagged / stats.checked if stats.checked else None


def _named_flags(stats: Stats) -> float | None:
    return stats.flagged or None


def _groups(store: Store, asked: Asked, by: Dimension, most: Most = "calls") -> GroupTable:
    groups = store.breakdown(by, asked.where, most=most, limit=TOP)
    return GroupTable(f"By {by}", by, groups)


def _if_said(table: GroupTable) -> Sequence[GroupTable]:
    """The table, where a call says what it is by: most collectors know no tenants."""
    return [table] if any(group.key is not None for group in table.groups) else []


def _counts(store: Store, asked: Asked, heading: str, by: Dimension, empty: str) -> CountList:
    return CountList(heading, by, store.counts(by, asked.where, limit=TOP), empty)


def _flags(store: Store, asked: Asked, stats: Stats) -> CountList:
    return _counts(store, asked, "Quality flags", "flag", _no_flag(stats))


def _no_error(stats: Stats) -> str:
    return "None failed." if stats.count else NO_CALLS


def _no_flag(stats: Stats) -> str:
    if not stats.count:
        return NO_CALLS
    return "No flag fired." if stats.checked else "No call could be checked."
