"""LLM observability with OpenTelemetry: an app wing and a collector in one distribution.

Importing this module loads nothing heavy: no SDK, no grpc, no protobuf.
"""

from .version import __version__

__all__ = ["__version__"]
