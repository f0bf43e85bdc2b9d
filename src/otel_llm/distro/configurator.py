"""The SDK set up as the environment says, and let go of in time wherever the process ends."""

from __future__ import annotations

import logging
import os
from typing import Any

from .forking import begin_anew_in_children, beside_greenlets
from .hosts import watch
from .leaving import at_exit, deliver, exit_timeout_s
from .terminating import Termination

_log = logging.getLogger(__name__)


class Configurator:
    """Sets up the SDK as the environment says.

    Stands in for the SDK's own configurator so that this module is imported without the SDK.
    """

    def configure(self, **kwargs: Any) -> None:
        """Configure the providers of all signals; where the SDK refuses, says so and does not."""
        # The SDK asks distributions to subclass this class, its underscore notwithstanding.
        from opentelemetry.sdk import _configuration

        kind: Any = type("Configurator", (_configuration._OTelSDKConfigurator,), {})  # pyright: ignore[reportPrivateUsage]
        try:
            with beside_greenlets():
                kind().configure(**_ids(), **kwargs)
                at_exit()
        except Exception as error:  # noqa: BLE001  a variable of the operator's that it cannot take
            _log.error("otel-llm: nothing is sent, for the SDK cannot be set up: %s", error)
            return
        begin_anew_in_children()
        if exit_timeout_s():
            termination = Termination(deliver)
            termination.take_hold()
            watch(deliver, termination)


def _ids() -> dict[str, Any]:
    """Return where ids come from, unless the operator says so."""
    from .ids import OwnIds

    said = os.environ.get("OTEL_PYTHON_ID_GENERATOR") or os.environ.get("OTEL_CONFIG_FILE")
    return {} if said else {"id_generator": OwnIds()}
