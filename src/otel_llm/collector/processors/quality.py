"""``quality``: flags answers that look wrong: refused, hedging, cut off, empty, looping, leaking.

Looks at finish reasons and output tokens, and at messages where they were captured, and writes
``otel_llm.quality.flags``: the names of the checks that fired. An empty list says that every check
that could look was silent; without the attribute none could. Leaves a span alone that has flags
already: they may be from the application's own process, which saw the content. Also writes the
length of the answer in characters (``otel_llm.output.length``) where there is one, and its
``otel_llm.quality.score`` from 0 to 1 (see ``quality.scores``) with its parts
(``otel_llm.quality.relevance``, ``coherence``, ``completeness``, ``safety``, ``format``) and
``otel_llm.quality.sentiment``, its tone from -1 to 1, for so many answers a second.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Final, cast

from otel_llm import semconv
from otel_llm.config.units import Size
from otel_llm.quality import CATALOGUE, Content, Evidence, Inspector, Thresholds
from otel_llm.quality.language import LANGUAGE_MISMATCH
from otel_llm.quality.scores import Weights, score
from otel_llm.quality.sentiment import sentiment
from otel_llm.semconv import own

from ..component import to_each
from ..data.facts import ERROR_TYPE, FINISH_REASONS, FLAGS, OPERATION, OUTPUT_TYPE, USAGE, Facts
from ..data.template import Template
from ..schemas import SchemaConfig, Schemas

if TYPE_CHECKING:
    from ..data import Batch, SpanView

_UNSEEN: Final = object()
_MOST_UNSEEN = 1024
_SECONDS = 300
"""How many seconds are counted at a time."""
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
    max_output: Size = 65_536
    """Of a longer answer, only so many bytes from its start are looked at."""
    max_input: Size = 16_384
    """Of longer input, only so many bytes from its end are looked at: the newest messages."""
    scores_per_s: int = 100
    """Answers whose score and tone are told per second of their own time, at most: it takes some
    100 µs. 0: none."""
    score_weights: Weights = field(default_factory=Weights)
    """What each part counts in the score; of an answer of which a part cannot be told, the others
    count more."""
    languages_per_s: int = 100
    """Answers whose language is told per second of their own time, at most: it takes five times as
    long as all other checks together. 0: none."""
    schemas: tuple[SchemaConfig, ...] = ()
    """JSON schemas that answers must fit, before those that captured requests ask for; the first
    that is for a call is taken."""
    schemas_per_s: int = 100
    """Answers that are held against a schema per second of their own time, at most: it takes from
    50 µs for a small one to 10 ms. 0: none."""
    output_length: bool = True
    """Whether to write ``otel_llm.output.length``; drift of the mean length needs it."""

    def __post_init__(self) -> None:
        for name in (*self.checks, *self.off):
            if name not in CATALOGUE:
                close = get_close_matches(name, CATALOGUE, n=1)
                hint = f"did you mean {close[0]!r}?" if close else f"known: {', '.join(CATALOGUE)}"
                raise ValueError(f"checks: no check is called {name!r}; {hint}")


class QualityProcessor:
    """Flags calls of chat, generate_content and text_completion."""

    def __init__(self, config: QualityConfig | None = None) -> None:
        self._config = config = config or QualityConfig()
        self._thorough = self._made_inspector(config.off)
        self._quick = self._made_inspector({*config.off, LANGUAGE_MISMATCH.name})
        self._schemas = Schemas(config.schemas)
        self._seen: dict[int, int] = {}
        self._unseen: dict[object, Template | None] = {}

    def _made_inspector(self, off: Collection[str]) -> Inspector:
        config = self._config
        return Inspector(
            [c for name, c in CATALOGUE.items() if name in config.checks and name not in off],
            max_output_bytes=config.max_output,
            max_input_bytes=config.max_input,
        )

    def process(self, batch: Batch) -> None:
        """Flag every answer in ``batch``."""
        to_each(batch.genai(), self._flag)

    def _flag(self, span: SpanView) -> None:
        facts = span.facts
        if facts[OPERATION] not in _ANSWERING or facts[FLAGS] is not None:
            return
        output = _answer(span, facts)
        input = _content(span, semconv.INPUT_MESSAGES)
        if output is input is None:
            self._flag_unseen(span, facts)
            return
        nth = self._nth_of(span.end_ns // 10**9)
        held = output if nth <= self._config.schemas_per_s else None
        seen = Evidence(
            facts[FINISH_REASONS] or (),
            facts[USAGE].output_tokens,
            facts[OUTPUT_TYPE],
            output,
            input,
            self._config.thresholds,
            self._schemas.of(span, facts, held.raw) if held else None,
        )
        quick = nth > self._config.languages_per_s
        flags = (self._quick if quick else self._thorough).flags(seen)
        if flags is not None:
            told = self._measures(nth, seen.output, seen) if seen.output else {}
            span.fill(_template(flags, tuple(told)), list(told.values()))

    def _flag_unseen(self, span: SpanView, facts: Facts) -> None:
        """Flag a call whose content was not captured: few things tell, and they come again."""
        tokens = facts[USAGE].output_tokens
        key = facts[FINISH_REASONS], tokens if tokens is None else tokens > 0
        template = self._unseen.get(key, _UNSEEN)
        if template is _UNSEEN:
            flags = self._quick.flags(Evidence(key[0] or (), tokens))
            template = None if flags is None else _template(flags, ())
            if len(self._unseen) >= _MOST_UNSEEN:
                self._unseen = {}
            self._unseen[key] = template
        if template is not None:
            span.fill(cast("Template", template))

    def _measures(self, nth: int, output: Content, seen: Evidence) -> dict[str, float]:
        """Return the answer's score, tone and length, as far as they are wanted and known."""
        wanted = nth <= self._config.scores_per_s
        told = _rated(seen, output, self._config.score_weights) if wanted else {}
        if self._config.output_length:
            told[own.OUTPUT_LENGTH] = output.length
        return {name: number for name, number in told.items() if number is not None}

    def _nth_of(self, second: int) -> int:
        """Count answers by the second in which they ended; a race of threads costs little.

        Senders are not in step, so the seconds of several are counted side by side.
        """
        count = self._seen.get(second, 0) + 1
        if count == 1 and len(self._seen) >= _SECONDS:
            self._seen = {}
        self._seen[second] = count
        return count


