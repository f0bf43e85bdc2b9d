"""``redact``: takes keys, tokens and personal data out of GenAI spans, events and metrics.

Looks into every text on them that is not known to be a word of the conventions: messages, system
instructions, tool arguments and results, retrieved documents, user ids, texts of older and foreign
dialects, the name, status message, events and links of a span, the body of an event, names of
attributes, and what sent them but for what names a service or a machine. Messages keep their shape.
Texts are also read as they look: escapes, addresses, base64, letters of full width or of other
scripts. What cannot be looked into is taken out, and nothing goes on when the processor itself
fails: not to a destination, and not to the journal or the dead letter either, which hold what the
processors made of the data. Put it after ``normalize``, and after ``quality`` if its checks are to
see what was said.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, cast

from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope

from otel_llm import semconv
from otel_llm.config.problem import suggestion
from otel_llm.semconv import own

from ..component import Signal
from ..data import Batch
from ..data.items import each
from ..data.records import Records
from ..data.remembered import remembered
from ..data.resources import edited
from ..redaction import Redactor
from ..redaction.redactor import GROUPS, KINDS

if TYPE_CHECKING:
    from ..data.items import Attributed, Item, Opened
    from ..data.records import Attributes

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
        semconv.TOOL_CALL_ID,
        semconv.TOOL_TYPE,
        semconv.ERROR_TYPE,
        semconv.SERVER_ADDRESS,
        own.DUPLICATE_OF,
        own.INPUT_HASH,
    }
)
_SAFE_PREFIXES = ("gen_ai.usage.", "otel_llm.cost.", "otel_llm.quality.")
"""Beginnings of the names of numbers and flags."""
_SAFE_OF_RESOURCES = ("service.", "host.", "k8s.", "container.", "cloud.", "telemetry.", "os.",
                      "deployment.", "faas.", "aws.", "azure.", "gcp.")  # fmt: skip
"""What names a service or a machine: numbers in it are nobody's."""
_NAMES_KNOWN, _LONGEST_NAME = 4096, 256
"""Bounds of what is remembered: names come from the outside."""
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
                hint = suggestion(kind, (*GROUPS, *KINDS))
                raise ValueError(f"kinds: nothing is called {kind!r}{hint}")
        if self.key and self.key_file:
            raise ValueError("give key or key_file, not both")
        _redactor(self, b"")


def _redactor(config: RedactConfig, key: bytes) -> Redactor:
    kinds = [kind for name in config.kinds for kind in GROUPS.get(name, [name])]
    return Redactor(kinds, config.patterns, config.allow, key or None)


class RedactProcessor:
    """Redacts in place. Raises ``OSError`` when the key file cannot be read."""

    signals: ClassVar[frozenset[Signal]] = frozenset({"traces", "metrics", "logs"})
    reads_dialects: ClassVar[bool] = True
    """Content under other dialects' names is content too."""
    fails_closed: ClassVar[bool] = True

    def __init__(self, config: RedactConfig | None = None) -> None:
        config = config or RedactConfig()
        key = config.key_file.read_bytes().strip() if config.key_file else config.key.encode()
        self._redactor = _redactor(config, key)
        self._named = remembered(self._of_name, _NAMES_KNOWN, _LONGEST_NAME)
        self._resource = remembered(self._of_resource)
        self._scope = remembered(self._of_scope)

    def process(self, batch: Opened) -> None:
        """Redact everything with GenAI names, and what it came from."""
        kept = self._kept if isinstance(batch, Records) else self._flat
        each(batch, lambda item: _redact(item, kept, self._named))
        if isinstance(batch, Batch) and batch.genai():
            batch.rewrite_resources(self._resource)
            batch.rewrite_scopes(self._scope)
        elif isinstance(batch, Records) and batch.genai():
            for sender in (*batch.resources(), *batch.scopes()):
                self._redact_resource(sender)

    def _of_resource(self, encoded: bytes) -> bytes:
        return edited(encoded, self._redact_resource, broken=b"")

    def _of_scope(self, encoded: bytes) -> bytes:
        return edited(encoded, self._redact_resource, broken=b"", kind=InstrumentationScope)

    def _redact_resource(self, resource: Attributes) -> None:
        """Change it only where something was found: most have nothing."""
        for name in list(resource.names()):
            if not name.startswith(_SAFE_OF_RESOURCES):
                _attribute(resource, name, self._named(name), self._kept)

    def _of_name(self, name: str) -> str:
        """Return what an attribute may be called."""
        return _closed(self._redactor.text, name)

    def _flat(self, value: Any) -> Any:
        """Return what may stay; a map, which no attribute of a span can hold, as JSON text."""
        kept = self._kept(value)
        return _writable(kept) if kept != value and not isinstance(kept, str) else kept

    def _kept(self, value: Any) -> Any:
        """Return what may stay of a value; the same when it all may."""
        if isinstance(value, str):
            return self._redactor.encoded(value)
        if isinstance(value, list | dict):
            given = cast("Any", value)
            kept = self._redactor.value(given)
            return given if kept == given else kept
        if isinstance(value, int | float):
            return self._redactor.value(value)
        return _FAILED if isinstance(value, bytes) else value


def _redact(item: Item, kept: Callable[[Any], Any], named: Callable[[str], str]) -> None:
    lost = item.lost()
    for name in list(item.names()):
        if name in lost:
            value = _writable(_closed(kept, item.value(name)))
            item.remove(name)
            item.set(named(name), value)
        elif name not in _SAFE and not _is_number(item, name):
            _attribute(item, name, named(name), kept)

    def beside(name: str, value: object) -> object | None:
        return _closed(kept, value) if named(name) == name else None

    item.rewrite_rest(beside)


def _is_number(item: Item, name: str) -> bool:
    return name.startswith(_SAFE_PREFIXES) and isinstance(item.value(name), int | float)


def _attribute(item: Attributed, name: str, called: str, kept: Callable[[Any], Any]) -> None:
    value = item.value(name)
    may_stay = _closed(kept, value)
    if called != name:
        item.remove(name)
        item.set(called, _writable(may_stay))
    elif may_stay != value:
        item.set(name, may_stay)


def _closed(kept: Callable[[Any], Any], value: Any) -> Any:
    try:
        return kept(value)
    except Exception:  # noqa: BLE001 - what was not looked into must not pass
        return _FAILED


def _writable(value: Any) -> Any:
    """Return what an attribute of a span can hold."""
    if value is None:
        return _FAILED
    if isinstance(value, str | bool | int | float):
        return value
    if isinstance(value, list):
        texts = [item for item in cast("list[object]", value) if isinstance(item, str)]
        if len(texts) == len(cast("list[object]", value)):
            return texts
    return json.dumps(value, ensure_ascii=False, default=str)
