"""All windows that somebody asked for, filled from one stream of calls.

A call is counted once, into a small cell of what it has in common with others (its values of the
dimensions in use, and a short time). When windows are looked at, cells that are alike in the
dimensions of some of them are added up for all of these at once. So the price of a call hardly
depends on how many rules there are, and that of a rule without users not on how many users.
"""

from __future__ import annotations

import math
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from otel_llm.genai import Call

from .dimensions import check_dimensions, dimensions, label
from .ended import earliest_ns
from .matching import exactly, matches
from .tally import NANO, Tally, summed
from .window import OVERFLOW, Key, Packed, Window, step_for

_Cell = tuple[bool, int, Key]
"""Billed or not, step, values of every dimension in use."""


Take = Callable[[bool, float, Mapping[str, str], Tally], None]
"""Gets calls that have the same labels and ended within the same hour: whether they are model
calls, when (Unix seconds), the labels, and their sums, which it may read and not keep."""

_Names = tuple[str, ...]
_HOUR_S = 3600
_PACKED_S = 10
"""How often steps are packed, at most: it takes as long as a few calls, and so does unpacking."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Which calls, and how they are told apart.

    Agents, workflows and tools only repeat what the model calls below them say, so that a
    selection holds model calls alone, unless it names ``operation`` itself.
    """

    filters: Mapping[str, str] = field(default_factory=dict[str, str])
    """Dimension to pattern (see ``matching``)."""
    group_by: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_dimensions((*self.filters, *self.group_by))

    def __hash__(self) -> int:
        return hash((tuple(sorted(self.filters.items())), self.group_by))

    @property
    def dimensions(self) -> frozenset[str]:
        """Every dimension that is looked at."""
        return frozenset((*self.filters, *self.group_by))

    def key(self, labels: Mapping[str, str], *, billed: bool) -> Key | None:
        """Return the values to group by, or ``None`` for a call that is not meant."""
        if not billed and "operation" not in self.dimensions:
            return None
        if self.filters and not matches(self.filters, labels):
            return None
        return tuple(labels.get(name, "") for name in self.group_by)

    def labels(self, key: Key) -> dict[str, str]:
        """Return ``key`` as labels; unknown values are left out."""
        if key == (OVERFLOW,):
            return {OVERFLOW: "true"}
        return {name: value for name, value in zip(self.group_by, key, strict=True) if value}


_Places = tuple[Selection, Sequence[Window]]
"""A selection, and its windows of every length."""


class _Index:
    """Finds the windows that a label set may belong to, without asking each of them."""

    def __init__(self, places: Iterable[_Places]) -> None:
        self._general: list[_Places] = []
        self._exact: dict[str, dict[str, list[_Places]]] = {}
        for place in places:
            for among in self._among(place[0]):
                among.append(place)

    def _among(self, selection: Selection) -> list[list[_Places]]:
        """Return where to look for ``selection``: under the values of its first exact filter."""
        for name, written in selection.filters.items():
            values = exactly(written)
            if values is not None:
                by_value = self._exact.setdefault(name, {})
                return [by_value.setdefault(value, []) for value in dict.fromkeys(values)]
        return [self._general]

    def __call__(self, labels: Mapping[str, str]) -> Iterator[_Places]:
        """Yield every selection that may hold for ``labels``, with its windows."""
        yield from self._general
        for name, by_value in self._exact.items():
            yield from by_value.get(labels.get(name, ""), ())


