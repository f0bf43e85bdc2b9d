"""What every call of one operation to one model has in common, written down once.

An application calls few models many times. The attributes that name them are put together for the
first call and kept, and so are those of its metrics, in the order that the SDK wants them in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from otel_llm import semconv

from .attributes import Attributes, Value, text
from .patch import Origin
from .settings import Settings
from .suppression import LAYERS

_MAX_SERIES = 256
_MAX_POINTS = 8
"""Of one series; names come from outside, so both forget everything when they are full."""

_TIER = semconv.OPENAI_RESPONSE_SERVICE_TIER
_FINGERPRINT = semconv.OPENAI_RESPONSE_SYSTEM_FINGERPRINT
EXTRAS = frozenset({_TIER, _FINGERPRINT})
"""Provider attributes that the conventions want on durations and token counts too."""


@dataclass(frozen=True, slots=True)
class Points:
    """The attributes of the metrics of one call. Shared by many calls: nobody writes into them."""

    operation: str
    said: Attributes
    """What the answer said of itself: the model that served it, and what is the provider's own."""
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

    __slots__ = (
        "_points",
        "attributes",
        "described",
        "evented",
        "layer",
        "model",
        "name",
        "operation",
        "origin",
    )

    def __init__(
        self, operation: str, origin: Origin, model: str | None, settings: Settings
    ) -> None:
        self.operation = operation
        self.origin = origin
        self.model = model
        self.layer = LAYERS.get(operation)
        self.evented = self.layer == "inference"
        """Whether it has events and chunks."""
        self.described = (settings.events and self.evented) or settings.metrics != "pin"
        """Whether its calls are described even where their spans are not recorded."""
        self.name = f"{operation} {model}" if model else operation
        """Of the span."""
        self.attributes = _at_start(operation, origin, model)
        """What samplers may decide on; to be copied before it is given away."""
        self._points: dict[Any, Points] = {}

    def points(self, model: Any, more: Mapping[str, Any] | None) -> Points:
        """Return the metrics' attributes for a call that ``model`` served, whatever that is."""
        key = (model, more.get(_TIER), more.get(_FINGERPRINT)) if more else (model, None, None)
        try:
            found = self._points.get(key)
        except TypeError:  # odd input: not even hashable
            return self._made(*key)
        if found is None:
            if len(self._points) >= _MAX_POINTS:
                self._points.clear()
            found = self._points[key] = self._made(*key)
        return found

    def _made(self, model: Any, tier: Any, fingerprint: Any) -> Points:
        known = {
            semconv.RESPONSE_MODEL: text(model) or None,
            _TIER: text(tier) or None,
            _FINGERPRINT: text(fingerprint) or None,
        }
        said: Attributes = {name: value for name, value in known.items() if value is not None}
        detailed = {**self.attributes, **said}
        return Points(
            self.operation,
            said,
            _sorted({n: value for n, value in detailed.items() if n not in EXTRAS}),
            _sorted(detailed),
            _sorted({**detailed, semconv.TOKEN_TYPE: "input"}),
            _sorted({**detailed, semconv.TOKEN_TYPE: "output"}),
        )


class AllSeries:
    """Finds the series of a call."""

    __slots__ = ("_kept", "_settings")

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._kept: dict[Any, Series] = {}

    def of(self, operation: str, origin: Origin, model: Any) -> Series:
        """Return the series of ``model``, whatever was given for one."""
        key = operation, origin.provider, origin.address, origin.port, model
        try:
            found = self._kept.get(key)
        except TypeError:  # odd input: not even hashable
            return Series(operation, origin, text(model) or None, self._settings)
        if found is None:
            if len(self._kept) >= _MAX_SERIES:
                self._kept.clear()
            found = self._kept[key] = Series(operation, origin, text(model) or None, self._settings)
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
