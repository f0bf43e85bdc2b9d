"""Tail sampling: requests wait until their traces are decided."""

from .waiting import Decider, Sampling

__all__ = ["Decider", "Sampling"]
