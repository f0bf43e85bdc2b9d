"""Who is to stop spending: what the collector says and an application asks.

Both wings read and write the same small JSON document, so that a loop can end before its next call:
``{"version": 1, "until": <Unix seconds>, "denied": [{"reason", "name", "labels", "filters"}]}``.
After ``until`` the document says nothing: a collector that is gone forbids nobody anything.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Literal

from .matching import matches


@dataclass(frozen=True, slots=True)
class Denial:
    """One reason to stop, and for whom."""

    reason: Literal["budget", "runaway"]
    name: str
    """The budget's, or the limit that a runaway is over."""
    labels: Mapping[str, str]
    """Dimension to value; an asker without that dimension has the empty one."""
    filters: Mapping[str, str] = field(default_factory=dict[str, str])
    """Dimension to pattern."""

    def covers(self, asker: Mapping[str, str]) -> bool:
        """Whether an asker with these values by dimension is meant."""
        same = all(asker.get(name, "") == value for name, value in self.labels.items())
        return same and matches(self.filters, asker)


def written(denials: Iterable[Denial], until: float) -> bytes:
    """Return the document."""
    denied = [asdict(denial) for denial in denials]
    return json.dumps({"version": 1, "until": until, "denied": denied}).encode()


def read(document: bytes) -> tuple[float, tuple[Denial, ...]]:
    """Return until when the document holds (Unix seconds), and what it denies.

    Raises ``ValueError`` for what is no such document.
    """
    try:
        given = json.loads(document)
        return float(given["until"]), tuple(Denial(**one) for one in given["denied"])
    except (TypeError, KeyError) as error:
        raise ValueError("no document of denials") from error
