"""What a user can set about the app wing, and the environment variables that set it."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from enum import Enum
from typing import Any, Literal

_log = logging.getLogger(__name__)

MetricNames = Literal["pin", "head", "both"]
Exceptions = Literal["off", "type", "message"]


class CaptureMode(Enum):
    """Where message content goes. Content is what the user and the model wrote."""

    NO_CONTENT = "NO_CONTENT"
    SPAN_ONLY = "SPAN_ONLY"
    EVENT_ONLY = "EVENT_ONLY"
    SPAN_AND_EVENT = "SPAN_AND_EVENT"

    @property
    def on_span(self) -> bool:
        """Whether spans carry content."""
        return self in (CaptureMode.SPAN_ONLY, CaptureMode.SPAN_AND_EVENT)

    @property
    def on_event(self) -> bool:
        """Whether events carry content."""
        return self in (CaptureMode.EVENT_ONLY, CaptureMode.SPAN_AND_EVENT)


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything the app wing lets a user choose. Frozen: taken once, at ``instrument()``."""

    capture: CaptureMode = field(
        default=CaptureMode.NO_CONTENT,
        metadata={"env": "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"},
    )
    """``NO_CONTENT``, ``SPAN_ONLY``, ``EVENT_ONLY`` or ``SPAN_AND_EVENT``, in any case; ``true``
    means ``SPAN_AND_EVENT`` and ``false`` ``NO_CONTENT``. Anything else warns and captures
    nothing."""
    emit_event: bool | None = field(
        default=None, metadata={"env": "OTEL_INSTRUMENTATION_GENAI_EMIT_EVENT"}
    )
    """Whether each inference also becomes a ``gen_ai.client.inference.operation.details`` event.
    Unset: only when events carry content."""
    metrics: MetricNames = field(default="pin", metadata={"env": "OTEL_LLM_METRICS"})
    """Which metric names: ``pin`` (August 2026, what the official packages emit), ``head``
    (October 2026) or ``both``."""
    exceptions: Exceptions = field(default="off", metadata={"env": "OTEL_LLM_EXCEPTION_EVENTS"})
    """Whether a call that raises also becomes a ``gen_ai.client.operation.exception`` event:
    ``off``, ``type`` (the exception's class) or ``message`` (its message and stack too, with keys
    and personal data taken out; a provider's message may quote the prompt)."""
    request_metrics: bool = field(default=False, metadata={"env": "OTEL_LLM_REQUEST_METRICS"})
    """Whether the HTTP requests below calls are counted: those that an SDK sent again, and what
    rate limits left by the headers of the answers."""
    span_attributes: bool = field(default=False, metadata={"env": "OTEL_LLM_SPAN_ATTRIBUTES"})
    """Whether spans also carry an attribute that the conventions do not have and no price depends
    on: the outcome of a stream."""

    baggage: tuple[str, ...] = field(default=(), metadata={"env": "OTEL_LLM_BAGGAGE"})
    """Attribute names, separated by commas, that ``set_user``, ``set_session``, ``set_prompt`` and
    ``set_tags`` also put into W3C baggage, and that are read back from it in the next process.
    Baggage is sent to every service that is called, so nothing is in it by default."""

    derive: frozenset[str] = field(default=frozenset(), metadata={"env": "OTEL_LLM_CAPTURE"})
    """What is made of content in this process, separated by commas, whether content itself is
    captured or not: ``hash`` (keyed HMAC of messages, system prompt and tools), ``preview`` (the
    start of the answer, redacted), ``flags`` (quality checks)."""
    preview_length: int = field(default=100, metadata={"env": "OTEL_LLM_PREVIEW_LENGTH"})
    """Characters of a preview."""
    hash_key: str = field(default="", repr=False, metadata={"env": "OTEL_LLM_HASH_KEY"})
    """Key of the hashes. Without it there are none: a plain hash of a short prompt can be guessed
    back."""
    redact: tuple[str, ...] = field(default=(), metadata={"env": "OTEL_LLM_REDACT"})
    """What is taken out of captured content, separated by commas: ``secrets`` (keys, tokens,
    passwords), ``pii`` (e-mail, card, IBAN, phone, the numbers that states give, proven by
    check digits). The preview never has either."""
    redact_patterns: tuple[str, ...] = field(
        default=(), metadata={"env": "OTEL_LLM_REDACT_PATTERNS"}
    )
    """Regular expressions of your own, one per line, taken out of captured content."""
    redact_hook: Callable[[str], str | None] | None = field(default=None, metadata={"env": None})
    """Called with every captured text, after everything else; returns what to keep. Only in code.
    When it raises, the text is dropped."""
    max_content_bytes: int = field(default=262_144, metadata={"env": "OTEL_LLM_MAX_CONTENT_BYTES"})
    """Longest content of one attribute. What is longer loses media first, then its oldest turns,
    then the ends of long texts; it stays JSON and keeps the last turn of the user."""

    @property
    def events(self) -> bool:
        """Whether inference events are wanted."""
        return self.capture.on_event if self.emit_event is None else self.emit_event

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ, **given: Any) -> Settings:
        """Read every variable that is set; ``given`` values (``None`` aside) win over them.

        Raises nothing: a value that means nothing is warned about and the default is taken.
        """
        values: dict[str, Any] = {}
        for setting in fields(cls):
            chosen = given.get(setting.name)
            source = setting.metadata["env"] if chosen is None else f"{setting.name}="
            chosen = environ.get(source or "") if chosen is None else chosen
            if chosen is not None and chosen != "":
                values[setting.name] = _READ[setting.name](source, chosen)
        return cls(**values)


