"""Methods that every subclass implements for itself, so that no one class has the call.

A framework's base class declares ``chat``, and each package of models, like each model of the
user's own, has its own. They are wrapped where they are: on every subclass there is when
instrumenting starts, and on every one that is made later.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from .guard import guarded
from .patched import Patched

Wrapper: TypeAlias = Callable[[Callable[..., Any], Any, tuple[Any, ...], dict[str, Any]], Any]


@dataclass(frozen=True, slots=True)
class Family:
    """A base class, and what wraps the methods of its subclasses."""

    module: str
    name: str
    methods: Mapping[str, Callable[[Any], Wrapper]]
    """By the method's name: makes the wrapper, in wrapt's form, from the original. The wrapper
    has to pass through while nothing is instrumented."""
    namespaces: tuple[str, ...] = ()
    """Where the packages with subclasses are; only those that look for all of them import them."""

    def has(self, kind: type[Any]) -> bool:
        """Return whether ``kind`` is a subclass, without importing the base class."""
        above = kind.__mro__[1:]
        return any((k.__module__, k.__name__) == (self.module, self.name) for k in above)

    def wrap(self, kind: type[Any]) -> None:
        """Wrap what ``kind`` itself implements."""
        for name, wrapper in self.methods.items():
            own = vars(kind).get(name)
            if callable(own) and not isinstance(own, Patched) and not _abstract(own):
                with guarded(f"patching {name} of a subclass of {self.name}"):
                    setattr(kind, name, Patched(own, wrapper(own)))

    def wrap_all(self) -> None:
        """Wrap every subclass there is; none if the SDK's module was not imported yet."""
        for kind in self._members():
            self.wrap(kind)

    def unwrap_all(self) -> None:
        """Put the originals back, unless somebody wrapped our wrapper: that passes through."""
        for kind in self._members():
            for name in self.methods:
                own = vars(kind).get(name)
                if isinstance(own, Patched):
                    setattr(kind, name, own.__wrapped__)  # pyright: ignore[reportUnknownMemberType] - what was there

    def bound(self) -> list[str]:
        """Return the methods that are wrapped, each by the class that implements it."""
        return [
            f"{kind.__module__}.{kind.__qualname__}.{name}"
            for kind in self._members()
            for name in self.methods
            if isinstance(vars(kind).get(name), Patched)
        ]

    def _members(self) -> Iterator[type[Any]]:
        base = getattr(sys.modules.get(self.module), self.name, None)
        return iter(()) if base is None else iter(dict.fromkeys(_below(base)))


def members_of(*families: Family) -> Wrapper:
    """Return the wrapper of a ``Hook`` on the ``__init_subclass__`` that subclasses are made by."""

    def made(
        wrapped: Callable[..., Any], kind: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        result = wrapped(*args, **kwargs)
        with guarded("looking at a class that was made"):
            kind = wrapped.__self__ if kind is None else kind  # type: ignore[attr-defined] - bound
            for family in families:
                if family.has(kind):
                    family.wrap(kind)
        return result

    return made


def _abstract(method: Any) -> bool:
    return bool(getattr(method, "__isabstractmethod__", False))


def _below(kind: type[Any]) -> Iterator[type[Any]]:
    for one in kind.__subclasses__():
        yield one
        yield from _below(one)
