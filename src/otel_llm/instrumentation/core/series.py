"""What every call of one operation to one model has in common, written down once.

An application calls few models many times. The attributes that name them are put together for the
first call and kept, and so are those of its metrics, in the order that the SDK wants them in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from otel_llm import semconv

from .attributes import Attributes, Value, plain, text
from .patch import Origin
from .suppression import LAYERS

_MAX_SERIES = 256
_MAX_POINTS = 8
"""Of one series; names come from outside, so both forget everything when they are full."""

_EXTRAS = (
    semconv.OPENAI_RESPONSE_SERVICE_TIER,
    semconv.OPENAI_RESPONSE_SYSTEM_FINGERPRINT,
)
"""Provider attributes that the conventions want on durations and token counts too."""


@dataclass(frozen=True, slots=True)
class Points:
    """The attributes of the metrics of one call. Shared by many calls: nobody writes into them."""

    operation: str
    attributes: Attributes
    """Those that every metric of the operation carries."""
    detailed: Attributes
    """Those that durations and token counts carry: the provider's own in addition."""
    input: Attributes
    output: Attributes
    """``detailed`` with the type of token that is counted."""

    @property
    def chunked(self) -> bool:
        """Whether the operation has chunks: a stream that is fetched again has none."""
        return LAYERS.get(self.operation) == "inference"


class Series:
    """One operation of one model at one address."""

    __slots__ = ("_points", "attributes", "layer", "model", "name", "operation", "origin")

    def __init__(self, operation: str, origin: Origin, model: str | None) -> None:
        self.operation = operation
        self.origin = origin
        self.model = model
        self.layer = LAYERS.get(operation)
        self.name = f"{operation} {model}" if model else operation
        """Of the span."""
        self.attributes = _at_start(operation, origin, model)
        """What samplers may decide on; to be copied before it is given away."""
        self._points: dict[Any, Points] = {}

    @property
    def evented(self) -> bool:
        """Whether it has events and chunks."""
        return self.layer == "inference"

    def points(self, model: Any, more: Mapping[str, Any] | None) -> Points:
        """Return the metrics' attributes for a call that this model served."""
        served = text(model)
        extras = tuple([plain(more.get(name)) for name in _EXTRAS]) if more else ()
        found = self._points.get((served, extras))
        return found if found is not None else self._add(served, extras)

    def _add(self, served: str | None, extras: tuple[Value | None, ...]) -> Points:
        if len(self._points) >= _MAX_POINTS:
            self._points.clear()
        known = {semconv.RESPONSE_MODEL: served, **dict(zip(_EXTRAS, extras, strict=False))}
        said = {name: value for name, value in known.items() if value is not None}
        detailed = {**self.attributes, **said}
        made = self._points[served, extras] = Points(
            self.operation,
            _sorted({n: value for n, value in detailed.items() if n not in _EXTRAS}),
            _sorted(detailed),
            _sorted({**detailed, semconv.TOKEN_TYPE: "input"}),
            _sorted({**detailed, semconv.TOKEN_TYPE: "output"}),
        )
        return made


class AllSeries:
    """Finds the series of a call."""

    __slots__ = ("_kept",)

    def __init__(self) -> None:
        self._kept: dict[Any, Series] = {}

    def of(self, operation: str, origin: Origin, model: Any) -> Series:
        """Return the series of ``model``, whatever was given for one."""
        asked = text(model)
        key = operation, origin.provider, origin.address, origin.port, asked
        found = self._kept.get(key)
        if found is None:
            if len(self._kept) >= _MAX_SERIES:
                self._kept.clear()
            found = self._kept[key] = Series(operation, origin, asked)
        return found


def _at_start(operation: str, origin: Origin, model: str | None) -> Attributes:
    known: dict[str, Value | None] = {
        semconv.OPERATION_NAME: operation,
        semconv.PROVIDER_NAME: origin.provider,
        semconv.REQUEST_MODEL: model,
        semconv.SERVER_ADDRESS: origin.address,
        semconv.SERVER_PORT: origin.port if origin.address is not None else None,
    }
    return {name: value for name, value in known.items() if value is not None}


def _sorted(attributes: Attributes) -> Attributes:
    """Return them in the order of their names: the SDK sorts them for every measurement."""
    return dict(sorted(attributes.items()))
