"""``redact``: takes keys, tokens and personal data out of GenAI spans.

Looks into every text on them that is not known to be a word of the conventions: messages, system
instructions, tool arguments and results, retrieved documents, user ids, texts of older and foreign
dialects, and the span's events. Messages keep their shape. What cannot be looked into is taken out,
and so is everything when the processor itself fails. Put it after ``normalize``, and after
``quality`` if its checks are to see what was said.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, cast

from otel_llm import semconv
from otel_llm.semconv import own

from ..redaction import GROUPS, KINDS, Redactor

if TYPE_CHECKING:
    from ..data import Batch, SpanView

_SAFE = frozenset(
    {
        semconv.OPERATION_NAME,
        semconv.PROVIDER_NAME,
        semconv.OUTPUT_TYPE,
        semconv.REQUEST_MODEL,
        semconv.RESPONSE_MODEL,
        semconv.RESPONSE_ID,
        semconv.RESPONSE_FINISH_REASONS,
        semconv.RESPONSE_STATUS,
        semconv.REQUEST_REASONING_LEVEL,
        semconv.CONVERSATION_ID,
        semconv.TOOL_CALL_ID,
        semconv.TOOL_TYPE,
        semconv.ERROR_TYPE,
        semconv.SERVER_ADDRESS,
        own.DUPLICATE_OF,
        own.INPUT_HASH,
    }
)
_SAFE_PREFIXES = ("gen_ai.usage.", "otel_llm.cost.", "otel_llm.quality.")
_FAILED = "[redaction failed]"


@dataclass(frozen=True, slots=True)
class RedactConfig:
    """Settings of the ``redact`` processor."""

    kinds: tuple[str, ...] = ("secrets", "pii")
    """What to take out: ``secrets``, ``pii``, ``national`` (the numbers that a state gives
    to a person), or single kinds such as ``email``, ``card`` or ``es_dni``."""
    patterns: dict[str, str] = field(default_factory=dict[str, str])
    """Regular expressions of your own, by the word to put in place of what they find."""
    allow: tuple[str, ...] = ()
    """Regular expressions; what one of them matches as a whole stays."""
    key: str = field(default="", repr=False)
    """Makes pseudonyms: with it, equal values become equal words. From ``${env:NAME}``."""
    key_file: Path | None = None
    """As ``key``, from a file."""

    def __post_init__(self) -> None:
        for kind in self.kinds:
            if kind not in KINDS and kind not in GROUPS:
                known = ", ".join((*GROUPS, *KINDS))
                raise ValueError(f"nothing is called {kind!r}; known: {known}")
        if self.key and self.key_file:
            raise ValueError("give key or key_file, not both")
        _redactor(self, b"")


def _redactor(config: RedactConfig, key: bytes) -> Redactor:
    kinds = [kind for name in config.kinds for kind in GROUPS.get(name, [name])]
    return Redactor(kinds, config.patterns, config.allow, key or None)


class RedactProcessor:
    """Redacts spans in place. Raises ``OSError`` when the key file cannot be read."""

    reads_dialects: ClassVar[bool] = True
    """Content under other dialects' names is content too."""

    def __init__(self, config: RedactConfig | None = None) -> None:
        config = config or RedactConfig()
        key = config.key_file.read_bytes().strip() if config.key_file else config.key.encode()
        self._redactor = _redactor(config, key)

    def process(self, batch: Batch) -> None:
        """Redact every GenAI span."""
        for span in batch.genai():
            for name in list(span.names()):
                if name not in _SAFE and not name.startswith(_SAFE_PREFIXES):
                    self._attribute(span, name)
            span.rewrite_events(self._kept)

    def _attribute(self, span: SpanView, name: str) -> None:
        try:
            value = span.value(name)
            kept = self._kept(value)
            if kept != value:
                span.set(name, kept)
        except Exception:  # noqa: BLE001 - what was not looked into must not pass
            span.set(name, _FAILED)

    def _kept(self, value: Any) -> Any:
        """Return what may stay of a value; a map, which no attribute can hold, as JSON text."""
        if isinstance(value, str):
            return self._redactor.encoded(value)
        if isinstance(value, list | dict):
            given = cast("Any", value)
            kept = self._redactor.value(given)
            return given if kept == given else _writable(kept)
        return _FAILED if isinstance(value, bytes) else value


def _writable(value: Any) -> str | list[str]:
    if isinstance(value, list):
        texts = [item for item in cast("list[object]", value) if isinstance(item, str)]
        if len(texts) == len(cast("list[object]", value)):
            return texts
    return json.dumps(value, ensure_ascii=False, default=str)
