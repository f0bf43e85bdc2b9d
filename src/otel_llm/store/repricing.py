"""Past calls get the cost that they have by another book: after a table update, or new own prices.

Doing it twice is doing it once. Costs that a provider told and those in other currencies stay.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final

from otel_llm.genai import Call
from otel_llm.pricing import PriceBook
from otel_llm.pricing.reprice import Change, Shift, reprice, settled, shifts

from .filters import Filter
from .store import EVERYTHING, Store

_BATCH: Final = 20_000


@dataclass(frozen=True, slots=True)
class Repriced:
    """What became of it."""

    looked_at: int
    """Model calls of the time."""
    changed: int
    """Calls whose cost is another now, or would be."""
    shifts: list[Shift]
    """The changes by provider and model, the largest first; US dollars."""


def reprice_calls(
    store: Store,
    book: PriceBook,
    since_ns: int,
    where: Filter = EVERYTHING,
    *,
    only_look: bool = False,
) -> Repriced:
    """Give the calls since ``since_ns`` their cost by ``book``; ``only_look`` changes nothing."""
    looked = _Counted(store.history(since_ns, where))
    changes = reprice(looked, book)
    summed = shifts(changes if only_look else _kept(changes, store))
    return Repriced(looked.count, sum(shift.calls for shift in summed), summed)


def _kept(changes: Iterator[Change], store: Store) -> Iterator[Change]:
    while batch := list(islice(changes, _BATCH)):
        store.put_costs([settled(change) for change in batch])
        yield from batch


class _Counted:
    def __init__(self, calls: Iterator[Call]) -> None:
        self._calls = calls
        self.count = 0

    def __iter__(self) -> Iterator[Call]:
        for call in self._calls:
            self.count += 1
            yield call
