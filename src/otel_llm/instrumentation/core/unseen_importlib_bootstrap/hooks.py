"""Functions of an SDK that are no calls of their own, yet have to know of ours."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from ..patch import Hook


class Switch(Protocol):
    """What a hook needs of its instrumentor."""

    telemetry: Any
    """``None`` while it is not instrumenting."""


def hooked(switch: Switch, hook: Hook) -> Callable[..., Any]:
    """Return the wrapper of a hook, in wrapt's form: out of the way while ``switch`` is off."""

    def wrapper(
        wrapped: Callable[..., Any], instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        if switch.telemetry is None:
            return wrapped(*args, **kwargs)
        return hook.wrapper(wrapped, instance, args, kwargs)

    return wrapper
