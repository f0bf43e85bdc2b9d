"""What a request holds, as processors see it: spans, log records and data points with attributes by
name. Whose bytes nobody changed go on as they came."""

from .batch import Batch
from .span_view import SpanView

__all__ = ["Batch", "SpanView"]
