"""``resource``: adds, changes and takes away attributes of the resources that send.

In the OpenTelemetry Collector's shape: ``attributes`` is a list of insert, update, upsert, delete
and hash, in order.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

from google.protobuf.message import DecodeError
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from ..actions import ActionConfig, Actions
from ..component import Signal
from ..data import Batch
from ..records import Attributes, Records

_KNOWN = 1024
_LONGEST_KNOWN = 16 * 2**10
"""Resources whose change is remembered: few of them send everything."""


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
        self._changed = lru_cache(_KNOWN)(self._change)

    def process(self, batch: Batch | Records) -> None:
        """Change every resource of the batch."""
        if isinstance(batch, Batch):
            batch.rewrite_resources(self._known_or_changed)
        else:
            for resource in batch.resources():
                self._actions.apply(resource)

    def _known_or_changed(self, encoded: bytes) -> bytes:
        """What is large is not remembered: it comes from the outside."""
        return (self._changed if len(encoded) <= _LONGEST_KNOWN else self._change)(encoded)

    def _change(self, encoded: bytes) -> bytes:
        try:
            resource = Resource.FromString(encoded)
        except DecodeError:
            return encoded
        before = resource.SerializeToString()
        attributes = Attributes(resource.attributes, _nothing)
        self._actions.apply(attributes)
        attributes.settle()
        after = resource.SerializeToString()
        return encoded if after == before else after


def _nothing() -> None:
    """Nobody needs to be told."""
