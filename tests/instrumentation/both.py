"""Use a sync and an async client in the same words."""

from __future__ import annotations

import inspect
from contextlib import asynccontextmanager


async def got(value):
    """Return a value, awaited if it has to be."""
    return await value if inspect.isawaitable(value) else value


async def read(stream):
    """Return everything a stream yields."""
    if hasattr(stream, "__aiter__"):
        return [chunk async for chunk in stream]
    return list(stream)


async def first(stream):
    """Return the next thing a stream yields."""
    return await anext(stream) if hasattr(stream, "__anext__") else next(stream)


@asynccontextmanager
async def opened(manager):
    """Enter a context manager, async or not."""
    if hasattr(manager, "__aenter__"):
        async with manager as inside:
            yield inside
    else:
        with manager as inside:
            yield inside
