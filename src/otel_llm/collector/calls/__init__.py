"""Model calls: read from spans, made spans again, told apart, and counted anew from files."""

from .reading import read_call

__all__ = ["read_call"]
