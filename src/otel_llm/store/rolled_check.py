"""Whether the sums that are kept are those of the calls, where all calls are still there."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Final

from . import rolled
from .duck import DuckDBStore
from .filters import Filter
from .rollups import ROLLUPS, Rollup
from .summary import Stats

_WITHIN_BOUNDS: Final = frozenset(name for name in Stats.__slots__ if "_p" in name)
"""Quantiles, which are not exact."""


def differences(store: DuckDBStore) -> Mapping[str, list[str]]:
    """Table of sums -> what it says otherwise than the calls do. Raises ``StoreError``."""
    return {rollup.table: list(_differences(store, rollup)) for rollup in ROLLUPS}


def _differences(store: DuckDBStore, rollup: Rollup) -> Iterator[str]:
    kept_ns = max(store.kept_since_ns(), store.oldest_ns(rollup))
    whole = Filter(since_ns=-(-kept_ns // rollup.step_ns) * rollup.step_ns, billed=None)
    sums, calls = rolled.stats(store.ask, rollup, whole), store.stats(whole)
    for name, value in asdict(calls).items():
        told = getattr(sums, name)
        if name not in _WITHIN_BOUNDS and not _same(told, value):
            yield f"{name}: {told}, calls say {value}"


def _same(one: float | None, other: float | None) -> bool:
    if one is None or other is None:
        return one is other
    return math.isclose(one, other, rel_tol=1e-9)
