"""The prices that a configuration means, outside of the hot path: for judges, repricing, alerts."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from otel_llm.alerting.prometheus import GAUGES
from otel_llm.collector.measures.samples import Family, Sample
from otel_llm.collector.processors.cost import CostConfig
from otel_llm.pricing import CustomPrice, PriceBook, PriceList
from otel_llm.pricing.second import SecondList

from .settings import Settings


def book_of(settings: Settings | None = None) -> PriceBook:
    """Return a book with the own prices of every ``cost`` processor, and its second list.

    Without settings there are list prices alone. Raises ``OSError`` and ``ValueError`` for a
    second list that cannot be read.
    """
    files = [config.second_prices for config in _configs(settings) if config.second_prices]
    second = SecondList(Path(files[0])) if files else None
    return PriceBook(custom_prices(settings), second=second)


class Prices:
    """The book of the settings in use, made when it is asked for and when they have changed."""

    def __init__(self, settings: Callable[[], Settings]) -> None:
        """``settings`` returns those in use."""
        self._settings = settings
        self._made: tuple[Settings, PriceBook] | None = None

    def __call__(self) -> PriceBook:
        """Return the book. Raises as ``book_of``. Thread-safe: at worst it is made twice."""
        settings, made = self._settings(), self._made
        # Others that say the same are another reading of them, of a list that may have changed.
        if made is None or made[0] is not settings:
            made = self._made = settings, book_of(settings)
        return made[1]


def custom_prices(settings: Settings | None) -> tuple[CustomPrice, ...]:
    """Return the own prices of every ``cost`` processor."""
    return tuple(price for config in _configs(settings) for price in config.prices)


def _configs(settings: Settings | None) -> list[CostConfig]:
    given = settings.processors.values() if settings else ()
    return [config for config in given if isinstance(config, CostConfig)]


def table_age() -> Callable[[], Iterable[tuple[Mapping[str, str], float]]]:
    """Return a reading of the price table's age in seconds, by the newest date that it mentions."""

    @cache
    def dated() -> float | None:
        as_of = PriceList().as_of
        return datetime.fromisoformat(as_of).replace(tzinfo=UTC).timestamp() if as_of else None

    def read() -> list[tuple[Mapping[str, str], float]]:
        since = dated()
        return [] if since is None else [({}, max(0.0, time.time() - since))]

    return read


def measured_age(read: Iterable[tuple[Mapping[str, str], float]]) -> Family:
    """A reading of ``table_age`` for ``/metrics``."""
    samples = [Sample(age_s, labels) for labels, age_s in read]
    return Family(GAUGES["price_table_age"], "gauge", "Age of the price table", samples)
