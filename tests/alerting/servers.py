"""Slack and PagerDuty as they document themselves, on loopback."""

from __future__ import annotations

import json
from typing import Any

from .world import Received, Target


class PagerDuty(Target):
    """Keeps incidents by dedup key, and refuses what the schema forbids."""

    def __init__(self) -> None:
        super().__init__()
        self.incidents: dict[str, str] = {}
        self.opened = 0

    def answer(self, request: Received) -> tuple[int, dict[str, str], bytes]:
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
