"""Alerts to a Slack channel by a bot: one message per group of alerts, kept up to date.

The first notification of a group is posted; later ones change that message (``chat.update``), so
that the channel shows how things are, and a resolve is also said in its thread, so that those who
follow it hear. Which message is whose is kept over restarts.
Needs the scope ``chat:write``.
"""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from otel_llm.config.units import Duration

from ..errors import Rejected, TryLater
from ..notification import Notification
from ..post import Poster, check_url
from ..slack_blocks import render

_REMEMBERED = 1000
"""The most messages that can still be changed."""
_TEMPORARY = frozenset(
    {"ratelimited", "rate_limited", "internal_error", "fatal_error", "service_unavailable"}
)
"""Errors of Slack's Web API that may pass."""
_GONE = frozenset({"message_not_found", "cant_update_message", "edit_window_closed"})


@dataclass(frozen=True, slots=True)
class SlackBotConfig:
    """A Slack app's bot and the channel it writes to."""

    token: str = field(repr=False)
    """The bot's token, ``xoxb-…``."""
    channel: str
    """The channel's id, such as ``C0123456789``."""
    url: str = "https://slack.com/api"
    """Slack's Web API."""
    timeout: Duration = 10.0
    """How long one attempt may take."""
    min_interval: Duration = 1.0
    """The least time between two messages; Slack allows one a second per channel."""

    def __post_init__(self) -> None:
        check_url(self.url)


class SlackBotNotifier:
    """Posts, updates and threads messages of one bot in one channel."""

    def __init__(self, config: SlackBotConfig) -> None:
        self._config = config
        base = config.url.rstrip("/")
        self._posting = Poster(f"{base}/chat.postMessage", timeout_s=config.timeout)
        self._updating = Poster(f"{base}/chat.update", timeout_s=config.timeout)
        self._sent: OrderedDict[str, tuple[str, str]] = OrderedDict()
        """By group: the message's channel and timestamp."""
        self._changed: set[str] = set()
        self._lock = threading.Lock()

    def send(self, notification: Notification) -> None:
        """Deliver once. Raises ``TryLater`` or ``Rejected`` by Slack's own error."""
        message = render(notification)
        sent = None if notification.event == "report" else self._sent.get(notification.group)
        if sent is None or not self._update(sent, message):
            sent = self._post(message)
        elif notification.event == "resolved":
            self._call(
                self._posting,
                {"channel": sent[0], "thread_ts": sent[1], "text": message["text"]},
            )
        self._remember(notification, sent)

    def _update(self, sent: tuple[str, str], message: dict[str, Any]) -> bool:
        """Change a message; return whether it is still there."""
        channel, at = sent
        try:
            self._call(self._updating, {**message, "channel": channel, "ts": at})
        except _Gone:
            return False
        return True

    def _post(self, message: dict[str, Any]) -> tuple[str, str]:
        answer = self._call(self._posting, {**message, "channel": self._config.channel})
        return str(answer.get("channel", self._config.channel)), str(answer.get("ts", ""))

    def _remember(self, notification: Notification, sent: tuple[str, str]) -> None:
        if notification.event in ("resolved", "report"):  # the next is another message
            self._forget(notification.group)
            return
        with self._lock:
            self._sent[notification.group] = sent
            self._sent.move_to_end(notification.group)
            self._changed.add(notification.group)
        while len(self._sent) > _REMEMBERED:
            self._forget(next(iter(self._sent)))

    def _forget(self, group: str) -> None:
        with self._lock:
            if self._sent.pop(group, None):
                self._changed.add(group)

    def export(self) -> dict[str, Any]:
        """Return the messages that changed since the last call, by group."""
        with self._lock:
            groups, self._changed = self._changed, set()
            return {group: self._sent.get(group) for group in groups}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up what ``export`` gave."""
        with self._lock:
            self._sent.update({group: (given[0], given[1]) for group, given in state.items()})

    def _call(self, poster: Poster, message: dict[str, Any]) -> dict[str, Any]:
        body = json.dumps(message, ensure_ascii=False).encode()
        answer = poster.post(body, {"Authorization": f"Bearer {self._config.token}"})
        try:
            told: dict[str, Any] = json.loads(answer)
        except ValueError:
            raise TryLater("answered without JSON") from None
        if told.get("ok") is True:
            return told
        raise _error(str(told.get("error", "unknown"))[:100])

    def close(self) -> None:
        """Release the connections."""
        self._posting.close()
        self._updating.close()


class _Gone(Rejected):
    """The message to change is not there any more."""


def _error(name: str) -> TryLater | Rejected:
    if name in _TEMPORARY:
        return TryLater(name)
    return _Gone(name) if name in _GONE else Rejected(name)