def _rated(seen: Evidence, output: Content, weights: Weights) -> dict[str, float | None]:
    """Rate an answer; a turn of an agent that calls a tool is none, nor is an unknown shape."""
    if not output.messages or any(message.tool_calls for message in output.messages):
        return {}
    question = seen.input.question if seen.input else None
    told = seen.finish_reasons, seen.output_type, seen.schema
    scores = score(output.opening, question, *told)
    return {
        own.QUALITY_SCORE: scores.mean(weights),
        own.QUALITY_RELEVANCE: scores.relevance,
        own.QUALITY_COHERENCE: scores.coherence,
        own.QUALITY_COMPLETENESS: scores.completeness,
        own.QUALITY_SAFETY: scores.safety,
        own.QUALITY_FORMAT: scores.format,
        own.QUALITY_SENTIMENT: sentiment(output.opening),
    }


@lru_cache(maxsize=4096)
def _template(flags: tuple[str, ...], numbers: tuple[str, ...]) -> Template:
    """``numbers``: the names of those that follow, the length last."""
    doubles = [name for name in numbers if name != own.OUTPUT_LENGTH]
    integers = [own.OUTPUT_LENGTH] * (own.OUTPUT_LENGTH in numbers)
    return Template(doubles, {own.QUALITY_FLAGS: flags}, integers=integers)


def _answer(span: SpanView, facts: Facts) -> Content | None:
    """Return what was answered: of a call that failed, nothing is no answer."""
    output = _content(span, semconv.OUTPUT_MESSAGES)
    if output is None or facts[ERROR_TYPE] is None:
        return output
    return output if output.opening else None


def _content(span: SpanView, name: str) -> Content | None:
    raw = span.raw(name)
    return Content(raw, partial(span.value, name)) if raw else None
