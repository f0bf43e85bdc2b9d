"""Names: the GenAI conventions as constants, and the few that are ours.

``semconv.REQUEST_MODEL`` is an attribute name, ``semconv.metrics.CLIENT_OPERATION_DURATION`` an
instrument. ``semconv.own`` is what the conventions lack; the app wing writes none of those onto a
span unless it is asked to.
"""

from . import metrics, own
from .attributes import *  # noqa: F403 - one flat namespace of constants is the point

__all__ = ["metrics", "own"]  # and every constant of ``attributes``
