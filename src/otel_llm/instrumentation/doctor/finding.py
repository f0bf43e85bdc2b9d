"""What ``otel-llm doctor`` says of one thing that it looked at."""

from __future__ import annotations

import logging
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

State = Literal["ok", "warning", "error"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    subject: str
    """An SDK with its version, ``sdks``, ``sdk``, ``endpoint``, ``settings`` or ``content``."""
    state: State
    text: str
    fix: str | None = None
    """The line that puts it right."""
    details: tuple[str, ...] = field(default=())
    """One line per patch target."""


@contextmanager
def logged(name: str) -> Generator[list[str]]:
    """Collect what the logger ``name`` says in the block, even where logging is switched off."""
    said: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: said.append(record.getMessage())
    logger, off = logging.getLogger(name), logging.root.manager.disable
    logging.disable(logging.NOTSET)
    logger.addHandler(handler)
    propagated, logger.propagate = logger.propagate, False
    try:
        yield said
    finally:
        logger.propagate = propagated
        logger.removeHandler(handler)
        logging.disable(off)
