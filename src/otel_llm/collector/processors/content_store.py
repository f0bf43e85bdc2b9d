"""``content_store``: takes what was said off GenAI spans and events and keeps it, encrypted.

What goes is what ``drop_content`` takes; in its place, ``otel_llm.content.reference`` says under
which reference it is read: ``GET /v1/content/{reference}``, with a token of its own. Put it after
``quality`` and ``redact``. It is on the disk before the sender is answered; when it cannot be kept,
the sender is asked to come back. Of the documents that a retrieval found, ids and scores stay.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from otel_llm import semconv
from otel_llm.semconv import own
from otel_llm.store.content import ContentConfig, ContentStore, Taken

from ..component import Signal
from ..content import take_content
from ..data.documents import read_documents, written_documents
from ..data.items import each
from ..errors import Refused

if TYPE_CHECKING:
    from ..data.items import Item, Opened


logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ContentStoreConfig(ContentConfig):
    """Settings of the ``content_store`` processor."""

    keep: tuple[str, ...] = ()
    """Names of attributes that stay on the span."""


class ContentStoreProcessor:
    """Moves content from spans and log records to the store, which it owns."""

    signals: ClassVar[frozenset[Signal]] = frozenset({"traces", "logs"})
    reads_dialects: ClassVar[bool] = True
    fails_closed: ClassVar[bool] = True

    def __init__(self, config: ContentStoreConfig) -> None:
        self._keep = frozenset(config.keep)
        self.store = ContentStore(config)
        self._refused = False  # it took nothing when it was last asked

    @property
    def has_room(self) -> bool:
        """Whether anything would be taken. The store is asked, where it took nothing when it was
        last asked: nobody sends to a collector that says that it is not ready."""
        if self._refused and self.store.takes_data:
            self._refused = False
        return not self._refused

    def process(self, batch: Opened) -> None:
        """Move the content of the batch, all or none. Raises ``Refused`` when it has no place."""
        taken: list[tuple[Item, dict[str, object]]] = []
        each(batch, lambda item: taken.append((item, take_content(item, self._keep))))
        with_content = [(item, content) for item, content in taken if content]
        if not with_content:
            return
        try:
            references = self.store.put_all(
                [Taken(item.trace_id, item.span_id, content) for item, content in with_content]
            )
        except OSError as error:
            if not self._refused:
                logger.error("%s; senders are asked to come back", error)
            self._refused = True
            raise Refused("the content store has no room") from error
        self._refused = False
        for (item, content), reference in zip(with_content, references, strict=True):
            item.set(own.CONTENT_REFERENCE, reference)
            if found := read_documents(content.get(semconv.RETRIEVAL_DOCUMENTS)):
                item.set(semconv.RETRIEVAL_DOCUMENTS, written_documents(found))
