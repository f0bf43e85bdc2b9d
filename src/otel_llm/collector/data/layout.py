"""The names of a span's attributes, and all that follows from them.

The spans of one library mostly carry the same names in the same order, so that which facts are
there, and where, is worked out once for many of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from operator import itemgetter
from typing import Any, TypeAlias, cast

from ..wire.slim import Attributes
from ..wire.values import as_text
from .facts import Plan
from .template import Template

GENAI_PREFIXES = ("gen_ai.", "llm.", "traceloop.", "openinference.", "langfuse.", "ai.operationId",
                  "mlflow.span", "genkit:")  # fmt: skip
"""How the names begin that make a span a GenAI span, in any dialect."""
_OPERATION = "gen_ai.operation.name"
_UNSEEN = object()
_KNOWN = 1024
_MOST_NAMES = 128
_MOST_TEXT = 16 * 2**10
"""Bounds of what is remembered: names come from the outside."""

Values: TypeAlias = tuple[bytes, ...]
"""Encoded ``AnyValue``s in the order of a layout."""


class Layout:
    """The names of a span's attributes."""

    __slots__ = ("_lacks", "at", "facts", "is_genai", "is_small", "is_whole", "names", "read")

    def __init__(self, names: Sequence[str | bytes]) -> None:
        readable = [name for name in names if isinstance(name, str)]
        self.is_whole = len(readable) == len(names)
        """Whether every name is text. What is under another cannot be asked for."""
        self.names = tuple(map(as_text, names))
        self.is_small = len(names) <= _MOST_NAMES and sum(map(len, names)) <= _MOST_TEXT
        """Whether it may be remembered."""
        self.at = {name: place for place, name in enumerate(readable)}
        """Name to place among the values."""
        self.read: Callable[[Attributes], Values] = _getter(readable)
        """Returns the values of attributes that have these names. Any that is missing is *added*
        to them."""
        self.is_genai = _OPERATION in self.at or any(n.startswith(GENAI_PREFIXES) for n in self.at)
        self._lacks: dict[Template, bool] = {}
        self.facts = Plan(self.at)
        """Returns the facts that values tell."""

    def lacks(self, template: Template) -> bool:
        """Whether nothing that ``template`` writes changes what is here."""
        answer = self._lacks.get(template)
        if answer is None:
            if len(self._lacks) >= _KNOWN:
                self._lacks = {}
            answer = not template.counts and template.names.isdisjoint(self.at)
            self._lacks[template] = answer
        return answer


def _getter(keys: Iterable[Any]) -> Callable[[Any], tuple[Any, ...]]:
    """Return what takes the values of ``keys`` out of anything; ``itemgetter`` returns a tuple only
    from two on."""
    wanted = tuple(keys)
    if len(wanted) > 1:
        return cast("Callable[[Any], tuple[Any, ...]]", itemgetter(*wanted))
    return lambda given: tuple([given[key] for key in wanted])


_known: dict[tuple[str | bytes, ...], Layout] = {}


def layout_of(attributes: Attributes) -> Layout:
    """Return the layout of ``attributes``."""
    names = tuple(attributes)
    layout = _known.get(names)
    if layout is None:
        layout = Layout(names)
        if layout.is_small:
            if len(_known) >= _KNOWN:
                _known.clear()
            _known[names] = layout
    return layout


_guesses: dict[tuple[str, int], Layout | None] = {}
"""By scope and number of attributes: the layout that a span probably has. ``None``: it differs."""


def read(scope: str, attributes: Attributes) -> tuple[Layout, Values] | None:
    """Return layout and values of a span's attributes.

    ``None`` when a guess was wrong: ``attributes`` are spoilt by it and to be parsed anew. For so
    many attributes of this scope no guess is made any more.
    """
    size = len(attributes)
    guess = _guesses.get((scope, size), _UNSEEN)
    if isinstance(guess, Layout):
        values = guess.read(attributes)
        if len(attributes) == size:  # nothing had to be added: all the names were there
            return guess, values
        _guesses[scope, size] = None
        return None
    layout = layout_of(attributes)
    if guess is _UNSEEN and layout.is_small and layout.is_whole and len(scope) <= _MOST_TEXT:
        if len(_guesses) >= _KNOWN:
            _guesses.clear()
        _guesses[scope, size] = layout
    return layout, layout.read(attributes)
