"""The SDK set up as the environment says, and let go of in time wherever the process ends."""

from __future__ import annotations

import logging
import os
from typing import Any

from .defaults import withdraw
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
        try:
            with beside_greenlets():
                _sdk().configure(**_ids(), **kwargs)
                at_exit()
        except Exception as error:  # noqa: BLE001  a variable that it cannot take, or no threads
            _log.error("otel-llm: nothing is sent, for the SDK cannot be set up: %s", error)
            return
        finally:
            withdraw()
        begin_anew_in_children()
        if exit_timeout_s():
            termination = Termination(deliver)
            termination.take_hold()
            watch(deliver, termination)


def _sdk() -> Any:
    """Return the SDK's configurator, which starts threads as soon as it is imported."""
    # Distributions are asked to subclass this class, its underscore notwithstanding.
    from opentelemetry.sdk._configuration import _OTelSDKConfigurator as Base  # pyright: ignore[reportPrivateUsage]

    return type("Configurator", (Base,), {})()


def _ids() -> dict[str, Any]:
    """Return where ids come from, unless the operator says so."""
    from .ids import OwnIds

    said = os.environ.get("OTEL_PYTHON_ID_GENERATOR") or os.environ.get("OTEL_CONFIG_FILE")
    return {} if said else {"id_generator": OwnIds()}
