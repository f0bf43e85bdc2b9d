"""``drop_content``: takes what was said off GenAI spans and events, and keeps the rest.

Messages, system instructions, tool definitions, arguments and results, documents and previews go,
under the names of the conventions and of every dialect that ``normalize`` knows; so do the messages
of exceptions, which may quote them. Tokens, costs, flags, models and ids stay. To keep content from
one destination alone, say ``drop_content: true`` in that exporter. Nothing goes on when it fails.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from ..component import Signal
from ..content import take_content
from ..data.items import each

if TYPE_CHECKING:
    from ..data.items import Opened


@dataclass(frozen=True, slots=True)
class DropContentConfig:
    """Settings of the ``drop_content`` processor."""

    keep: tuple[str, ...] = ()
    """Names of attributes that stay, such as ``gen_ai.tool.definitions``."""


class DropContentProcessor:
    """Takes content off GenAI spans and log records."""

    signals: ClassVar[frozenset[Signal]] = frozenset({"traces", "logs"})
    reads_dialects: ClassVar[bool] = True
    fails_closed: ClassVar[bool] = True

    def __init__(self, config: DropContentConfig | None = None) -> None:
        self._keep = frozenset((config or DropContentConfig()).keep)

    def process(self, batch: Opened) -> None:
        """Take the content off everything with GenAI names."""
        each(batch, lambda item: take_content(item, self._keep))
