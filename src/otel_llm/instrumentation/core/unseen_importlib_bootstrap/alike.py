"""A function that stands in another's place, and is told from it by nobody who asks."""

from __future__ import annotations

from collections.abc import Callable
from types import MethodType
from typing import Any, cast

import wrapt

_Proxy: Any = cast(Any, wrapt.ObjectProxy)  # generic only in its stubs


class Alike(_Proxy):
    """Runs ``call`` and is ``function`` for everything else.

    What is asked whether it is a coroutine function, or a generator's, says so although ``call``
    is neither: one of those would look at its arguments no sooner than it is run.
    """

    def __init__(self, function: Callable[..., Any], call: Callable[..., Any]) -> None:
        _Proxy.__init__(self, function)
        self._self_call = call

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Return what ``call`` returns."""
        return self._self_call(*args, **kwargs)

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        """Become a method where ``function`` would."""
        function: Any = self.__wrapped__
        get = getattr(function.__class__, "__get__", None)
        if instance is None or get is None or get(function, instance, owner) is function:
            return self
        return MethodType(self, instance)

    def __reduce_ex__(self, protocol: Any) -> str:
        """Go by name from process to process, like any function."""
        return self.__wrapped__.__qualname__

    def __copy__(self) -> Alike:
        return self

    def __deepcopy__(self, memo: Any) -> Alike:
        return self

    def __repr__(self) -> str:
        return repr(self.__wrapped__)


def named_after(ours: Any, theirs: Any) -> Any:
    """Return ``ours``, a coroutine or generator, under the name of the one that it runs.

    Warnings, tasks and debuggers show it.
    """
    ours.__name__ = getattr(theirs, "__name__", ours.__name__)
    ours.__qualname__ = getattr(theirs, "__qualname__", ours.__qualname__)
    return ours
