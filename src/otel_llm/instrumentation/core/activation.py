"""Make an operation's context current for exactly as long as the SDK runs."""

from __future__ import annotations

from typing import Any

from opentelemetry.context import attach, detach

activate = attach
"""Make a context current; hand the token to ``release``."""


def release(token: Any) -> None:
    """Put the previous context back.

    A coroutine that is thrown away while it waits is closed in whatever context the garbage
    collector runs in. The token means nothing there and the context it came from is gone, which
    is no error, whereas ``detach`` would log one.
    """
    try:
        token.var.reset(token)
    except ValueError:
        pass
    except AttributeError:  # a custom runtime context with tokens of its own
        detach(token)
