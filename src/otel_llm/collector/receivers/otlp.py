"""``otlp``: receives OTLP 1.11 over gRPC and HTTP, protobuf and JSON, all three signals.

Answers success once the pipeline took the data, partial success with the reasons when some spans
of it cannot be taken; UNAVAILABLE (503) with a hint of 1 to 5 seconds when there is no room;
INVALID_ARGUMENT (400) when the bytes are no OTLP; RESOURCE_EXHAUSTED (413) when they are too many;
UNAUTHENTICATED (401) without a token where one is asked for. What one sender does wrong no other
notices.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..intake.config import GrpcConfig, HttpConfig, OtlpConfig
from ..intake.grpc_server import GrpcServer
from ..intake.http_server import HttpServer
from ..intake.taking import Intake
from ..kept import all_of
from ..measures.counters import Counters

if TYPE_CHECKING:
    from ..component import Bury, Consume, Kept
    from ..measures.samples import Family

__all__ = ["OtlpConfig", "OtlpReceiver"]


class OtlpReceiver:
    """Both servers of one ``otlp`` section."""

    def __init__(self, config: OtlpConfig | None = None, counters: Counters | None = None) -> None:
        self._config = config or OtlpConfig()
        protocols = self._config.protocols
        self._grpc_config = protocols.grpc or GrpcConfig()
        self._http_config = protocols.http or HttpConfig()
        self._counters = counters or Counters()
        self._grpc: GrpcServer | None = None
        self._http: HttpServer | None = None

    @property
    def grpc_port(self) -> int | None:
        """The port gRPC is served on, ``None`` when it is not."""
        return self._grpc.port if self._grpc else None

    @property
    def http_port(self) -> int | None:
        """The port HTTP is served on, ``None`` when it is not."""
        return self._http.port if self._http else None

    def start(self, consume: Consume, bury: Bury | None = None) -> None:
        """Bind and serve in the background. Raises ``OSError`` when an address is taken or a
        certificate cannot be read; then neither protocol is served. See ``Receiver``."""
        intake = Intake(self._config, consume, self._counters, bury)
        try:
            if self._grpc_config.endpoint:
                self._grpc = GrpcServer(self._grpc_config, intake)
            if self._http_config.endpoint:
                self._http = HttpServer(self._http_config, intake)
        except OSError:
            self.stop(0)
            raise

    def leave(self, grace_s: float) -> Kept:
        """See ``Receiver``."""
        grpc, self._grpc = self._grpc, None
        http, self._http = self._http, None
        return all_of([server.stop(grace_s) for server in (grpc, http) if server is not None])

    def stop(self, grace_s: float) -> None:
        """See ``Receiver``."""
        if (ending := self.leave(grace_s)) is not None:
            ending.result()

    def measure(self) -> Iterator[Family]:
        """Give the present counts for ``/metrics``."""
        return self._counters.measure()
