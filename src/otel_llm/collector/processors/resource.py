"""``resource``: adds, changes and takes away attributes of the resources that send.

In the OpenTelemetry Collector's shape: ``attributes`` is a list of insert, update, upsert, delete
and hash, in order.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ..actions import ActionConfig, Actions
from ..component import Signal
from ..data import Batch
from ..data.records import Records
from ..data.remembered import remembered
from ..data.resources import edited


@dataclass(frozen=True, slots=True)
class ResourceConfig:
    """Settings of the ``resource`` processor."""

    attributes: tuple[ActionConfig, ...]
    """What to do, in order."""

    def __post_init__(self) -> None:
        if not self.attributes:
            raise ValueError("attributes: there is none")


class ResourceProcessor:
    """Changes resources. One that cannot be read is passed on as it came."""

    signals: ClassVar[frozenset[Signal]] = frozenset({"traces", "metrics", "logs"})

    def __init__(self, config: ResourceConfig) -> None:
        self._actions = Actions(config.attributes)
        self._changed = remembered(self._change)

    def process(self, batch: Batch | Records) -> None:
        """Change every resource of the batch."""
        if isinstance(batch, Batch):
            batch.rewrite_resources(self._changed)
        else:
            for resource in batch.resources():
                self._actions.apply(resource)

    def _change(self, encoded: bytes) -> bytes:
        return edited(encoded, self._actions.apply, broken=encoded)
