"""What a model call is, independent of the SDK that made it.

Both wings speak in these types: instrumentors fill ``Request`` and ``Response`` from an SDK's
objects, the collector reads a ``Call`` back from a span. ``None`` always means unknown, never
zero. Nothing here knows OpenTelemetry.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .exchange import Request, Response
from .usage import Usage

if TYPE_CHECKING:
    from .call import Call, Cost, Document

__all__ = ["Call", "Cost", "Document", "Request", "Response", "Usage"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(".call", __name__), name)  # which applications need not wait for
