"""Spans that bytes appended to them cannot change: attributes that go, and what is said beside."""

from __future__ import annotations

import re
from collections.abc import Callable, Set
from functools import lru_cache, partial
from typing import TypeAlias

from ..wire.any_values import any_value
from ..wire.slim import (
    EditedAttributes,
    EditedSpan,
    EventMessage,
    StatusMessage,
    parse_attributed,
    parse_edited_span,
    parse_key,
)
from ..wire.values import as_text, decode

_FEW, _SHORT = 8, 16 * 2**10
"""So many names, of so many letters together, are looked for in an attribute's bytes before its own
name is read."""
Change: TypeAlias = Callable[[str, object], object | None]
"""From a name and a value to what the value shall be; ``None`` takes it out."""


def rest_rewritten(encoded: bytes, change: Change) -> bytes | None:
    """Return a span with all that is said beside its attributes as ``change`` makes it (see
    ``SpanView.rewrite_rest``); ``None`` when that is what it is."""
    span = parse_edited_span(encoded)
    done = [_rewrite_all(part.attributes, change) for part in (*span.events, *span.links)]
    done += [_rewrite_text(event, "name", partial(change, "event.name")) for event in span.events]
    done.append(_rewrite_text(span.status, "message", partial(change, "status.message")))
    done.append(_rewrite_text(span, "name", partial(change, "name")))
    return span.SerializeToString() if any(done) else None


def _rewrite_all(pairs: EditedAttributes, change: Change) -> bool:
    done = False
    for nth in range(len(pairs) - 1, -1, -1):
        raw = pairs[nth].value
        value = _whole(raw)
        kept = change(as_text(pairs[nth].key), value)
        if kept is None and value is not None:
            del pairs[nth]
        elif kept != value or hides(value, raw):
            pairs[nth].value = any_value(kept).SerializeToString()
        else:
            continue
        done = True
    return done


def _rewrite_text(
    of: StatusMessage | EventMessage | EditedSpan, part: str, change: Callable[[object], object]
) -> bool:
    said = as_text(getattr(of, part))
    kept = change(said) if said else said
    if kept == said:
        return False
    setattr(of, part, str(kept or "").encode(errors="replace"))
    return True


def _whole(raw: bytes) -> object | None:
    """Return a value as Python; one that cannot be read as the bytes that it is."""
    value = decode(raw)
    if value is None:
        return raw or None
    return list(value) if isinstance(value, tuple) else value


def hides(value: object, raw: bytes) -> bool:
    """Whether ``raw`` says more than ``value``: a map with a key twice, or what cannot be read."""
    if value is None or isinstance(value, bytes):
        return bool(raw) and value is None
    return isinstance(value, list | dict) and any_value(value).ByteSize() != len(raw)


def without(encoded: bytes, names: Set[str]) -> bytes:
    """Return a span without the attributes of these names."""
    span = parse_attributed(encoded)
    few = len(names) <= _FEW and sum(map(len, names)) <= _SHORT
    mentions = _mentions(frozenset(names)) if few else bool
    kept = [
        pair for pair in span.attributes if not mentions(pair) or parse_key(pair).key not in names
    ]
    del span.attributes[:]
    span.attributes.extend(kept)
    return span.SerializeToString()


@lru_cache(maxsize=256)
def _mentions(names: frozenset[str]) -> Callable[[bytes], object]:
    """Return what tells quickly that bytes hold none of ``names``."""
    return re.compile(b"|".join([re.escape(name.encode()) for name in names])).search
