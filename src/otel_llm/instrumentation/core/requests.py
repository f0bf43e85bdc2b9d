"""The HTTP requests below a call: which of them were retries, and what the rate limits left.

An SDK sends a request again without telling its caller. What it sends passes httpx, httpx2 or
botocore; those are patched as long as ``OTEL_LLM_REQUEST_METRICS`` is on for an instrumentor, and
requests outside of a call of ours pass untouched. Of headers only counts are read. Requests that
go by another library (aiohttp) or from a thread of the SDK's own are not seen.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any, Final, TypeAlias

import wrapt
from opentelemetry.context import Context, create_key, get_current
from opentelemetry.metrics import Meter

from otel_llm.semconv import own

from .attributes import Attributes, tokens
from .guard import guarded
from .instruments import counter, gauge
from .patched import Patched

_KEY: Final = create_key("otel-llm-requests")
_LIMIT = re.compile(
    r"(?:x|anthropic)-ratelimit-(?:(remaining|limit)-([a-z-]{3,30})|([a-z-]{3,30})-(remaining|limit))"
)
_DIGITS: Final = 19
"""Of the largest number with 64 bits."""
_RETRIED: Final = frozenset({408, 409, 425, 429})
_Args: TypeAlias = tuple[Any, ...]
_Kwargs: TypeAlias = dict[str, Any]


class Requests:
    """The instruments, of one instrumentor."""

    __slots__ = ("_limits", "_retries")

    def __init__(self, meter: Meter) -> None:
        self._retries = counter(meter, own.RETRIES)
        self._limits = {
            "remaining": gauge(meter, own.RATE_LIMIT_REMAINING),
            "limit": gauge(meter, own.RATE_LIMIT),
        }

    def below(self, context: Context, attributes: Attributes) -> Context:
        """Return ``context`` with the requests of a call in it counted under ``attributes``."""
        return Context({**context, _KEY: _Call(self, attributes)})

    def retried(self, attributes: Attributes) -> None:
        """Count a request that was sent again."""
        self._retries.add(1, attributes)

    def limited(self, attributes: Attributes, headers: Mapping[str, str]) -> None:
        """Record what the headers of an answer say about limits."""
        for name, value in headers.items():
            found = _LIMIT.fullmatch(name.lower())
            if found and (count := _count(value)) is not None:
                which, kind = found[1] or found[4], _kind(found[2] or found[3])
                labels = {**attributes, own.RATE_LIMIT_KIND: kind}
                self._limits[which].set(count, labels)


def _count(value: str) -> int | None:
    """Return a number that a gauge can hold; one that it cannot would cost all metrics of the
    process, at every export."""
    return tokens(int(value)) if value.isdecimal() and len(value) <= _DIGITS else None


def _kind(name: str) -> str:
    """Return ``requests``, ``tokens``, ``input_tokens``…; Mistral says ``req-minute``."""
    plain = name.removesuffix("-minute").replace("-", "_")
    return "requests" if plain == "req" else plain


class _Call:
    """One call, while its requests are sent."""

    __slots__ = ("_attributes", "_requests", "_troubled")

    def __init__(self, requests: Requests, attributes: Attributes) -> None:
        self._requests = requests
        self._attributes = attributes
        self._troubled = False

    def sent(self, request: Any) -> None:
        """Take a request: a retry if its SDK says so, or if the one before it went wrong."""
        said = str(request.headers.get("x-stainless-retry-count") or "")
        if int(said) > 0 if said.isdecimal() else self._troubled:
            self._requests.retried(self._attributes)
        self._troubled = True  # until it is answered

    def answered(self, response: Any) -> None:
        """Take the answer to it."""
        status = response.status_code
        self._troubled = status in _RETRIED or status >= 500
        self._requests.limited(self._attributes, response.headers)

    def again(self) -> None:
        """Take an SDK's decision to send once more."""
        self._requests.retried(self._attributes)


def _here() -> _Call | None:
    found = get_current().get(_KEY)
    return found if isinstance(found, _Call) else None


def _send(wrapped: Callable[..., Any], _: Any, args: _Args, kwargs: _Kwargs) -> Any:
    call = _here()
    if call is None:
        return wrapped(*args, **kwargs)
    _noted(call.sent, args, kwargs)
    response = wrapped(*args, **kwargs)
    with guarded("reading the headers of an answer"):
        call.answered(response)
    return response


async def _send_async(wrapped: Callable[..., Any], _: Any, args: _Args, kwargs: _Kwargs) -> Any:
    call = _here()
    if call is None:
        return await wrapped(*args, **kwargs)
    _noted(call.sent, args, kwargs)
    response = await wrapped(*args, **kwargs)
    with guarded("reading the headers of an answer"):
        call.answered(response)
    return response


def _noted(sent: Callable[[Any], None], args: _Args, kwargs: _Kwargs) -> None:
    with guarded("noting a request"):
        sent(args[0] if args else kwargs["request"])


def _needs_retry(wrapped: Callable[..., Any], _: Any, args: _Args, kwargs: _Kwargs) -> Any:
    again = wrapped(*args, **kwargs)
    if again and (call := _here()) is not None:
        call.again()
    return again


async def _needs_retry_async(
    wrapped: Callable[..., Any], _: Any, args: _Args, kwargs: _Kwargs
) -> Any:
    again = await wrapped(*args, **kwargs)
    if again and (call := _here()) is not None:
        call.again()
    return again


_PLACES = (
    ("httpx", "Client.send", _send),
    ("httpx", "AsyncClient.send", _send_async),
    ("httpx2", "Client.send", _send),
    ("httpx2", "AsyncClient.send", _send_async),
    ("botocore.endpoint", "Endpoint._needs_retry", _needs_retry),
    ("aiobotocore.endpoint", "AioEndpoint._needs_retry", _needs_retry_async),
)
_patched: list[tuple[Any, str, Any]] = []
_watchers: list[None] = []


class _Wrapped(Patched):
    """Ours, told from anybody else's by its type."""


def watch() -> None:
    """Patch the HTTP libraries, now or when they are imported; once for all instrumentors."""
    _watchers.append(None)
    if len(_watchers) > 1:
        return
    for module in dict.fromkeys(module for module, _, _ in _PLACES):
        wrapt.register_post_import_hook(_imported, module)


def unwatch() -> None:
    """Put the HTTP libraries back when the last instrumentor has gone."""
    if _watchers:
        _watchers.pop()
    while not _watchers and _patched:
        owner, name, original = _patched.pop()
        with guarded("restoring an HTTP library"):
            if isinstance(owner.__dict__.get(name), _Wrapped):
                setattr(owner, name, original)


def _imported(module: ModuleType) -> None:
    for place, path, wrapper in _PLACES:
        if not _watchers or place != module.__name__:
            continue
        with guarded(f"patching {place}"):
            owner, name, original = wrapt.resolve_path(module, path)
            if name not in owner.__dict__ or isinstance(original, _Wrapped):
                continue
            setattr(owner, name, _Wrapped(original, wrapper))
            _patched.append((owner, name, original))
