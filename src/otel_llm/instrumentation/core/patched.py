"""What stands in place of an SDK's method while it is patched.

Functions and methods can be copied and pickled, alone or within what holds them; a wrapper of
wrapt's cannot. Ours do as what is behind them, and what is pickled names nothing of ours.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from pkgutil import resolve_name
from types import MethodType
from typing import Any, cast

import wrapt

_Function: Any = cast(Any, wrapt.FunctionWrapper)  # generic only in its stubs
_Bound: Any = cast(Any, wrapt.BoundFunctionWrapper)


class BoundPatched(_Bound):
    """What it becomes on an instance, or on the class."""

    @property
    def __wrapped__(self) -> Any:
        """What the SDK's own method shows as such, if it is wrapped itself.

        By it others tell whether it is asynchronous (LangSmith looks one level deep).
        """
        method = _behind(self)
        return getattr(method, "__wrapped__", method) if isinstance(method, MethodType) else method

    def __copy__(self) -> BoundPatched:
        return self

    def __deepcopy__(self, memo: Any) -> Any:
        """Be that method of a copied instance."""
        method = _behind(self)
        if not isinstance(method, MethodType):
            return self
        return self._self_parent.__get__(deepcopy(method.__self__, memo))

    def __reduce_ex__(self, protocol: Any) -> Any:
        """Go by the instance and the name, as a method does."""
        method = _behind(self)
        return method.__reduce__() if isinstance(method, MethodType) else _by_name(method)


def _behind(patched: BoundPatched) -> Any:
    return cast(Any, super)(BoundPatched, patched).__wrapped__


class Patched(_Function):
    """Our wrapper around an SDK's method, told from anybody else's by its type."""

    __bound_function_wrapper__ = BoundPatched

    def __copy__(self) -> Patched:
        return self

    def __deepcopy__(self, memo: Any) -> Patched:
        return self

    def __reduce_ex__(self, protocol: Any) -> Any:
        """Go by name from process to process, like any function."""
        return _by_name(self.__wrapped__)


def _by_name(function: Any) -> tuple[Callable[..., Any], tuple[str]]:
    name = f"{function.__module__}:{function.__qualname__}"
    resolve_name(name)  # what cannot be found again cannot be pickled
    return resolve_name, (name,)