def _capture(source: str, value: Any) -> CaptureMode:
    if isinstance(value, CaptureMode):
        return value
    spelled = _CAPTURE_WORDS.get(str(value).strip().upper(), str(value).strip().upper())
    if spelled in CaptureMode.__members__:
        return CaptureMode[spelled]
    _warn(source, ", ".join(CaptureMode.__members__), "capturing no content")
    return CaptureMode.NO_CONTENT


_CAPTURE_WORDS = {"TRUE": "SPAN_AND_EVENT", "FALSE": "NO_CONTENT"}


def _boolean(source: str, value: Any) -> bool | None:
    word = str(value).strip().lower()
    if word not in ("true", "false"):
        _warn(source, "true, false", "taking the default")
    return {"true": True, "false": False}.get(word)


def _switch(source: str, value: Any) -> bool:
    return _boolean(source, value) is True


def _metrics(source: str, value: Any) -> MetricNames:
    word = str(value).strip().lower()
    if word in ("pin", "head", "both"):
        return word
    _warn(source, "pin, head, both", "taking pin")
    return "pin"


def _exceptions(source: str, value: Any) -> Exceptions:
    word = str(value).strip().lower()
    if word in ("off", "type", "message"):
        return word
    _warn(source, "off, type, message", "taking off")
    return "off"


def _warn(source: str, allowed: str, instead: str) -> None:
    _log.warning("otel-llm: %s has a value other than %s; %s", source, allowed, instead)


def _names(source: str, value: Any) -> tuple[str, ...]:
    names = value.split(",") if isinstance(value, str) else value
    return tuple(str(name).strip() for name in names if str(name).strip())


def _derive(source: str, value: Any) -> frozenset[str]:
    words = frozenset(name.lower() for name in _names(source, value))
    if not words <= _DERIVED:
        _warn(source, ", ".join(sorted(_DERIVED)), "leaving the rest out")
    return words & _DERIVED


_DERIVED = frozenset({"hash", "preview", "flags"})


def _redact(source: str, value: Any) -> tuple[str, ...]:
    words = tuple(name.lower() for name in _names(source, value))
    if not set(words) <= {"secrets", "pii"}:
        _warn(source, "secrets, pii", "taking both")
        return ("secrets", "pii")
    return words


def _patterns(source: str, value: Any) -> tuple[str, ...]:
    lines = value.splitlines() if isinstance(value, str) else value
    return tuple(line for line in lines if _compiles(source, line))


def _compiles(source: str, pattern: str) -> bool:
    try:
        re.compile(pattern)
    except re.error:
        _warn(source, "regular expressions", "leaving one out")
        return False
    return bool(pattern)


def _number_of(things: str, default: int) -> Callable[[str, Any], int]:
    def read(source: str, value: Any) -> int:
        if str(value).strip().isdecimal() and int(value) > 0:
            return int(value)
        _warn(source, f"a number of {things}", f"taking {default}")
        return default

    return read


def _as_it_is(_: str, value: Any) -> Any:
    return value


_READ: dict[str, Callable[[str, Any], Any]] = {
    "capture": _capture,
    "baggage": _names,
    "derive": _derive,
    "emit_event": _boolean,
    "exceptions": _exceptions,
    "hash_key": _as_it_is,
    "max_content_bytes": _number_of("bytes", 262_144),
    "preview_length": _number_of("characters", 100),
    "redact": _redact,
    "redact_hook": _as_it_is,
    "redact_patterns": _patterns,
    "metrics": _metrics,
    "request_metrics": _switch,
    "span_attributes": _switch,
}
