"""``filter``: drops spans, log records and data points by conditions, and counts them.

What matches a condition of ``drop`` goes, and so does what matches none of ``keep``. A condition is
one or more tests joined by ``and``; a test is a name that must be there, or a name, an operator and
a value, with ``not`` before it if it shall fail::

    http.route == /health and not gen_ai.operation.name
    gen_ai.request.model =~ "^test-" and resource.deployment.environment.name != production
    kind == server and duration < 5ms and not status == error

Operators: ``==``, ``!=``, ``<``, ``<=``, ``>``, ``>=``, and ``=~`` for a regular expression. Names
are attributes, ``resource.NAME``, or ``name``, ``kind``, ``status``, ``duration`` of a span,
``name``, ``severity`` and ``body`` of a log record, ``name`` of a metric. What is absent passes no
comparison. Dropped is dropped: the store and the totals do not see it either (``sample`` keeps
that), and what was below a dropped span becomes an orphan.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, ClassVar

from ..component import Signal
from ..conditions import any_holds, parse_all
from ..data.records import Records
from ..measures.samples import Family, Sample

if TYPE_CHECKING:
    from ..data.items import Item, Opened

_COUNTED: dict[Signal, str] = {"traces": "spans", "logs": "logs", "metrics": "datapoints"}
"""As the OpenTelemetry Collector's filter names what it counts."""


@dataclass(frozen=True, slots=True)
class FilterConfig:
    """Settings of the ``filter`` processor."""

    drop: tuple[str, ...] = ()
    """Conditions; what one of them holds for is dropped."""
    keep: tuple[str, ...] = ()
    """Conditions; what none of them holds for is dropped."""

    def __post_init__(self) -> None:
        if not self.drop and not self.keep:
            raise ValueError("give drop or keep, or both")
        parse_all(self.drop, "drop")
        parse_all(self.keep, "keep")


class FilterProcessor:
    """Drops what is not wanted, of GenAI and all else."""

    signals: ClassVar[frozenset[Signal]] = frozenset({"traces", "metrics", "logs"})

    def __init__(self, config: FilterConfig) -> None:
        self._drop, self._keep = parse_all(config.drop), parse_all(config.keep)
        self._dropped: Counter[Signal] = Counter()
        self._lock = Lock()

    def process(self, batch: Opened) -> None:
        """Drop from the batch."""
        gone = [item for item in batch.spans() if self._goes(item)]
        if gone:
            batch.drop(gone)
            with self._lock:
                signal = batch.signal if isinstance(batch, Records) else "traces"
                self._dropped[signal] += len(gone)

    def measure(self) -> Iterator[Family]:
        """Give what was dropped for ``/metrics``."""
        with self._lock:
            dropped = dict(self._dropped)
        for signal, count in dropped.items():
            name = f"otelcol_processor_filter_{_COUNTED[signal]}_filtered"
            yield Family(
                name, "counter", f"Dropped {_COUNTED[signal]}", [Sample(count, {}, "_total")]
            )

    def _goes(self, item: Item) -> bool:
        if any_holds(self._drop, item):
            return True
        return bool(self._keep) and not any_holds(self._keep, item)
