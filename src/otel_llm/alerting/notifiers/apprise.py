"""Alerts through Apprise, to the hundred-odd services that have no notifier of their own here.

Needs the extra ``notify``. A target is an Apprise URL (``matrix://…``, ``telegram://…``,
``ntfy://…``, see https://github.com/caronc/apprise/wiki); text goes out as plain text, and Apprise
escapes it for the target. It does not say why a target refused, so that every failure is tried
again; the guard against calls into the own network does not reach into it.
"""

from __future__ import annotations

import importlib
import importlib.util
import logging
import warnings
from dataclasses import dataclass, field
from typing import Any

from otel_llm.config.units import Duration

from ..errors import TryLater
from ..notification import Event, Notification, cut

_TITLE = 250
_SILENT = logging.CRITICAL + 1
_KINDS: dict[str, str] = {
    "critical": "failure",
    "error": "failure",
    "warning": "warning",
    "info": "info",
}


@dataclass(frozen=True, slots=True)
class AppriseConfig:
    """One or more Apprise URLs that all get everything."""

    urls: tuple[str, ...] = field(repr=False)
    """They hold secrets and are never logged."""
    min_interval: Duration = 1.0
    """The least time between two messages."""

    def __post_init__(self) -> None:
        if not self.urls:
            raise ValueError("urls needs at least one")
        if importlib.util.find_spec("apprise") is None:
            raise ValueError("needs Apprise: pip install 'otel-llm[notify]'")
        for number, url in enumerate(self.urls):
            if not _targets((url,)):
                raise ValueError(f"urls[{number}] is no URL that Apprise knows")


def _targets(urls: tuple[str, ...]) -> Any:
    """Return an ``apprise.Apprise`` of ``urls``, which looks for plugins nowhere."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # some of its plugins import what Python gives up
        apprise: Any = importlib.import_module("apprise")
        logging.getLogger("apprise").setLevel(_SILENT)  # it logs URLs, and these are secrets
        asset = apprise.AppriseAsset(app_id="otel-llm", async_mode=False, plugin_paths=[])
        targets: Any = apprise.Apprise(asset=asset)
        return targets if targets.add(list(urls)) else None


def kind(notification: Notification) -> str:
    """Return how Apprise calls the severity: ``failure``, ``warning``, ``info``, ``success``."""
    quiet: dict[Event, str] = {"resolved": "success", "report": "info"}
    return quiet.get(notification.event) or _KINDS[notification.severity]


class AppriseNotifier:
    """Sends every notification to all URLs."""

    def __init__(self, config: AppriseConfig) -> None:
        self._targets = _targets(config.urls)

    def send(self, notification: Notification) -> None:
        """Deliver once. Raises ``TryLater`` when any of the targets did not take it."""
        title, *lines = notification.text().splitlines()
        taken = self._targets.notify(
            title=cut(title, _TITLE),
            body="\n".join(lines) or title,
            notify_type=kind(notification),
            body_format="text",
            interpret_escapes=False,
        )
        if not taken:
            raise TryLater("Apprise could not deliver")

    def close(self) -> None:
        """Nothing is held open."""
