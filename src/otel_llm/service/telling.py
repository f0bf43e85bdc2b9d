"""Sends the collector's own metrics to one of its destinations, every so often."""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Callable, Iterable
from threading import Event, Thread

from otel_llm.collector.component import Exporter
from otel_llm.collector.errors import DeliveryError
from otel_llm.collector.measures.own import metrics_request
from otel_llm.collector.measures.samples import Family

logger = logging.getLogger(__name__)


class Telling:
    """Owns its exporter and thread. ``start`` and ``stop`` once each."""

    def __init__(
        self, exporter: Exporter, interval_s: float, measure: Callable[[], Iterable[Family]]
    ) -> None:
        self._exporter, self._interval_s, self._measure = exporter, interval_s, measure
        self._instance, self._since_ns = str(uuid.uuid4()), time.time_ns()
        self._stopping = Event()
        self._thread = Thread(target=self._run, name="own-metrics", daemon=True)

    def start(self) -> None:
        """Begin to tell."""
        self._thread.start()

    def stop(self) -> None:
        """Tell the last, once; what cannot be told then is gone. Safe to call twice."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join()
        self._exporter.close()

    def _run(self) -> None:
        while not self._stopping.wait(self._interval_s):
            self._tell()
        self._tell()

    def _tell(self) -> None:
        try:
            now_ns = time.time_ns()
            request = metrics_request(self._measure(), self._since_ns, now_ns, self._instance)
            self._exporter.export("metrics", request)
        except DeliveryError as error:  # the next one says all of it again
            logger.warning("own metrics were not sent: %s", error)
        except Exception as error:  # noqa: BLE001 - nobody else begins to tell again
            logger.error("own metrics were not sent: %s", type(error).__name__)
