"""An OpenAI-compatible server: one chat or one embedding, with what it used and how it ended.

Whatever goes wrong is an ``error_type``, never an exception and never the server's own words: they
may quote a prompt or a key.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, cast

import httpx2

from otel_llm.config.units import Duration
from otel_llm.genai import Usage
from otel_llm.http.deadline import Deadline
from otel_llm.quality.messages import whole
from otel_llm.version import __version__

_MAX_ANSWER = 8 * 2**20
_LONGEST_WAIT_S = 30.0
_MOST_TOKENS = 10**8
"""More is no count of what one call used."""
_LONGEST_NAME = 200
_LIMIT = "the limit is max_output_tokens, its name max_tokens_name"
_TAKEN = {
    "max_tokens": _LIMIT,
    "max_completion_tokens": _LIMIT,
    "model": "name it by model",
    "messages": "these are the question",
    "n": "one answer is read and paid for",
    "stream": "the answer is read whole",
}
"""What ``parameters`` may not hold, and why: a cap rests on it."""
_RETRYABLE = frozenset({408, 409, 429, 500, 502, 503, 504})

Message = Mapping[str, str]
"""``role`` and ``content``."""


@dataclass(frozen=True, slots=True)
class EndpointConfig:
    """A model behind the OpenAI API: OpenAI's own or any server that speaks it."""

    endpoint: str
    """Base URL, such as ``https://api.openai.com/v1`` or ``http://127.0.0.1:11434/v1``."""
    model: str
    """The model to ask for."""
    provider: str = "openai"
    """``gen_ai.provider.name``: whose prices hold, such as ``azure.ai.openai`` or ``ollama``."""
    api_key_file: str | None = None
    """File that holds the API key and nothing else; read again for every request."""
    api_key_env: str | None = None
    """Environment variable that holds the API key."""
    timeout: Duration = 60.0
    """How long one attempt may take."""
    retries: int = 2
    """Attempts after one that failed for now (busy, overloaded, no connection)."""
    max_output_tokens: int = 1024
    """The longest answer that is paid for."""
    max_tokens_name: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    """How the server calls that limit; OpenAI's reasoning models want the second."""
    parameters: dict[str, Any] = field(default_factory=lambda: {"temperature": 0})
    """More fields of the request, such as ``response_format`` or ``seed``; none that says what is
    asked, or how much of an answer is paid for."""

    def __post_init__(self) -> None:
        url = httpx2.URL(self.endpoint)
        if url.scheme not in ("http", "https") or not url.host:
            raise ValueError("endpoint: expected http://host:port/v1")
        if url.userinfo:
            raise ValueError("endpoint: keys belong into api_key_file or api_key_env")
        if self.api_key_file and self.api_key_env:
            raise ValueError("api_key_file, api_key_env: give one of them")
        if self.retries < 0 or self.max_output_tokens < 1:
            raise ValueError("retries and max_output_tokens must not be negative")
        if taken := [name for name in self.parameters if name in _TAKEN]:
            raise ValueError(f"parameters: {', '.join(taken)}: {_TAKEN[taken[0]]}")


@dataclass(frozen=True, slots=True)
class Reply:
    """How one call ended. Without an ``error_type`` there is a ``text``, or ``vectors``."""

    started_ns: int
    ended_ns: int
    text: str | None = None
    vectors: tuple[tuple[float, ...], ...] = ()
    model: str | None = None
    """The model that served."""
    response_id: str | None = None
    finish_reason: str | None = None
    usage: Usage = field(default_factory=Usage)
    error_type: str | None = None
    maybe_billed: bool = False
    """Whether a failed call may have cost something: it ran, and nobody knows how far."""


def only_model(config: EndpointConfig) -> str | None:
    """Return the model of a server that offers a single one, such as an application or a local
    server; ``None`` where there are several, or none is told."""
    endpoint = Endpoint(config)
    try:
        models = endpoint.models()
    finally:
        endpoint.close()
    return models[0] if len(models) == 1 else None


