"""The HTTP API of the collector: what it saw, in sums and one by one, and what it measures.

``create_app`` builds the ASGI application over a store, ``ApiServer`` serves it. Pages for people
come from ``otel_llm.ui`` and are mounted as routes.
"""

from .app import create_app
from .config import ApiConfig
from .server import ApiServer

__all__ = ["ApiConfig", "ApiServer", "create_app"]
