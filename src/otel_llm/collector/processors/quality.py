"""``quality``: flags answers that look wrong: refused, hedging, cut off, empty, looping, leaking.

Looks at finish reasons and output tokens, and at messages where they were captured, and writes
``otel_llm.quality.flags``: the names of the checks that fired. An empty list says that every check
that could look was silent; without the attribute none could. Leaves a span alone that has flags
already: they may be from the application's own process, which saw the content. Also writes the
length of the answer in characters (``otel_llm.output.length``) where there is one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import partial
from typing import TYPE_CHECKING

from otel_llm import semconv
from otel_llm.config.units import Size
from otel_llm.quality import CATALOGUE, Content, Evidence, Inspector, Thresholds
from otel_llm.semconv import own

from ..values import Value, as_integer

if TYPE_CHECKING:
    from ..data import Batch, SpanView

OUTPUT_LENGTH = "otel_llm.output.length"
_NAMES = (own.QUALITY_FLAGS, semconv.USAGE_OUTPUT_TOKENS, semconv.OUTPUT_TYPE)
_ANSWERING = frozenset({"chat", "generate_content", "text_completion"})


@dataclass(frozen=True, slots=True)
class QualityConfig:
    """Settings of the ``quality`` processor."""

    checks: tuple[str, ...] = tuple(CATALOGUE)
    """Names of the checks to run; all of them unless given."""
    off: tuple[str, ...] = ()
    """Names of checks to leave out."""
    thresholds: Thresholds = field(default_factory=Thresholds)
    """From where on a check fires."""
    max_scan: Size = 65_536
    """Content beyond this many bytes is not scanned for phrases and shapes."""
    output_length: bool = True
    """Whether to write ``otel_llm.output.length``; drift of the mean length needs it."""

    def __post_init__(self) -> None:
        for name in (*self.checks, *self.off):
            if name not in CATALOGUE:
                close = get_close_matches(name, CATALOGUE, n=1)
                hint = f"did you mean {close[0]!r}?" if close else f"known: {', '.join(CATALOGUE)}"
                raise ValueError(f"no check is called {name!r}; {hint}")


class QualityProcessor:
    """Flags calls of chat, generate_content and text_completion."""

    def __init__(self, config: QualityConfig | None = None) -> None:
        self._config = config = config or QualityConfig()
        chosen = [CATALOGUE[name] for name in CATALOGUE if name in config.checks]
        self._inspector = Inspector(
            [check for check in chosen if check.name not in config.off],
            max_scan_bytes=config.max_scan,
        )

    def process(self, batch: Batch) -> None:
        """Flag every answer in ``batch``."""
        for span in batch.genai():
            if span.text(semconv.OPERATION_NAME) in _ANSWERING:
                self._flag(span)

    def _flag(self, span: SpanView) -> None:
        flagged, tokens, kind = span.read_all(_NAMES)
        if flagged is not None:
            return
        seen = Evidence(
            span.texts(semconv.RESPONSE_FINISH_REASONS) or (),
            as_integer(tokens),
            kind if isinstance(kind, str) else None,
            _content(span, semconv.OUTPUT_MESSAGES),
            _content(span, semconv.INPUT_MESSAGES),
            self._config.thresholds,
        )
        flags = self._inspector.flags(seen)
        if flags is not None:
            span.set_all({own.QUALITY_FLAGS: flags} | self._length(seen))

    def _length(self, seen: Evidence) -> dict[str, Value]:
        if seen.output is None or not self._config.output_length:
            return {}
        return {OUTPUT_LENGTH: seen.output.length}


def _content(span: SpanView, name: str) -> Content | None:
    raw = span.raw(name)
    return Content(raw, partial(span.value, name)) if raw else None
