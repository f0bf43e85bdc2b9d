"""Slack and PagerDuty as they document themselves, on loopback."""

from __future__ import annotations

import json
import time
from collections import deque
from typing import Any

from .world import Received, Target


class PagerDuty(Target):
    """Keeps incidents by dedup key, refuses what the schema forbids and more than 120 events a
    minute."""

    def __init__(self) -> None:
        super().__init__()
        self.incidents: dict[str, str] = {}
        self.opened = 0
        self.complaints = 0
        self._times: deque[float] = deque(maxlen=120)

    def answer(self, request: Received) -> tuple[int, dict[str, str], bytes]:
        if len(self._times) == 120 and time.monotonic() - self._times[0] < 60:
            self.complaints += 1
            return 429, {}, b"{}"
        self._times.append(time.monotonic())
        event = json.loads(request.body)
        if request.path == "/v2/change/enqueue":
            return self._changed(event)
        if len(request.body) > 512_000 or not self._valid(event):
            return 400, {}, b'{"status":"invalid event"}'
        action, key = event["event_action"], event["dedup_key"]
        self.opened += action == "trigger" and self.incidents.get(key) in (None, "resolved")
        if action == "trigger" or key in self.incidents:
            states = {"trigger": "triggered", "acknowledge": "acknowledged", "resolve": "resolved"}
            self.incidents[key] = states[action]
        return 202, {}, json.dumps({"status": "success", "dedup_key": key}).encode()

    def _changed(self, event: dict) -> tuple[int, dict[str, str], bytes]:
        payload = event["payload"]
        known = len(event["routing_key"]) == 32 and "event_action" not in event
        valid = known and 0 < len(payload["summary"]) <= 1024 and bool(payload["timestamp"])
        return (202, {}, b'{"status":"success"}') if valid else (400, {}, b"{}")

    def _valid(self, event: dict) -> bool:
        known = len(event["routing_key"]) == 32 and len(event["dedup_key"]) <= 255
        if event["event_action"] != "trigger":
            return known
        payload = event["payload"]
        severe = payload["severity"] in ("critical", "error", "warning", "info")
        return known and severe and len(payload["summary"]) <= 1024 and bool(payload["source"])


class Channel(Target):
    """Posts and updates messages for whoever has the token."""

    def __init__(self) -> None:
        super().__init__()
        self.messages: dict[str, str] = {}
        self.threads: list[tuple[str, str]] = []

    def answer(self, request: Received) -> tuple[int, dict[str, str], bytes]:
        given = json.loads(request.body)
        return 200, {}, json.dumps(self.act(request, given)).encode()

    def act(self, request: Received, given: dict[str, Any]) -> dict[str, Any]:
        if request.headers["Authorization"] != "Bearer xoxb-1":
            return {"ok": False, "error": "invalid_auth"}
        if problem := problem_of(given) if "thread_ts" not in given else "":
            return {"ok": False, "error": problem}
        if given["channel"] not in ("C1", "general"):
            return {"ok": False, "error": "channel_not_found"}
        if "thread_ts" in given:
            self.threads.append((given["thread_ts"], given["text"]))
            return {"ok": True, "channel": "C1", "ts": "9.9"}
        at = given.get("ts") or f"{len(self.messages)}.0"
        if request.path == "/api/chat.update" and at not in self.messages:
            return {"ok": False, "error": "message_not_found"}
        self.messages[at] = given["text"]
        return {"ok": True, "channel": "C1", "ts": at}


class Slack(Target):
    """An incoming webhook: one message a second, blocks within their limits, ``ok``."""

    def __init__(self) -> None:
        super().__init__()
        self.last = 0.0
        self.complaints = 0

    def answer(self, request: Received) -> tuple[int, dict[str, str], bytes]:
        now = time.monotonic()
        if now - self.last < 0.95:
            self.complaints += 1
            return 429, {"Retry-After": "1"}, b"rate_limited"
        self.last = now
        problem = problem_of(json.loads(request.body))
        return (400, {}, problem.encode()) if problem else (200, {}, b"ok")


def problem_of(message: dict[str, Any]) -> str:
    """What Slack says of a message beyond its limits (those of ``slack_sdk``)."""
    blocks = message.get("blocks", [])
    if not message.get("text"):
        return "no_text"
    header = [b["text"]["text"] for b in blocks if b["type"] == "header"]
    sections = [b["text"]["text"] for b in blocks if b["type"] == "section"]
    fits = all(len(t) <= 150 for t in header) and all(0 < len(t) <= 3000 for t in sections)
    return "" if fits and len(blocks) <= 50 else "invalid_blocks"
