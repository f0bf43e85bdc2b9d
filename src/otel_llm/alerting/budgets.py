"""Budgets: how much of the money is spent, how fast it goes, and whether it will last.

A budget counts the known cost of model calls in its filters, for every value of its groups apart,
by the event's own time in the days, weeks or months of a time zone. Calls without a price are
counted as such: a sum with unknown parts says so.
"""

from __future__ import annotations

import json
import logging
import math
import struct
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Literal, NamedTuple, Protocol
from zoneinfo import ZoneInfo

from otel_llm.genai import Call
from otel_llm.stats import Selection
from otel_llm.stats.account import ACCOUNTED_S, DAY_S, FINE_S, HOUR_S, Account, Forecast
from otel_llm.stats.denial import Denial
from otel_llm.stats.dimensions import dimension, label
from otel_llm.stats.ended import ended
from otel_llm.stats.periods import Kind, Period, period_of
from otel_llm.stats.tally import NANO
from otel_llm.stats.window import OVERFLOW, Key

from .clocks import check_zone
from .readings import Matters, anything
from .seen import Seen

_log = logging.getLogger(__name__)

Speed = Literal["fast", "medium", "slow"]

BURN_WINDOWS: Mapping[Speed, tuple[float, float]] = {
    "fast": (3600.0, 300.0),
    "medium": (6 * 3600.0, 1800.0),
    "slow": (3 * 86_400.0, 6 * 3600.0),
}
"""Long and short window of each speed; both must burn (Google SRE workbook, chapter 5). A budget
for 30 days burns 2 % in an hour at 14.4 times its even speed, 5 % in six hours at 6 times, and
10 % in three days at its even speed."""

_MISTAKEN_S = 2 * DAY_S
_LEAST = 1 / NANO
"""No smaller amount is counted."""
_HISTORY_S: Mapping[Kind, float] = {"day": 2 * 86_400.0, "week": ACCOUNTED_S, "month": ACCOUNTED_S}
"""What a forecast and yesterday's sum rest on, beside the period itself."""
_FULL = (
    "budget %s: %d accounts are in use; what others spend is counted in one, and held against no "
    "limit (alerting.max_label_sets)"
)
_LOOK_S = 3600.0
_AT_ONCE = 500
"""So many accounts are looked at under the lock: calls are booked in between."""
_PAUSE_S = 0.0002
"""In between, so that who waits for the lock gets it."""
_HOURS_OF_SPIKE = 8
"""An hour that costs more than an eighth of the daily budget is a spike."""


@dataclass(frozen=True, slots=True)
class BudgetConfig:
    """So much money for so long."""

    name: str
    """Becomes the label ``budget``."""
    limit: float
    """US dollars per period, for every value of ``group_by`` apart."""
    period: Kind = "month"
    """What the money is for; it starts anew with the next."""
    filters: dict[str, str] = field(default_factory=dict[str, str])
    """Which calls count: dimension to pattern (``search|ads``, ``gpt-*``, ``!dev``)."""
    group_by: tuple[str, ...] = ()
    """Dimensions whose every combination of values has this budget: ``[user]``, ``[team]``."""
    time_zone: str = "UTC"
    """Where the day begins at midnight: ``Europe/Berlin``."""
    hard: bool = False
    """Whether an application that asks is told to stop once the money is spent."""

    def __post_init__(self) -> None:
        if not (self.name and self.name.isprintable()):
            raise ValueError(f"name {self.name!r}: write a word that can be shown")
        if not _LEAST <= self.limit < float("inf"):
            raise ValueError("limit must be more than 0, and an amount of money")
        if len(set(self.group_by)) < len(self.group_by):
            raise ValueError("group_by names a dimension twice")
        check_zone(self.time_zone)
        self.selection  # noqa: B018  # refuses unknown dimensions

    @property
    def selection(self) -> Selection:
        """The calls that count, and how they are told apart."""
        return Selection(self.filters, self.group_by)


