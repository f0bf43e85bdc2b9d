"""What stands in place of an SDK's method while it is patched."""

from __future__ import annotations

import wrapt


class Patched(wrapt.FunctionWrapper):  # type: ignore[type-arg]
    """Our wrapper around an SDK's method, told from anybody else's by its type."""
