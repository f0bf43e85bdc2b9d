"""Resources and scopes as they came, to be changed."""

from __future__ import annotations

from collections.abc import Callable

from google.protobuf.message import DecodeError
from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from .records import Attributes


def edited(
    encoded: bytes,
    edit: Callable[[Attributes], object],
    broken: bytes,
    kind: type[Resource | InstrumentationScope] = Resource,
) -> bytes:
    """Return a resource, or a scope, as ``edit`` makes it; ``broken`` for one that cannot be
    read."""
    try:
        resource = kind.FromString(encoded)
    except DecodeError:
        return broken
    before = resource.SerializeToString()
    attributes = Attributes(resource.attributes, _nothing)
    edit(attributes)
    attributes.settle()
    after = resource.SerializeToString()
    return encoded if after == before else after


def _nothing() -> None:
    """Nobody needs to be told."""
