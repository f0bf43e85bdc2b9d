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

    def __copy__(self) -> BoundPatched:
        return self

    def __deepcopy__(self, memo: Any) -> Any:
        """Be that method of a copied instance."""
        if not isinstance(self.__wrapped__, MethodType):
            return self
        return self._self_parent.__get__(deepcopy(self.__wrapped__.__self__, memo))

    def __reduce_ex__(self, protocol: Any) -> Any:
        """Go by the instance and the name, as a method does."""
        method = self.__wrapped__
        return method.__reduce__() if isinstance(method, MethodType) else _by_name(method)


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