class _View:
    """What is told apart by the same dimensions: windows, followers, and the cells for both."""

    def __init__(self, names: tuple[str, ...], wider: _View | None) -> None:
        """``wider`` tells apart by more; without one ``names`` are all."""
        self.names = names
        self.takes: list[Take] = []
        self.index = _Index(())
        self._wider = wider
        self._at = () if wider is None else tuple(map(wider.names.index, names))
        self.cells: Mapping[_Cell, Tally] = {}

    def see(self, cells: Mapping[_Cell, Tally]) -> None:
        """Take up ``cells`` of all dimensions, or what the wider view made of them."""
        self.cells = cells if self._wider is None else _joined(self._wider.cells, self._at)

    def share_out(self, step_s: int, now_s: float) -> None:
        """Let followers and windows have the cells, of steps of ``step_s``."""
        for (billed, step, values), tally in self.cells.items():
            labels = dict(zip(self.names, values, strict=True))
            at = min(step * step_s, now_s)
            for take in self.takes:
                take(billed, at, labels, tally)
            for selection, windows in self.index(labels):
                key = selection.key(labels, billed=billed)
                if key is not None:
                    for window in windows:
                        window.add(key, at, tally)


def _joined(cells: Mapping[_Cell, Tally], at: Sequence[int]) -> dict[_Cell, Tally]:
    """Add up cells that are alike in the values ``at`` these places."""
    alike: defaultdict[_Cell, list[Tally]] = defaultdict(list)
    for (billed, step, values), tally in cells.items():
        alike[billed, step, tuple([values[place] for place in at])].append(tally)
    return {cell: summed(tallies) for cell, tallies in alike.items()}


def _views(
    windows: Mapping[tuple[Selection, float], Window], followers: Iterable[tuple[_Names, Take]]
) -> list[_View]:
    """Return a view for every set of dimensions, each behind the narrowest that it is made of; the
    first tells apart by all."""
    taking = [(tuple(sorted(names)), take) for names, take in followers]
    by_names: defaultdict[_Names, dict[Selection, list[Window]]] = defaultdict(dict)
    for (selection, _), window in windows.items():
        places = by_names[tuple(sorted(selection.dimensions))]
        places.setdefault(selection, []).append(window)
    every = {*by_names, *(names for names, _ in taking)}
    views = [_View(tuple(sorted({name for names in every for name in names})), None)]
    for names in sorted(every - {views[0].names}, key=lambda names: (-len(names), names)):
        views.append(_View(names, next(v for v in reversed(views) if {*v.names} >= {*names})))
    for view in views:
        view.takes = [take for names, take in taking if names == view.names]
        view.index = _Index(by_names.get(view.names, {}).items())
    return views


