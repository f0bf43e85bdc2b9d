"""What SIGHUP does: the file is read again, and a running collector goes on by it, or as before."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Protocol

from otel_llm.config import ConfigError
from otel_llm.store import StoreError

from .logs import log_to_stderr
from .settings import Settings

logger = logging.getLogger(__name__)


class Changing(Protocol):
    """What can go on with other settings."""

    def change(self, settings: Settings) -> None:
        """See ``Service.change``."""
        ...


def reload(service: Changing, read: Callable[[], Settings]) -> bool:
    """Read the settings again and let ``service`` go on by them; return whether it does.

    Mistakes in them, and settings that cannot be had, are logged, and everything stays as it was.
    """
    try:
        settings = read()
        service.change(settings)
    except ConfigError as error:
        for problem in error.problems:
            logger.error("the configuration stays as it was: %s", problem)
    except (OSError, ValueError, StoreError) as error:
        logger.error("the configuration stays as it was: %s", error)
    except Exception as error:  # noqa: BLE001 - whatever is wrong with a file, what runs goes on
        logger.error("the configuration stays as it was: %s", type(error).__name__)
    else:
        log_to_stderr(settings)
        logger.info("the configuration was read again")
        return True
    return False
