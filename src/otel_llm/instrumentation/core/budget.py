"""```budget_ok()```: may I spend? Asked by an application before its next call, answered at once.

What a collector denies is read from the file in ``OTEL_LLM_BUDGET_FILE``, or asked of the API in
``OTEL_LLM_BUDGET_URL`` by a thread of its own; either at most once a second. Whatever is not known
means yes: no collector, an old answer, a mistake of ours.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, Protocol

from opentelemetry import trace
from opentelemetry.context import Context, get_current
from opentelemetry.instrumentation.utils import suppress_instrumentation

from otel_llm import semconv
from otel_llm.stats.denial import Denial, read

from . import guarded
from .runs import signals
from .said import said

BUDGET_FILE = "OTEL_LLM_BUDGET_FILE"
"""The file that the collector writes where its setting ``alerting.spending_file`` says, and that
``budget_ok()`` reads."""
BUDGET_URL = "OTEL_LLM_BUDGET_URL"
"""Where ``budget_ok()`` asks when there is no such file: the collector's API, such as
``http://127.0.0.1:4319``."""
BUDGET_TOKEN = "OTEL_LLM_BUDGET_TOKEN"  # noqa: S105 - a variable's name
"""The API's token, where it wants one."""

_FRESH_S = 1.0
_PATIENCE_S = 5.0
_LARGEST = 16 * 2**20
_DIMENSIONS: Final[Mapping[str, str]] = {
    semconv.own.USER_ID: "user",
    semconv.own.SESSION_ID: "session",
    semconv.own.FEATURE: "feature",
    semconv.own.TEAM: "team",
    semconv.PROMPT_NAME: "prompt",
    semconv.PROMPT_VERSION: "prompt_version",
}


def budget_ok(**labels: str) -> bool:
    """Whether the next call may be made: no hard budget of the asker is spent, no loop runs away.

    The asker is who ``set_user``, ``set_session`` and ``set_tags`` name here, the current trace and
    the service; ``labels`` add to that or differ: ``user``, ``team``, ``model`` and every other
    dimension of a budget. Never raises, never waits for the network; unknown is ``True``.
    """
    with guarded("asking for the budget"):
        name = os.environ.get
        source = _source(name(BUDGET_FILE, ""), name(BUDGET_URL, ""), name(BUDGET_TOKEN, ""))
        denials = source.denials() if source else ()
        if denials:
            asker = {**_around(get_current()), **labels}
            return not any(denial.covers(asker) for denial in denials)
    return True


def _around(context: Context) -> dict[str, str]:
    """Return who calls here, by dimension."""
    told = said(context, "chat", signals().settings.baggage)
    asker = {_DIMENSIONS[n]: str(value) for n, value in told.items() if n in _DIMENSIONS}
    tags: Any = told.get(semconv.own.TAGS) or ()
    asker.update((f"tag.{name}", value) for name, _, value in (t.partition("=") for t in tags))
    span = trace.get_current_span(context).get_span_context()
    if span.is_valid:
        asker["trace"] = f"{span.trace_id:032x}"
    if service := _service():
        asker["service"] = service
    return asker


def _service() -> str:
    resource = getattr(trace.get_tracer_provider(), "resource", None)
    return str(resource.attributes.get(semconv.own.SERVICE_NAME, "")) if resource else ""


class _Source(Protocol):
    def denials(self) -> tuple[Denial, ...]:
        """Return what is denied now, as far as is known. Does not wait for the network."""
        ...


@lru_cache(maxsize=8)
def _source(file: str, url: str, token: str) -> _Source | None:
    if file:
        return _File(Path(file))
    return _Api(url, token) if url.startswith(("http://", "https://")) else None


class _Known:
    """What was heard last, until it expires."""

    def __init__(self) -> None:
        self._until = 0.0
        self._denied: tuple[Denial, ...] = ()
        self._asked_at = -_FRESH_S

    def _due(self) -> bool:
        now = time.monotonic()
        due = now - self._asked_at >= _FRESH_S
        if due:
            self._asked_at = now
        return due

    def _learn(self, document: bytes) -> None:
        self._until, self._denied = read(document)

    def _now(self) -> tuple[Denial, ...]:
        return self._denied if self._denied and time.time() < self._until else ()


class _File(_Known):
    """Reads a local file, again when a second has passed."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path

    def denials(self) -> tuple[Denial, ...]:
        if self._due():
            try:
                self._learn(self._path.read_bytes())
            except OSError:  # no collector has written it, or none does any more
                self._denied = ()
        return self._now()


class _Api(_Known):
    """Has a thread ask the API, again when a second has passed."""

    def __init__(self, url: str, token: str) -> None:
        super().__init__()
        self._url = url.rstrip("/") + "/v1/spending/denied"
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._asking: threading.Thread | None = None

    def denials(self) -> tuple[Denial, ...]:
        busy = self._asking is not None and self._asking.is_alive()
        if not busy and self._due():
            self._asking = threading.Thread(target=self._ask, name="otel-llm-budget", daemon=True)
            self._asking.start()
        return self._now()

    def _ask(self) -> None:
        from urllib.request import ProxyHandler, Request, build_opener  # 20 ms, not at import

        with guarded("asking for the budget"), suppress_instrumentation():
            asked = Request(self._url, headers=self._headers)
            try:
                with build_opener(ProxyHandler({})).open(asked, timeout=_PATIENCE_S) as answer:
                    self._learn(answer.read(_LARGEST))
            except OSError:
                pass  # what is known holds until it expires
