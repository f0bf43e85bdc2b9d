"""Others' instrumentations of the same SDK that are undone while ours stay.

They put back what they found, or take off what is outermost: ours would go with theirs, or in place
of theirs. So ours stand aside until they are done. What is seen of it is ``uninstrument`` of
OpenTelemetry's base class, wrapped while there is one of ours.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Final, Protocol

from opentelemetry.instrumentation.instrumentor import BaseInstrumentor

from .guard import guarded
from .patched import Patched
from .rivals import names


class Standing(Protocol):
    """What is needed of an instrumentor of ours, while it instruments."""

    requires: ClassVar[tuple[str, ...]]
    """Its SDK, as a requirement."""

    def stand_aside(self) -> None:
        """Put the originals back, for a moment."""
        ...

    def stand_again(self) -> None:
        """Patch what is there now."""
        ...


_standing: Final[list[Standing]] = []
_NAME: Final = "uninstrument"


def watch(ours: Standing) -> None:
    """Let ``ours`` stand aside whenever another instrumentor of its SDK is undone."""
    if not _standing:
        original = vars(BaseInstrumentor)[_NAME]
        setattr(BaseInstrumentor, _NAME, Patched(original, _undone))
    _standing.append(ours)


def unwatch(ours: Standing) -> None:
    """No longer; with the last one the base class is as it was."""
    if ours in _standing:
        _standing.remove(ours)
    found = vars(BaseInstrumentor)[_NAME]
    if not _standing and isinstance(found, Patched):
        setattr(BaseInstrumentor, _NAME, found.__wrapped__)  # pyright: ignore[reportUnknownMemberType] - what was there


def _undone(
    wrapped: Callable[..., Any],
    instrumentor: Any,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> Any:
    aside = _aside(instrumentor)
    for one in aside:
        with guarded("standing aside for another instrumentation"):
            one.stand_aside()
    try:
        return wrapped(*args, **kwargs)
    finally:
        for one in aside:
            with guarded("patching again"):
                one.stand_again()


def _aside(instrumentor: Any) -> list[Standing]:
    if any(one is instrumentor for one in _standing):
        return []
    with guarded("asking an instrumentation for its SDK"):
        theirs = names(instrumentor.instrumentation_dependencies())
        return [one for one in _standing if theirs & names(one.requires)]
    return []
