"""The names of a span's attributes, and all that follows from them.

The spans of one library mostly carry the same names in the same order, so that which facts are
there, and where, is worked out once for many of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from operator import itemgetter
from typing import Any, TypeAlias, cast

from . import facts
from .facts import Facts
from .template import Template
from .values import as_text
from .wire import Attributes

_PREFIXES = ("gen_ai.", "llm.", "traceloop.", "openinference.", "langfuse.", "ai.operationId")
_OPERATION = "gen_ai.operation.name"
_KNOWN = 2048
_MOST_NAMES = 128
"""Bounds of what is remembered: names come from the outside."""

Values: TypeAlias = tuple[bytes, ...]
"""Encoded ``AnyValue``s in the order of a layout."""


class Layout:
    """The names of a span's attributes."""

    __slots__ = ("_lacks", "_others", "_place", "_repeated", "at", "is_genai", "is_whole", "names",
                 "read")  # fmt: skip

    def __init__(self, names: Sequence[str | bytes]) -> None:
        readable = [name for name in names if isinstance(name, str)]
        self.is_whole = len(readable) == len(names)
        """Whether every name is text. What is under another cannot be asked for."""
        self.names = tuple(map(as_text, names))
        self.at = {name: place for place, name in enumerate(readable)}
        """Name to place among the values."""
        self.read: Callable[[Attributes], Values] = _getter(readable)
        """Returns the values of attributes that have these names. Any that is missing is *added*
        to them."""
        self.is_genai = _OPERATION in self.at or any(n.startswith(_PREFIXES) for n in self.at)
        self._lacks: dict[Template, bool] = {}
        self._plan()

    def _plan(self) -> None:
        """Order the facts that are here by how they are read."""
        here = [(place, facts.reader(place)) for place in range(len(facts.NAMES))]
        here = [(place, read) for place, read in here if facts.NAMES[place] in self.at]
        readers = list(dict.fromkeys(read for _, read in here))
        groups = [(read, [p for p, r in here if r is read]) for read in readers]
        many = [(read, places) for read, places in groups if len(places) > 2]
        few = [(read, place) for read, places in groups if len(places) <= 2 for place in places]
        self._repeated = [(read, _getter([self._at(p) for p in places])) for read, places in many]
        self._others = [(read, self._at(place)) for read, place in few]
        order = [p for _, places in many for p in places] + [place for _, place in few]
        found = {place: nth for nth, place in enumerate(order)}
        self._place = _getter([found.get(place, -1) for place in range(len(facts.NAMES))])

    def _at(self, place: int) -> int:
        return self.at[facts.NAMES[place]]

    def facts(self, values: Values) -> Facts:
        """Return the facts that ``values`` tell."""
        found: list[Any] = []
        for read, pick in self._repeated:
            found += map(read, pick(values))
        found += [read(values[at]) for read, at in self._others]
        found.append(None)  # for all that is not there
        return list(self._place(found))

    def lacks(self, template: Template) -> bool:
        """Whether none of the names that ``template`` writes is here."""
        answer = self._lacks.get(template)
        if answer is None:
            if len(self._lacks) >= _KNOWN:
                self._lacks = {}
            answer = self._lacks[template] = template.names.isdisjoint(self.at)
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
        if len(names) <= _MOST_NAMES:
            if len(_known) >= _KNOWN:
                _known.clear()
            _known[names] = layout
    return layout


class Guesses:
    """What layout the spans of one scope probably have, by how many attributes they carry."""

    __slots__ = ("_latest",)

    def __init__(self) -> None:
        self._latest: dict[int, Layout | None] = {}

    def read(self, attributes: Attributes) -> tuple[Layout, Values] | None:
        """Return layout and values. ``None`` when a guess was wrong: ``attributes`` are spoilt by
        it and to be parsed anew. No guess is made any more for so many attributes."""
        size = len(attributes)
        guess = self._latest.get(size)
        if guess is not None:
            values = guess.read(attributes)
            if len(attributes) == size:  # nothing had to be added: all the names were there
                return guess, values
            self._latest[size] = None
            return None
        layout = layout_of(attributes)
        if size not in self._latest and size <= _MOST_NAMES and layout.is_whole:
            self._latest[size] = layout
        return layout, layout.read(attributes)


_guesses: dict[str | bytes, Guesses] = {}


def guesses_for(scope: str | bytes) -> Guesses:
    """Return the guesses for the instrumentation scope of this name."""
    found = _guesses.get(scope)
    if found is None:
        if len(_guesses) >= _KNOWN:
            _guesses.clear()
        found = _guesses[scope] = Guesses()
    return found
