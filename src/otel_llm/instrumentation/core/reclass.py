"""Give one SDK object our behaviour without wrapping it.

The object's class becomes a subclass of its own class: ``isinstance`` holds, private attributes
work, and what the SDK does with ``self`` comes through us. The subclasses are made once per class.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

Override: TypeAlias = Callable[[Any], Callable[..., Any]]
"""Makes a method from the one of that name that it replaces."""

STATE = "_otel_llm"
"""The attribute of the object that holds our state."""
ITSELF = "_otel_llm_id"
"""The one that tells it from its copies, which share our state."""

_made: dict[tuple[Any, int], Any] = {}


_set_class: Any = vars(object)["__class__"].__set__
"""Sets the class of a proxy itself, which passes the plain assignment on."""


def reclass(
    subject: Any, overrides: Mapping[str, Override], state: Any, *, proxy: bool = False
) -> bool:
    """Override methods of ``subject`` alone; return whether the object allows it.

    Only methods that its class has are overridden. ``overrides`` is a module's constant.
    ``proxy``: if ``subject`` stands for another object, its own methods and not those of that.
    """
    try:
        setattr(subject, STATE, state)
        setattr(subject, ITSELF, id(subject))
        if proxy:
            _set_class(subject, _subclass(type(subject), overrides))
        else:
            subject.__class__ = _subclass(subject.__class__, overrides)
    except (TypeError, AttributeError):  # slots, a generator, a C type
        return False
    return True


def reclassed(subject: Any) -> bool:
    """Return whether ``subject`` is one of ours already."""
    return type(subject) in _ours


_ours: set[Any] = set()


def _subclass(kind: Any, overrides: Mapping[str, Override]) -> Any:
    key = (kind, id(overrides))
    made = _made.get(key)
    if made is None:
        methods = {
            name: override(getattr(kind, name, None))
            for name, override in overrides.items()
            if name == "__del__" or hasattr(kind, name)
        }
        named = {"__module__": kind.__module__, "__qualname__": kind.__qualname__, "__slots__": ()}
        made = _made[key] = kind.__class__(kind.__name__, (kind,), {**named, **methods})
        _ours.add(made)
    return made
