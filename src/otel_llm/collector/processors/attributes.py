"""``attributes``: adds, changes and takes away attributes of spans, log records and data points.

In the OpenTelemetry Collector's shape: ``actions`` of insert, update, upsert, delete and hash, in
order. ``include`` and ``exclude`` are conditions (see ``filter``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from ..actions import ActionConfig, Actions
from ..component import Signal
from ..conditions import any_holds, parse_all

if TYPE_CHECKING:
    from ..data.items import Item, Opened


@dataclass(frozen=True, slots=True)
class AttributesConfig:
    """Settings of the ``attributes`` processor."""

    actions: tuple[ActionConfig, ...]
    """What to do, in order."""
    include: tuple[str, ...] = ()
    """Conditions; only what one of them holds for is changed. None: everything."""
    exclude: tuple[str, ...] = ()
    """Conditions; what one of them holds for is left alone."""

    def __post_init__(self) -> None:
        if not self.actions:
            raise ValueError("actions: there is none")
        parse_all(self.include, "include")
        parse_all(self.exclude, "exclude")


class AttributesProcessor:
    """Changes attributes, of GenAI spans and all others."""

    signals: ClassVar[frozenset[Signal]] = frozenset({"traces", "metrics", "logs"})

    def __init__(self, config: AttributesConfig) -> None:
        self._actions = Actions(config.actions)
        self._include = parse_all(config.include)
        self._exclude = parse_all(config.exclude)

    def process(self, batch: Opened) -> None:
        """Change everything that is meant."""
        for item in batch.spans():
            if self._means(item):
                self._actions.apply(item)

    def _means(self, item: Item) -> bool:
        if self._include and not any_holds(self._include, item):
            return False
        return not any_holds(self._exclude, item)
