"""What a model call is, independent of the SDK that made it.

Both wings speak in these types: instrumentors fill ``Request`` and ``Response`` from an SDK's
objects, the collector reads a ``Call`` back from a span. ``None`` always means unknown, never
zero. Nothing here knows OpenTelemetry.
"""

from .call import Call, Cost, Document
from .exchange import Request, Response
from .usage import Usage

__all__ = ["Call", "Cost", "Document", "Request", "Response", "Usage"]