class Windows:
    """The windows in use. Thread-safe: ``observe`` from any thread, the rest from one."""

    def __init__(self, *, max_series: int = 10_000) -> None:
        self._max_series = max_series
        self._lock = threading.Lock()
        """Of what is counted and not yet spread; taken after ``still``, never before."""
        self.still = threading.RLock()
        """Who holds it sees windows that no other thread changes."""
        self._windows: dict[tuple[Selection, float], Window] = {}
        self._followers: list[tuple[_Names, Take]] = []
        self._views = _views({}, ())
        self._read = dimensions(())
        self._now_s = -math.inf
        """When calls were observed last, or windows brought up to date."""
        self._step_s = 1
        self._steps: tuple[tuple[float, int], ...] = ()
        """By how long ago a call ended: the step of the windows that may still hold it."""
        self._packed_s = -math.inf
        """When steps were packed last."""
        self._cells: dict[_Cell, Tally] = {}
        self._labels: dict[tuple[str | None, ...], Key] = {}

    def open(self, selection: Selection, length_s: float) -> Window:
        """Return the window for ``selection``; it is shared by all who ask for the same."""
        with self.still, self._lock:
            found = self._windows.get((selection, length_s))
            if found is None:
                self._spread()
                found = Window(length_s, max_series=self._max_series)
                found.since = self._now_s
                self._windows[selection, length_s] = found
                self._plan()
            return found

    def follow(self, names: Iterable[str], take: Take) -> None:
        """Give ``take`` all calls too, told apart by the dimensions ``names``."""
        with self.still, self._lock:
            self._spread()
            self._followers.append((tuple(names), take))
            self._plan()

    def keep(self, wanted: Iterable[tuple[Selection, float]]) -> None:
        """Close every window that is not ``wanted`` any more."""
        keep = set(wanted)
        with self.still, self._lock:
            self._spread()
            self._windows = {key: w for key, w in self._windows.items() if key in keep}
            self._plan()

    def _plan(self) -> None:
        self._views = _views(self._windows, self._followers)
        self._read = dimensions(self._views[0].names)
        self._labels = {}
        steps = {length: min(step_for(length), _HOUR_S) for _, length in self._windows}
        self._step_s = min(steps.values(), default=1)
        self._steps = tuple((length + step_for(length), steps[length]) for length in sorted(steps))

    def observe(self, calls: Iterable[Call], now_s: float) -> None:
        """Count ``calls``. One that claims to end after ``now_s``, or does not know when, ended
        just now (see ``ended``)."""
        now_ns, step_ns = int(now_s * NANO), self._step_s * NANO
        first_ns = earliest_ns(now_ns)
        long_ago_ns = now_ns - int(self._steps[0][0] * NANO) if self._steps else 0
        with self._lock:
            self._now_s = now_s
            read, known, cells = self._read, self._labels, self._cells
            for call in calls:
                end_ns = call.end_ns
                if not first_ns < end_ns <= now_ns:
                    end_ns = now_ns
                values = read(call)
                values = known.get(values) or self._labelled(values)
                step = end_ns // step_ns
                if end_ns < long_ago_ns:
                    step -= step % self._coarse(now_ns - end_ns)
                cell = (call.billed, step, values)
                tally = cells.get(cell)
                if tally is None:
                    tally = cells[cell] = Tally()
                tally.add(call)
            full = len(cells) > 4 * self._max_series
        if full and self.still.acquire(blocking=False):  # else who holds it makes room, or the next
            try:
                self.spread()
            finally:
                self.still.release()

    def _coarse(self, age_ns: int) -> int:
        """In how many steps at a time calls that ended so long ago are counted: short windows have
        closed, and a start tells of days of them."""
        step_s = next((step for age, step in self._steps if age_ns <= age * NANO), _HOUR_S)
        return step_s // self._step_s

    def _labelled(self, values: tuple[str | None, ...]) -> Key:
        """Return ``values`` fit to be labels; those that were seen of late are remembered."""
        if len(self._labels) >= self._max_series:
            self._labels = {}
        labels = self._labels[values] = tuple(map(label, values))
        return labels

    def advance(self, now_s: float) -> None:
        """Bring every window up to ``now_s`` (Unix seconds)."""
        with self.still:
            self._now_s = now_s
            for window in self._windows.values():
                window.advance(now_s)
            self.spread(now_s)
            if not 0 <= now_s - self._packed_s < _PACKED_S:
                self._pack(now_s)

    def _pack(self, now_s: float) -> None:
        """Take what no calls come for to a fraction of the memory."""
        self._packed_s, packed = now_s, Packed()
        for window in self._windows.values():
            window.pack(packed)

    def spread(self, now_s: float = math.inf) -> None:
        """Let the windows have what was counted; others go on counting meanwhile."""
        with self.still:
            with self._lock:
                cells, self._cells = self._cells, {}
            self._share_out(cells, now_s)

    def _spread(self) -> None:
        """Do so before what is told apart changes, which nobody may count in between."""
        cells, self._cells = self._cells, {}
        self._share_out(cells, math.inf)

    def _share_out(self, cells: Mapping[_Cell, Tally], now_s: float) -> None:
        for view in self._views:
            view.see(cells)
            view.share_out(self._step_s, now_s)
        for view in self._views:
            view.cells = {}

    @property
    def late(self) -> int:
        """Calls that came after one of their windows had closed."""
        return max((window.late for window in self._windows.values()), default=0)

    @property
    def longest_s(self) -> float:
        """The longest window: so much history makes a fresh start complete."""
        return max((length for _, length in self._windows), default=0.0)
