"""Ids of traces and spans from a source of their own.

The SDK takes them from the module ``random``, which is the program's. One that seeds it for
results that can be repeated would get other results with us than without, and give the same ids to
all its calls, of which a store keeps one.
"""

from __future__ import annotations

import os
from random import Random

from opentelemetry.sdk.trace.id_generator import RandomIdGenerator


class OwnIds(RandomIdGenerator):
    """Random ids, whatever the program does with ``random``; a forked child has others."""

    def __init__(self) -> None:
        self._random = Random()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._random.seed)

    def generate_span_id(self) -> int:
        """Return 64 bits that are not all zero."""
        return self._random.getrandbits(64) or self.generate_span_id()

    def generate_trace_id(self) -> int:
        """Return 128 bits that are not all zero."""
        return self._random.getrandbits(128) or self.generate_trace_id()
