"""Pipelines at a glance, for ``/ready`` and ``/status``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .component import Signal
from .sending.status import SenderStatus


@dataclass(frozen=True, slots=True)
class PipelineStatus:
    """One pipeline now."""

    name: str
    """As configured, ``traces/eu``."""
    signal: Signal
    receivers: Sequence[str]
    processors: Sequence[str]
    destinations: Sequence[SenderStatus]
    """Of each exporter its sender, or those of all workers."""
    ready: bool
    """Whether it takes data: it is served, and has room."""
