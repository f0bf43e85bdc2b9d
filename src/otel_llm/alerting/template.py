"""The words of an alert: a small, safe part of Prometheus' templates.

``{{ $value }}``, ``{{ $value | humanize }}`` (also ``humanizePercentage``, ``humanizeDuration``)
and ``{{ $labels.NAME }}``. Nothing else is looked up and nothing is run, and a rule that is
exported to Prometheus says the same there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

_HOLE = re.compile(r"\{\{(.*?)(\}\}|\Z)", re.DOTALL)
"""To the end where it is not closed, so that no other place is tried."""
_VALUE = re.compile(r"\s*\$value\s*(?:\|\s*(\w+)\s*)?")
_LABEL = re.compile(r"\s*\$labels\.([A-Za-z_][\w.]*)\s*")


def check(template: str) -> None:
    """Raise ``ValueError`` with the first thing in ``template`` that cannot be filled in."""
    for hole in _HOLE.finditer(template):
        if not hole[2]:
            raise ValueError(f"{hole[0]} is not closed with }}}}")
        _check_hole(hole[1])


def _check_hole(hole: str) -> None:
    value = _VALUE.fullmatch(hole)
    known = value is not None and (value[1] is None or value[1] in _FORMATS)
    if not known and not _LABEL.fullmatch(hole):
        raise ValueError(
            f"{{{{{hole}}}}} is not known; write {{{{ $value }}}}, {{{{ $value | "
            f"{' or '.join(_FORMATS)} }}}} or {{{{ $labels.NAME }}}}"
        )


def fill(template: str, value: float | None, labels: Mapping[str, str]) -> str:
    """Return ``template`` with its holes filled; an unknown value reads ``no data``."""

    def hole(match: re.Match[str]) -> str:
        if label := _LABEL.fullmatch(match[1]):
            return labels.get(label[1], "")
        how = _VALUE.fullmatch(match[1])
        if how is None:
            return match[0]
        return "no data" if value is None else _FORMATS.get(how[1] or "", _plain)(value)

    return _HOLE.sub(hole, template)


def _plain(value: float) -> str:
    return f"{value:.6g}"


def humanize(value: float) -> str:
    """Return four digits and a metric prefix: ``1.235k``."""
    for prefix, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if abs(value) >= size:
            return f"{value / size:.4g}{prefix}"
    return f"{value:.4g}"


def percentage(value: float) -> str:
    """Return a share as percent: 0.0512 is ``5.12%``."""
    return f"{value * 100:.4g}%"


def duration(seconds: float) -> str:
    """Return seconds for people: ``850ms``, ``5.2s``, ``2m 5s``, ``1d 3h 0m 0s``."""
    if abs(seconds) < 1:
        return f"{seconds * 1000:.4g}ms"
    if abs(seconds) < 60:
        return f"{seconds:.4g}s"
    minutes, rest = divmod(int(abs(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = [(days, "d"), (hours, "h"), (minutes, "m"), (rest, "s")]
    while parts[0][0] == 0:
        parts.pop(0)
    return ("-" if seconds < 0 else "") + " ".join(f"{n}{unit}" for n, unit in parts)


_FORMATS: Mapping[str, Callable[[float], str]] = {
    "humanize": humanize,
    "humanizePercentage": percentage,
    "humanizeDuration": duration,
}
