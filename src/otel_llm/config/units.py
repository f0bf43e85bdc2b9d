"""Durations and sizes as an operator writes them: ``5s``, ``1m30s``, ``64MiB``.

A settings field is annotated ``Duration`` or ``Size``; in the program it is a plain ``float`` of
seconds or ``int`` of bytes. The function in ``Annotated`` is what ``config.build`` calls.
"""

from __future__ import annotations

import re
from typing import Annotated

_SECONDS = {
    "ns": 1e-9,
    "us": 1e-6,
    "µs": 1e-6,
    "ms": 1e-3,
    "s": 1.0,
    "m": 60.0,
    "h": 3600.0,
    "d": 86400.0,
}
_LONGEST = 100
"""Characters of a duration: of digits without a unit, each is tried with all that follow."""
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h|d)")
_BYTES = {
    "": 1,
    "B": 1,
    "KB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "KIB": 2**10,
    "MIB": 2**20,
    "GIB": 2**30,
}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([A-Za-z]*)")


def parse_duration(written: object) -> float:
    """Return seconds from ``300ms``, ``1m30s``, ``7d`` (Go's spelling, plus days) or a number.

    Raises ``ValueError`` for anything else, including negative durations.
    """
    if isinstance(written, int | float) and not isinstance(written, bool) and written >= 0:
        return float(written)
    text = written.strip() if isinstance(written, str) else ""
    parts = _DURATION.findall(text) if len(text) <= _LONGEST else []
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise ValueError(f"expected a duration such as 5s, 300ms or 1m30s, found {written!r}")
    return sum(float(number) * _SECONDS[unit] for number, unit in parts)


def parse_size(written: object) -> int:
    """Return bytes from ``64MiB``, ``10MB``, ``512`` or a whole number.

    Raises ``ValueError`` for anything else.
    """
    if isinstance(written, int) and not isinstance(written, bool) and written >= 0:
        return written
    match = _SIZE.fullmatch(written.strip()) if isinstance(written, str) else None
    if match is None or match[2].upper() not in _BYTES:
        raise ValueError(f"expected a size such as 64MiB or 512KB, found {written!r}")
    return int(float(match[1]) * _BYTES[match[2].upper()])


Duration = Annotated[float, parse_duration]
"""Seconds."""
Size = Annotated[int, parse_size]
"""Bytes."""
