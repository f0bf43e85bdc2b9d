"""What is made of content besides content itself: hashes, a preview, quality flags.

``OTEL_LLM_CAPTURE=hash,preview,flags`` makes them in this process, so that the content they are
made of needs to leave it nowhere.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import re
import traceback
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from otel_llm import semconv
from otel_llm.semconv import own

from .attributes import Attributes
from .attributes import text as clean_text
from .ending import Ending
from .fitting import fitted, fitted_value
from .guard import guarded
from .json_text import to_json
from .redaction import Redactor
from .settings import Settings

_HASHED = {
    semconv.INPUT_MESSAGES: own.INPUT_HASH,
    semconv.SYSTEM_INSTRUCTIONS: own.SYSTEM_HASH,
    semconv.TOOL_DEFINITIONS: own.TOOLS_HASH,
}
_log = logging.getLogger(__name__)
_SPACE = re.compile(r"\s+")
_FRAMES, _STACK, _MESSAGE = 30, 16_384, 4_096
"""Of an exception: frames, and characters of its stack and its message."""
_BEYOND = 4_096
"""Characters of an answer that are looked at beyond its preview: they stand in for what goes."""


class Privacy:
    """How content is treated, from the settings. One per instrumentor; reentrant."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        if "hash" in settings.derive and not settings.hash_key:
            _log.warning("otel-llm: OTEL_LLM_CAPTURE=hash needs OTEL_LLM_HASH_KEY; hashing nothing")
        self._key = settings.hash_key.encode() if "hash" in settings.derive else b""
        self._redactor = _redactor(settings)
        self._shown = settings.preview_length
        looked_at = self._shown + _BEYOND
        self._preview = _strict(settings, looked_at) if "preview" in settings.derive else None
        self._flags = _flags if "flags" in settings.derive else None
        if self._flags is not None:
            with guarded("compiling the checks of answers"):
                _inspector()  # now, for it would hold up an event loop at the first answer

    @property
    def derives(self) -> bool:
        """Whether anything is made of content, be it captured or not."""
        return bool(self._settings.derive)

    def kept(self, messages: Sequence[Mapping[str, Any]]) -> tuple[Any, str]:
        """Return what may leave the process, redacted and of bounded size, and its JSON."""
        if self._redactor is not None:
            messages = self._redactor.value(messages)
        return fitted(messages, self._settings.max_content_bytes, to_json)

    def kept_value(self, value: Any) -> str:
        """Return any value as JSON, a text as it is, redacted and of bounded size."""
        kept = value if self._redactor is None else self._redactor.value(value)
        return fitted_value(kept, self._settings.max_content_bytes, to_json)

    def kept_comment(self, text: str) -> str:
        """Return what somebody wrote, sent whatever is captured: without anything that is known."""
        strictly = _strict(self._settings, self._settings.max_content_bytes).text(text)
        return fitted_value(strictly, self._settings.max_content_bytes, to_json)

    def of_input(self, name: str, messages: Sequence[Mapping[str, Any]]) -> Attributes:
        """Return the keyed hash of what went in, the same for the same words."""
        if not self._key or name not in _HASHED:
            return {}
        normal = _SPACE.sub(" ", to_json(_sorted(messages))).encode()
        return {_HASHED[name]: hmac.new(self._key, normal, hashlib.sha256).hexdigest()}

    def of_output(
        self, messages: Sequence[Mapping[str, Any]], asked: Any, ending: Ending
    ) -> Attributes:
        """Return the preview and the flags of an answer."""
        found: Attributes = {}
        if self._preview is not None and (text := _text_of(messages)):
            found[own.OUTPUT_PREVIEW] = self._preview.text(text)[: self._shown]
        if self._flags is not None:
            found.update(self._flags(messages, asked, ending))
        return found

    def of_exception(self, error: BaseException, kind: str) -> Attributes:
        """Return what may be told of an exception: its class, and redacted what else is wanted."""
        told: Attributes = {semconv.EXCEPTION_TYPE: kind}
        if self._settings.exceptions == "message":
            redacted = _strict(self._settings, self._settings.max_content_bytes).text
            stack = "".join(traceback.format_exception(error, limit=-_FRAMES))
            told[semconv.EXCEPTION_MESSAGE] = redacted(clean_text(str(error)) or "")[:_MESSAGE]
            told[semconv.EXCEPTION_STACKTRACE] = redacted(clean_text(stack) or "")[:_STACK]
        return told


def _redactor(settings: Settings) -> Redactor | None:
    if not (settings.redact or settings.redact_patterns or settings.redact_hook):
        return None
    return Redactor(
        settings.redact,
        settings.redact_patterns,
        settings.redact_hook,
        longest=settings.max_content_bytes,
    )


def _strict(settings: Settings, longest: int) -> Redactor:
    """Return what takes out everything that is known, whatever of it was asked for."""
    return Redactor(patterns=settings.redact_patterns, hook=settings.redact_hook, longest=longest)


def _sorted(value: Any) -> Any:
    """Return ``value`` with its keys in order: a map says the same in any."""
    if isinstance(value, Mapping):
        return {str(k): _sorted(value[k]) for k in sorted(value, key=str)}  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
    if isinstance(value, list | tuple):
        return [_sorted(item) for item in value]  # pyright: ignore[reportUnknownVariableType]
    return value


def _text_of(messages: Sequence[Mapping[str, Any]]) -> str:
    parts = [part for message in messages for part in message.get("parts") or ()]
    texts = (part.get("content") for part in parts if part.get("type") == "text")
    return "\n".join(text for text in texts if isinstance(text, str))


def _flags(messages: Sequence[Mapping[str, Any]], asked: Any, ending: Ending) -> Attributes:
    from otel_llm.quality import Content, Evidence

    output = Content(to_json(messages).encode())
    seen = Evidence(
        tuple(reason for reason in ending.response.finish_reasons if isinstance(reason, str)),  # pyright: ignore[reportUnnecessaryIsInstance] - as the provider sent them
        ending.response.usage.output_tokens,
        None,
        output,
        Content(to_json(asked).encode()) if asked else None,
    )
    flags = _inspector().flags(seen)
    found: Attributes = {} if output.length is None else {own.OUTPUT_LENGTH: output.length}
    return found if flags is None else {own.QUALITY_FLAGS: flags, **found}


_made: list[Callable[[], Any] | Any] = []


def _inspector() -> Any:
    """Return the checks, compiled once for all instrumentors."""
    if not _made:
        from otel_llm.quality import Inspector

        _made.append(Inspector())
    return _made[0]