class Endpoint:
    """One server. Thread-safe."""

    def __init__(
        self, config: EndpointConfig, *, sleep: Callable[[float], object] = time.sleep
    ) -> None:
        """``sleep`` waits between attempts; give one that ends early when the process stops."""
        self.config = config
        self._sleep = sleep
        self._url = config.endpoint.rstrip("/")
        self._deadline = Deadline(config.timeout)
        self._client = httpx2.Client(
            timeout=config.timeout,
            follow_redirects=False,
            headers={"user-agent": f"otel-llm-evaluation/{__version__}"},
        )

    @property
    def server(self) -> tuple[str, int | None]:
        """Host and port that are asked."""
        url = httpx2.URL(self._url)
        return url.host, url.port or {"http": 80, "https": 443}[url.scheme]

    def chat(
        self,
        messages: Sequence[Message],
        *,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """Ask once, again where that may help, and return how it ended."""
        limit = {self.config.max_tokens_name: self.config.max_output_tokens}
        said = [{name: whole(text) for name, text in one.items()} for one in messages]
        body = {"model": self.config.model, "messages": said, **limit}
        return self._asked("/chat/completions", body | self.config.parameters, headers, _chatted)

    def embed(self, texts: Sequence[str]) -> Reply:
        """Return one vector for each of ``texts``."""
        body = {"model": self.config.model, "input": [*map(whole, texts)]}

        def read(answer: Mapping[str, Any]) -> dict[str, Any]:
            return _embedded(answer, len(texts))

        return self._asked("/embeddings", body, None, read)

    def models(self) -> Sequence[str]:
        """Return the models that the server says it has; none when it does not say."""
        try:
            answer = self._client.get(
                self._url + "/models",
                headers=self._authorization(),
                extensions={"trace": self._deadline.begin()},
            )
            rows: list[Any] = _object(answer.json())["data"] if answer.is_success else []
            return [str(row["id"]) for row in rows]
        except (httpx2.HTTPError, OSError, ValueError, TypeError, KeyError):
            return []

    def close(self) -> None:
        """Release connections. Safe to call twice."""
        self._client.close()

    def _asked(
        self,
        path: str,
        body: Mapping[str, Any],
        headers: Mapping[str, str] | None,
        read: Callable[[Mapping[str, Any]], dict[str, Any]],
    ) -> Reply:
        started = time.time_ns()
        fields, wait_s = self._attempt(path, body, headers or {}, read)
        for retry in range(self.config.retries):
            if wait_s is None:
                break
            self._sleep(min(wait_s * 2**retry, _LONGEST_WAIT_S))
            fields, wait_s = self._attempt(path, body, headers or {}, read)
        return Reply(started, time.time_ns(), **fields)

    def _attempt(
        self,
        path: str,
        body: Mapping[str, Any],
        headers: Mapping[str, str],
        read: Callable[[Mapping[str, Any]], dict[str, Any]],
    ) -> tuple[dict[str, Any], float | None]:
        """Return the fields of the reply, and how long to wait before another attempt."""
        try:
            status, answered, content = self._post(path, body, headers)
        except (httpx2.TimeoutException, TimeoutError):
            return {"error_type": "timeout", "maybe_billed": True}, None
        except httpx2.ConnectError:
            return {"error_type": "connection_error"}, 0.5
        except (httpx2.HTTPError, RuntimeError) as error:  # the last: the client was closed
            return {"error_type": type(error).__name__, "maybe_billed": True}, None
        except (OSError, UnicodeError):  # a key that no header can hold is none
            return {"error_type": "no_api_key"}, None
        if status != 200:
            wait = _wait_s(answered.get("retry-after", "")) if status in _RETRYABLE else None
            return {"error_type": str(status)}, wait
        try:
            return read(_object(json.loads(content))), None
        except (ValueError, TypeError, LookupError, ArithmeticError, RecursionError):
            return {"error_type": "invalid_response", "maybe_billed": True}, None

    def _post(
        self, path: str, body: Mapping[str, Any], headers: Mapping[str, str]
    ) -> tuple[int, Mapping[str, str], bytes]:
        sent = {**headers, **self._authorization()}
        traced = {"trace": self._deadline.begin()}
        with self._client.stream(
            "POST", self._url + path, json=body, headers=sent, extensions=traced
        ) as answer:
            content = bytearray()
            for chunk in answer.iter_bytes():
                content += chunk
                if len(content) > _MAX_ANSWER:
                    raise TimeoutError
            return answer.status_code, answer.headers, bytes(content)

    def _authorization(self) -> dict[str, str]:
        """Return the header with the key; raises ``OSError`` for a file that cannot be read and a
        variable that is not set, ``UnicodeError`` for a file that is no UTF-8."""
        key = ""
        if self.config.api_key_file:
            key = Path(self.config.api_key_file).read_text(encoding="utf-8").strip()
        elif self.config.api_key_env:
            key = os.environ.get(self.config.api_key_env)
            if key is None:
                raise OSError(f"{self.config.api_key_env} is not set")
        return {"authorization": f"Bearer {key}"} if key else {}


def _object(value: object) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise TypeError
    return cast("dict[str, Any]", value)


def _chatted(answer: Mapping[str, Any]) -> dict[str, Any]:
    choice = _object(answer["choices"][0])
    text = _object(choice["message"]).get("content")
    return {
        "text": whole(text) if isinstance(text, str) else "",
        "finish_reason": _text(choice.get("finish_reason")),
        "model": _text(answer.get("model")),
        "response_id": _text(answer.get("id")),
        "usage": _usage(answer.get("usage")),
    }


def _embedded(answer: Mapping[str, Any], count: int) -> dict[str, Any]:
    rows = sorted(answer["data"], key=lambda row: row["index"])
    vectors = tuple(tuple(float(x) for x in row["embedding"]) for row in rows)
    if len(vectors) != count or not all(vectors):
        raise ValueError
    return {
        "vectors": vectors,
        "model": _text(answer.get("model")),
        "usage": _usage(answer.get("usage")),
    }


def _usage(given: object) -> Usage:
    usage = _part(given)
    cached, thought = (_part(usage.get(f"{side}_tokens_details")) for side in _SIDES)
    return Usage(
        input_tokens=_count(usage.get("prompt_tokens")),
        output_tokens=_count(usage.get("completion_tokens")),
        cache_read=_count(cached.get("cached_tokens")),
        reasoning=_count(thought.get("reasoning_tokens")),
    )


_SIDES = ("prompt", "completion")


def _part(value: object) -> Mapping[str, object]:
    return cast("dict[str, object]", value) if isinstance(value, dict) else {}


def _count(value: object) -> int | None:
    return value if type(value) is int and 0 <= value <= _MOST_TOKENS else None


def _text(value: object) -> str | None:
    return whole(value[:_LONGEST_NAME]) if isinstance(value, str) else None


def _wait_s(retry_after: str) -> float:
    """Return what the server asks for in seconds, else half a second."""
    return float(retry_after) if retry_after.strip().isdecimal() else 0.5
