"""Columns as Arrow data, which DuckDB scans where it lies (the Arrow C data interface, by
nanoarrow).

Every column becomes its buffers in a few calls over all values; a Python call for each would cost
more than all the rest of writing. Raises ``ValueError``, ``OverflowError`` or ``TypeError`` for
what Arrow cannot hold; only counts above 63 bits are left for the engine to refuse.
"""

from __future__ import annotations

import math
import struct
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import accumulate, chain
from typing import Any, Final, cast

import nanoarrow  # type: ignore[reportMissingTypeStubs]  # has no types

from .columns import Columns, Values, paced
from .schema import COLUMNS

_arrow: Final = cast("Any", nanoarrow)
_array: Final = _arrow.c_array_from_buffers

_UNKNOWN: Final = _arrow.c_schema(_arrow.null())
_TEXT: Final = _arrow.c_schema(_arrow.string())
_COUNT: Final = _arrow.c_schema(_arrow.uint64())
_AMOUNT: Final = _arrow.c_schema(_arrow.float64())
_YES_OR_NO: Final = _arrow.c_schema(_arrow.bool_())
_TEXTS: Final = _arrow.c_schema(_arrow.list_(_arrow.string()))
_PAIRS: Final = _arrow.c_schema(_arrow.map_(_arrow.string(), _arrow.string()))
_PAIR: Final = _PAIRS.child(0)
_MAX_BYTES: Final = 2**31 - 1
"""Of one column of text, whose offsets have 31 bits."""


def table(columns: Columns, types: Mapping[str, str] | None = None) -> Any:
    """The columns as one struct, for a statement to read as often as it likes; ``types`` are those
    of the table, by default of ``calls``."""
    count = len(next(iter(columns.values())))
    made = dict(_made(columns, types or _TYPES, count))
    schema = _arrow.struct({name: column.schema for name, column in made.items()})
    return _array(schema, count, [None], children=made.values())


def _made(columns: Columns, types: Mapping[str, str], count: int) -> Iterator[tuple[str, Any]]:
    done: dict[int, Any] = {}
    for name, values in paced(columns.items(), count):
        if id(values) not in done:  # what several columns share is made once
            done[id(values)] = _column(types[name], values)
        yield name, done[id(values)]


def _column(of: str, values: Values) -> Any:
    alike = _alike(values)
    if alike and values[0] is None:
        return _array(_UNKNOWN, len(values), [])
    return _BUILDERS[of](values, alike)


def _alike(values: Values) -> bool:
    """Whether all are the same; most of what differs already does at its ends."""
    return values[0] == values[-1] and values.count(values[0]) == len(values)


def _text(values: Values, alike: bool = False) -> Any:
    if alike:
        return _repeated(values[0].encode(), len(values))
    validity, known = _validity(values, "")
    data = "".join(known)
    if data.isascii():
        return _variable(_TEXT, len(values), validity, known, data.encode())
    encoded = [value.encode() for value in known]
    return _variable(_TEXT, len(values), validity, encoded, b"".join(encoded))


def _repeated(value: bytes, count: int) -> Any:
    data = _bounded(value * count)
    return _array(_TEXT, count, [None, _steps(len(value), count), data])


def _counts(values: Values, alike: bool) -> Any:
    if alike:
        return _array(_COUNT, len(values), [None, array("Q", values[:1]) * len(values)])
    validity, known = _validity(values, 0)
    return _array(_COUNT, len(values), [validity, array("Q", known)])


def _amounts(values: Values, _: bool) -> Any:
    validity, known = _validity(values, 0.0)
    if not math.isfinite(sum(known)):
        raise ValueError("an amount that is not finite")
    return _array(_AMOUNT, len(values), [validity, struct.pack(f"{len(known)}d", *known)])


def _yes_or_no(values: Values, _: bool) -> Any:
    validity, known = _validity(values, False)
    return _array(_YES_OR_NO, len(values), [validity, _bits(known)])


def _text_lists(values: Values, alike: bool) -> Any:
    validity, known = _validity(values, ())
    elements = _text(_joined(known, alike))
    return _array(_TEXTS, len(values), [validity, _ends(known)], children=[elements])


def _text_maps(values: Values, alike: bool) -> Any:
    validity, known = _validity(values, {})
    keys = _text(_joined(known, alike))
    items = _text(_joined([pairs.values() for pairs in known], alike))
    pairs = _array(_PAIR, len(keys), [None], children=[keys, items])
    return _array(_PAIRS, len(values), [validity, _ends(known)], children=[pairs])


def _joined(lists: Sequence[Iterable[str]], alike: bool) -> Values:
    return list(lists[0]) * len(lists) if alike else list(chain.from_iterable(lists))


def _variable(schema: Any, count: int, validity: bytes | None, parts: Values, data: bytes) -> Any:
    return _array(schema, count, [validity, _ends(parts), _bounded(data)])


def _bounded(data: bytes) -> bytes:
    if len(data) > _MAX_BYTES:
        raise ValueError("too much text for one column")
    return data


def _ends(parts: Sequence[Any]) -> array[int] | memoryview:
    """Where each part begins, and the last one ends."""
    widths = list(map(len, parts))
    if widths and widths.count(widths[0]) == len(widths):
        return _steps(widths[0], len(widths))
    return array("I", list(accumulate(widths, initial=0)))


def _steps(width: int, count: int) -> memoryview:
    room = 1 << count.bit_length()
    return memoryview(_all_steps(width, room))[: count + 1]


@lru_cache(maxsize=32)
def _all_steps(width: int, room: int) -> array[int]:
    return array("I", range(0, width * room, width) if width else bytes(4 * room))


def _validity(values: Values, instead: Any) -> tuple[bytes | None, Values]:
    """Which values are known, one bit each, and the values with ``instead`` for the others."""
    if None not in values:
        return None, values
    known = [value is not None for value in values]
    return _bits(known), [instead if value is None else value for value in values]


def _bits(flags: Sequence[bool]) -> bytes:
    """One bit each, the first one lowest."""
    digits = bytes(flags).translate(_DIGITS)[::-1]
    return int(digits or b"0", 2).to_bytes((len(flags) + 7) // 8, "little")


_DIGITS: Final = bytes.maketrans(b"\0\1", b"01")
_TYPES: Final = {column.name: column.type.removesuffix(" NOT NULL") for column in COLUMNS}
_BUILDERS: Final[dict[str, Callable[[Values, bool], Any]]] = {
    "VARCHAR": _text,
    "BIGINT": _counts,
    "DOUBLE": _amounts,
    "BOOLEAN": _yes_or_no,
    "VARCHAR[]": _text_lists,
    "MAP(VARCHAR, VARCHAR)": _text_maps,
}
