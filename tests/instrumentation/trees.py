"""Spans as the tree they make."""

from __future__ import annotations


def tree(telemetry):
    """Return the names of all spans, each under its parent, as nested lists in order of start."""
    spans = sorted(telemetry.finished, key=lambda span: span.start_time)

    def below(parent):
        found = [s for s in spans if (s.parent.span_id if s.parent else None) == parent]
        return [(s.name, below(s.context.span_id)) for s in found]

    return below(None)
