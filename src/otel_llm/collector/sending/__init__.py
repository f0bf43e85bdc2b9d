"""The way to a destination: queue, batch, retry, and the dead letter for what it never takes."""

from .sender import Grave, Sender, Sending, drain

__all__ = ["Grave", "Sender", "Sending", "drain"]