@dataclass(frozen=True, slots=True)
class BudgetStatus:
    """Where one budget's one label set stands. Money in US dollars, times in Unix seconds."""

    budget: str
    labels: Mapping[str, str]
    period: Kind
    start: float
    end: float
    limit: float
    spent: float
    unpriced_calls: int
    """Calls of unknown cost in this period: ``spent`` is at least what it says."""
    yesterday: float
    """Spent on the day before, in the budget's time zone."""
    last_hour: float
    burn: Mapping[Speed, float]
    """Spending over the even speed, in the long and the short window alike; 1 just lasts."""
    forecast: Forecast | None
    """Spent at the period's end; ``None`` with too little history."""

    @property
    def used(self) -> float:
        """The share that is spent; 1 is all."""
        return self.spent / self.limit

    @property
    def is_of_many(self) -> bool:
        """Whether this is what did not fit into accounts: the limit is that of each of them."""
        return OVERFLOW in self.labels


class Budgets:
    """The accounts of all budgets. Thread-safe; exact whatever the order of calls, also when some
    are delivered again."""

    def __init__(self, configs: Sequence[BudgetConfig], *, max_accounts: int = 10_000) -> None:
        self._books = [_Book(config, max_accounts) for config in configs]
        self._by_name = {book.config.name: book for book in self._books}
        names = {name for book in self._books for name in book.selection.dimensions}
        self._readers = {name: dimension(name) for name in sorted(names)}
        self._lock = threading.Lock()
        self._seen = Seen()
        self._behind = False
        """Whether calls since the last save are still to be learned."""
        self._gone: dict[str, dict[str, None]] = {"budget": {}, "terms": {}}
        """What a state file holds and nobody needs, by kind."""

    def observe(self, calls: Iterable[Call], now: float) -> None:
        """Book what ``calls`` cost."""
        if not self._books:
            return
        with self._lock:
            for call in filter(self._seen.new, calls):
                self._book(call, self._books, now)

    def _book(self, call: Call, books: Iterable[_Book], now: float) -> None:
        labels = {name: label(read(call)) for name, read in self._readers.items()}
        for book in books:
            book.add(call, labels, ended(call, now), now)

    def await_past(self, now: float) -> float:
        """Wait for what ``learn`` tells of the past; return how much of it, in seconds, budgets
        that are new can use. Until ``settle`` they are kept from ``export``: one that is cut short
        in learning begins anew from where it was kept last."""
        with self._lock:
            self._behind = bool(self._books)
            for book in self._books:
                book.learning, book.new = True, book.fresh
            return max((book.wanted_s(now) for book in self._books if book.new), default=0.0)

    def learn(self, history: Iterable[Call], counted_until: float | None, now: float) -> None:
        """Book what a store tells: to a budget that is new, all of it; to others what ended after
        ``counted_until`` (Unix seconds). In any order, from any thread, while others go on."""
        with self._lock:
            new = [book for book in self._books if book.new]
            since_ns = -math.inf if counted_until is None else counted_until * NANO
            for call in history if self._books else ():
                missed = since_ns < math.inf and self._seen.past(call) and call.end_ns >= since_ns
                if books := self._books if missed else new:
                    self._book(call, books, now)

    def settle(self, *, older: bool) -> None:
        """All is told: to budgets that are not new, or with ``older`` to all."""
        with self._lock:
            self._behind = False
            for book in self._books:
                if older or not book.new:
                    book.learning = book.new = False

    def learns(self, budget: str) -> bool:
        """Whether the budget of that name is still to learn what was spent before."""
        book = self._by_name.get(budget)
        return book is not None and book.learning

    @property
    def learning(self) -> bool:
        """Whether any budget is."""
        return any(book.learning for book in self._books)

    def status(self, now: float) -> tuple[BudgetStatus, ...]:
        """Return where every budget stands, those that are spent most first."""
        found = [status for book in self._books for status in self._status(book, now)]
        return tuple(sorted(found, key=lambda status: -status.used))

    def _status(self, book: _Book, now: float) -> Iterator[BudgetStatus]:
        with self._lock:
            keys = [*book.accounts]
        for start in range(0, len(keys), _AT_ONCE):
            if start:
                time.sleep(_PAUSE_S)
            with self._lock:
                found = [*book.status(keys[start : start + _AT_ONCE], now)]
            yield from found

    def denials(self, now: float) -> tuple[Denial, ...]:
        """Return whose hard budgets are spent."""
        with self._lock:
            return tuple(
                denial for book in self._books if book.config.hard for denial in book.denials(now)
            )

    @property
    def changed(self) -> int:
        """How many accounts changed since the last export."""
        with self._lock:
            return sum(book.changed for book in self._books if not book.learning)

    def export(self, now: float) -> dict[str, dict[str, Any]]:
        """Return what changed since the last call, by kind: ``budget``, the accounts, ``terms``,
        what they are accounts of, and ``seen``, the calls in them of late. By one thread at a time.
        """
        accounts: dict[str, Any] = {}
        for _ in range(self.changed // _AT_ONCE):
            with self._lock:
                accounts |= self._accounts(_AT_ONCE)
            time.sleep(_PAUSE_S)
        with self._lock:  # what changed since is told once more, so that all of it goes together
            known = [book for book in self._books if not book.learning]
            accounts |= self._accounts(sys.maxsize)
            terms = {book.config.name: book.terms for book in known if not book.told}
            gone, self._gone = self._gone, {"budget": {}, "terms": {}}
            for book in known:
                book.told = True
            return {
                "budget": gone["budget"] | accounts,
                "terms": gone["terms"] | terms,
                "seen": {} if self._behind else self._seen.export(now),
            }

    def _accounts(self, most: int) -> dict[str, Any]:
        known = [book for book in self._books if not book.learning]
        return {name: value for book in known for name, value in book.export(most)}

    def restore(
        self,
        state: Mapping[str, Any],
        seen: Mapping[str, str] | None = None,
        terms: Mapping[str, Any] | None = None,
    ) -> None:
        """Take up what ``export`` gave. Accounts of budgets that are gone, or count something else
        by now, are forgotten: they say too little."""
        with self._lock:
            self._seen.restore(seen or {})
            for name, given in (terms or {}).items():
                self._compare(name, given)
            for name, given in state.items():
                self._take(name, given)

    def _compare(self, name: str, terms: Any) -> None:
        book = self._by_name.get(name)
        if book is None:
            self._gone["terms"][name] = None
        else:
            book.other_terms = terms != book.terms
            book.fresh = book.other_terms

    def _take(self, name: str, given: Any) -> None:
        budget, *key = json.loads(name)
        book = self._by_name.get(budget)
        if book is None or book.other_terms or not book.fits(tuple(key)):
            self._gone["budget"][name] = None
        else:
            book.accounts[tuple(key)] = Account.from_json(given)
            book.fresh = False


class _Book:
    """The accounts of one budget."""

    def __init__(self, config: BudgetConfig, max_accounts: int) -> None:
        self.config = config
        self.selection = config.selection
        self.accounts: dict[Key, Account] = {}
        self._max_accounts = max_accounts
        self._zone = ZoneInfo(config.time_zone)
        self._period = self._day = Period(0.0, 0.0)
        self._dirty: set[Key] = set()
        """Accounts that changed, or are gone, since they were exported."""
        self._looked_at = -math.inf
        """When those not in use were looked for."""
        self._step = self._passed = math.inf
        """What the clock passed for certain: what is older than accounts need may go."""
        self.fresh = True
        """Whether nothing is known of what was spent before."""
        self.other_terms = False
        """Whether what was kept before counted something else."""
        self.learning = self.new = False
        """Whether it is still to be told what was spent before: what is not in the state file, or
        all of it."""
        self.told = False
        """Whether its terms were exported."""

    @property
    def terms(self) -> list[Any]:
        """What the accounts count, as JSON: under other terms they say something else."""
        config = self.config
        return [config.period, config.time_zone, list(config.group_by), dict(config.filters)]

    def wanted_s(self, now: float) -> float:
        """How much history tells all that a status says."""
        return max(now - self.period(now).start, _HISTORY_S[self.config.period])

    def add(self, call: Call, labels: Mapping[str, str], at: float, now: float) -> None:
        nano = _nano(call)
        key = self.selection.key(labels, billed=call.billed)
        if key is None or (nano is None and not call.unpriced):
            return
        if key not in self.accounts and not self._has_room(now):
            key = (OVERFLOW,)
            if key not in self.accounts:
                _log.warning(_FULL, self.config.name, self._max_accounts)
        account = self.accounts.setdefault(key, Account())
        account.add(at, self.period(at), nano, self.day(at))
        self._dirty.add(key)

    def _has_room(self, now: float) -> bool:
        """Whether there is room for one more; once an hour those make some that are not in use."""
        if len(self.accounts) >= self._max_accounts and abs(now - self._looked_at) >= _LOOK_S:
            self._looked_at, period = now, self.period(now)
            since = now - _HISTORY_S[self.config.period]
            for key in [k for k, one in self.accounts.items() if one.rests(period, since)]:
                del self.accounts[key]
                self._dirty.add(key)
        return len(self.accounts) < self._max_accounts

    def fits(self, key: Key) -> bool:
        return key == (OVERFLOW,) or len(key) == len(self.config.group_by)

    def period(self, at: float) -> Period:
        if at not in self._period:
            self._period = period_of(at, self.config.period, self._zone)
        return self._period

    def day(self, at: float) -> Period:
        if at not in self._day:
            self._day = period_of(at, "day", self._zone)
        return self._day

    def status(self, keys: Iterable[Key], now: float) -> Iterator[BudgetStatus]:
        period = self.period(now)
        yesterday = period_of(self.day(now).start - 1, "day", self._zone)
        self._pass(now)
        for key in keys:
            if (account := self.accounts.get(key)) is not None:
                yield self._status(key, account, period, yesterday, now)

    def _pass(self, now: float) -> None:
        """Follow the clock, and slowly where it jumps ahead up to two days: it may be set back."""
        if (step := now // FINE_S) != self._step:
            self._step = step
            self._passed = min(now, max(self._passed + 2 * FINE_S, now - _MISTAKEN_S))

    def _status(
        self, key: Key, account: Account, period: Period, yesterday: Period, now: float
    ) -> BudgetStatus:
        config, pace = self.config, _pace(account, period, now, self._passed)
        even = config.limit / period.length_s
        return BudgetStatus(
            budget=config.name,
            labels=self.selection.labels(key),
            period=config.period,
            start=period.start,
            end=period.end,
            limit=config.limit,
            spent=account.spent(period) / NANO,
            unpriced_calls=account.unpriced.get(period.start, 0),
            yesterday=account.days.get(yesterday.start, 0) / NANO,
            last_hour=pace.hourly * 3600.0 / NANO,
            burn={
                "fast": pace.fast / NANO / even,
                "medium": pace.medium / NANO / even,
                "slow": pace.slow / NANO / even,
            },
            forecast=_dollars(
                account.foresee(period, now, int(pace.complete), pace.mean, pace.deviation)
            ),
        )

    def denials(self, now: float) -> Iterator[Denial]:
        """Yield the label sets that spent all; what did not fit into an account denies nobody."""
        period, limit = self.period(now), round(self.config.limit * NANO)
        for key, account in self.accounts.items():
            if account.spent(period) >= limit and key != (OVERFLOW,):
                labels = dict(zip(self.config.group_by, key, strict=True))
                yield Denial("budget", self.config.name, labels, self.config.filters)

    @property
    def changed(self) -> int:
        return len(self._dirty)

    def export(self, most: int) -> Iterator[tuple[str, Any]]:
        for key in [*islice(self._dirty, most)]:
            self._dirty.remove(key)
            account = self.accounts.get(key)
            yield json.dumps([self.config.name, *key]), account and account.to_json()


def _nano(call: Call) -> int | None:
    """Return the call's cost in billionths of a dollar, as the windows count it."""
    usd = call.cost and call.cost.usd
    return None if usd is None else round(usd * NANO)


class _Pace(NamedTuple):
    """How fast an account is spent, in billionths per second, and what is usual for it.

    Packed into the account: very many are looked at every few seconds, and in most of them nothing
    was booked in between.
    """

    step: float
    complete: float
    hourly: float
    fast: float
    medium: float
    slow: float
    mean: float
    deviation: float


_PACKED = struct.Struct("8d")


def _pace(account: Account, period: Period, now: float, passed: float) -> _Pace:
    """Return what holds for five minutes, or until more is booked or complete. What an account
    does not need at ``passed`` goes."""
    step, complete = now // FINE_S, account.complete(period, now)
    known = _Pace._make(_PACKED.unpack(account.memo)) if account.memo else None
    if known and known.step == step and known.complete == complete:
        return known
    account.forget(passed)
    speeds = (account.rate_within(now, *BURN_WINDOWS[speed]) for speed in BURN_WINDOWS)
    if known and known.step * FINE_S // HOUR_S == now // HOUR_S and known.complete == complete:
        usual = known.mean, known.deviation
    else:
        usual = account.usual(period, now)
    pace = _Pace._make([step, complete, account.rate(now, 3600.0), *speeds, *usual])
    account.memo = _PACKED.pack(*pace)
    return pace


def _dollars(given: Forecast | None) -> Forecast | None:
    if given is None:
        return None
    return Forecast(given.likely / NANO, given.low / NANO, given.high / NANO)


Told = Iterable[tuple[Mapping[str, str], float]]


class _Signal(Protocol):
    """Tells of budgets what matters."""

    def __call__(self, found: Iterable[BudgetStatus], matters: Matters = anything) -> Told: ...


def use(found: Iterable[BudgetStatus], matters: Matters = anything) -> Told:
    """The signal ``budget_use``."""
    return [(labels_of(status), value) for status in found if matters(value := status.used)]


def hourly(found: Iterable[BudgetStatus], matters: Matters = anything) -> Told:
    """The signal ``budget_hourly``, of daily budgets: the last hour over an eighth of it."""
    return [
        (labels_of(status), value)
        for status in found
        if status.period == "day"
        and matters(value := status.last_hour * _HOURS_OF_SPIKE / status.limit)
    ]


def burn(found: Iterable[BudgetStatus], matters: Matters = anything) -> Told:
    """The signal ``budget_burn``, of weekly and monthly budgets, by ``speed``."""
    return [
        ({**labels_of(status), "speed": speed}, value)
        for status in found
        if status.period != "day"
        for speed, value in status.burn.items()
        if matters(value)
    ]


def forecast(found: Iterable[BudgetStatus], matters: Matters = anything) -> Told:
    """The signal ``budget_forecast``: the likely end over the limit, where there is a forecast."""
    return [
        (labels_of(status), value)
        for status in found
        if status.forecast is not None and matters(value := status.forecast.likely / status.limit)
    ]


def labels_of(status: BudgetStatus) -> dict[str, str]:
    """Return the labels under which the signals tell of a budget."""
    return {**status.labels, "budget": status.budget, "period": status.period}


signals: Mapping[str, _Signal] = {
    "budget_use": use,
    "budget_hourly": hourly,
    "budget_burn": burn,
    "budget_forecast": forecast,
}
"""The signals over budgets, by name."""
