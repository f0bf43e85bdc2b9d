"""What a span says in other words than the conventions, worked out once for all spans with the same
names."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING, Final, NamedTuple

from otel_llm import semconv

from .shape import TYPED
from .table import ANSWERS, DIALECTS, ENTITIES, NUMBERED, OPERATIONS, RENAMES, Rename, dialect_scope

if TYPE_CHECKING:
    from ..data import SpanView
    from ..data.layout import Layout

_KNOWN: Final = 1024
_LONGEST_SCOPE: Final = 100
"""Bounds of what is remembered: names come from the outside."""


class Plan(NamedTuple):
    """What there is to do."""

    foreign: bool
    """Whether anything is said in other words at all."""
    markers: tuple[str, ...]
    """Attributes that tell the operation."""
    lists: tuple[tuple[str, tuple[str, ...]], ...]
    """Prefix of each list that is spread over numbered names, and those names."""
    renames: tuple[tuple[str, Rename], ...]
    """In the order of the table: of two old names for one new, the better one stands first."""
    answer: bool
    """Whether parts of the answer came under separate names."""
    entity: bool
    """Whether what goes in and out of an agent, a tool or a chain, or its name, is said."""
    top_k: bool
    """Whether there is one, which may be no whole number."""
    unfinished: bool
    """Whether how the answer ended may be in the messages alone."""
    scope: str | None
    """The scope, where it is one of a dialect (see ``table.dialect_scope``)."""
    said: tuple[str, ...]
    """Messages under their current names, which may have another shape."""
    typed: tuple[str, ...]
    """What is no text, unless its sender writes all as text."""

    @property
    def settled(self) -> bool:
        """Whether only values and events can still be other than they should."""
        return not (self.foreign or self.top_k or self.unfinished or self.said)


class Plans:
    """Plans by names and scope. Thread-safe: at worst one is made twice."""

    def __init__(self, as_sent: Collection[str] = ()) -> None:
        """Names in ``as_sent`` stay as they are."""
        self._as_sent = frozenset(as_sent)
        self._plans: dict[tuple[Layout, str | None], Plan] = {}

    def of(self, span: SpanView) -> Plan:
        """Return what there is to do with ``span``."""
        scope = span.scope_name or ""
        key = span.layout, dialect_scope(scope) if len(scope) <= _LONGEST_SCOPE else None
        plan = self._plans.get(key)
        if plan is None:
            if len(self._plans) >= _KNOWN:
                self._plans = {}
            plan = self._made(key[0].at.keys() - self._as_sent, key[1])
            if key[0].is_small:
                self._plans[key] = plan
        return plan

    def _made(self, names: Collection[str], scope: str | None) -> Plan:
        markers = tuple(marker for marker in OPERATIONS if marker in names)
        lists = tuple(_lists(names))
        meant: dict[str, Rename] = {}  # what a name means in one dialect goes before the rest
        for dialect in DIALECTS:
            if dialect.marker in names or scope in dialect.scopes:
                meant |= dialect.own
        meant |= {old: rename for old, rename in RENAMES.items() if old not in meant}
        renames = tuple((old, rename) for old, rename in meant.items() if old in names)
        answer, entity = (any(n in names for n in some) for some in (ANSWERS, ENTITIES))
        return Plan(
            bool(markers or lists or renames or answer or entity or scope),
            markers,
            lists,
            renames,
            answer,
            entity,
            semconv.REQUEST_TOP_K in names,
            semconv.OUTPUT_MESSAGES in names and semconv.RESPONSE_FINISH_REASONS not in names,
            scope,
            () if scope == "" else tuple(name for name in _SAID if name in names),
            tuple(name for name in names if name in TYPED),
        )


_SAID: Final = (semconv.SYSTEM_INSTRUCTIONS, semconv.INPUT_MESSAGES, semconv.OUTPUT_MESSAGES)


def _lists(names: Iterable[str]) -> Iterable[tuple[str, tuple[str, ...]]]:
    for prefix in NUMBERED:
        belonging = sorted(name for name in names if _belongs(name, prefix))
        if belonging:
            yield prefix, tuple(belonging)


def _belongs(name: str, prefix: str) -> bool:
    rest = name[len(prefix) + 1 :]
    return name.startswith(prefix + ".") and rest.partition(".")[0].isdigit()
