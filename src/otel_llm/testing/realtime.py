"""OpenAI's Realtime over a websocket on 127.0.0.1; needs the ``websockets`` package.

What a client sends is kept. Whatever asks for a response gets the next queued events, else a text
that is said word by word; a test may also say something of its own accord.
"""

from __future__ import annotations

import json
import socket
from collections import deque
from collections.abc import Iterable, Mapping
from contextlib import suppress
from queue import Queue
from threading import Event, Lock, Thread
from types import TracebackType
from typing import Any, Self

from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection, serve

from .echo import TEXT, words
from .provider import CUT

Body = dict[str, Any]
MODEL = "gpt-realtime"


def usage(**fields: Any) -> Body:
    """Return usage of a response that was heard and spoken."""
    return {
        "total_tokens": 48,
        "input_tokens": 30,
        "output_tokens": 18,
        "input_token_details": {
            "text_tokens": 10,
            "audio_tokens": 20,
            "image_tokens": 0,
            "cached_tokens": 12,
            "cached_tokens_details": {"text_tokens": 4, "audio_tokens": 8, "image_tokens": 0},
        },
        "output_token_details": {"text_tokens": 6, "audio_tokens": 12},
        **fields,
    }


def text_part(said: str = TEXT) -> Body:
    """Return what was written."""
    return {"type": "output_text", "text": said}


def audio_part(said: str = TEXT) -> Body:
    """Return what was spoken, as an answer has it: its words alone."""
    return {"type": "output_audio", "transcript": said}


def message(*content: Body) -> Body:
    """Return an item that was said by the model."""
    said = list(content) or [text_part()]
    head = {"id": "item_1", "object": "realtime.item", "type": "message", "status": "completed"}
    return {**head, "role": "assistant", "content": said}


def call(name: str = "add", arguments: str = '{"a": 2}') -> Body:
    """Return an item that calls a tool."""
    head = {"id": "item_2", "object": "realtime.item", "type": "function_call"}
    return {
        **head,
        "status": "completed",
        "name": name,
        "call_id": "call_1",
        "arguments": arguments,
    }


def response(*output: Body, id: str = "resp_1", status: str = "completed", **fields: Any) -> Body:
    """Return a response that is done; without output it writes ``TEXT``."""
    return {
        "object": "realtime.response",
        "id": id,
        "status": status,
        "status_details": None,
        "conversation_id": "conv_1",
        "output": list(output) or [message()],
        "output_modalities": ["text"],
        "max_output_tokens": "inf",
        "usage": usage(),
        **fields,
    }


def created(answer: Body) -> Body:
    """Return the event that begins ``answer``."""
    begun: Body = {**answer, "status": "in_progress", "output": [], "usage": None}
    return {"type": "response.created", "event_id": "ev_1", "response": begun}


def done(answer: Body) -> Body:
    """Return the event that ends ``answer``."""
    return {"type": "response.done", "event_id": "ev_9", "response": answer}


def said(answer: Body, kind: str = "output_text", text: str = TEXT) -> list[Body]:
    """Return the events that say ``text`` in ``answer``, word by word."""
    place = {"event_id": "ev_2", "response_id": answer["id"], "item_id": "item_1"}
    place |= {"output_index": 0, "content_index": 0}
    return [{"type": f"response.{kind}.delta", **place, "delta": word} for word in words(text)]


def events(answer: Body | None = None, kind: str = "output_text") -> list[Any]:
    """Return everything that is sent for ``answer``."""
    whole = answer or response()
    return [created(whole), *said(whole, kind), done(whole)]


def error(code: str | None = None, **fields: Any) -> Body:
    """Return the event of something that was refused; ``fields``: ``event_id``, ``param``."""
    about = {"type": "invalid_request_error", "code": code, "message": "No: sk-secret.", **fields}
    return {"type": "error", "event_id": "ev_0", "error": {"param": None, "event_id": None} | about}


def session(**fields: Any) -> Body:
    """Return a session as the provider describes it."""
    return {"type": "realtime", "object": "realtime.session", "id": "sess_1", **fields}


class FakeRealtime:
    """A websocket server. Its threads end with the ``with`` block.

    An ``Event`` among queued events holds them until it is set, for half a minute at the latest;
    ``CUT`` drops the connection, a number closes it with that code.
    """

    def __init__(self, **session: Any) -> None:
        self.received: list[Body] = []
        self.paths: list[str] = []
        self._session = session
        self._queue: deque[Iterable[Any]] = deque()
        self._open: dict[ServerConnection, Queue[Iterable[Any] | None]] = {}
        self._lock = Lock()
        self._server = serve(self._talk, "127.0.0.1", 0)
        self._thread = Thread(target=self._server.serve_forever, name="fake-realtime", daemon=True)

    @property
    def port(self) -> int:
        """The port it listens on."""
        return self._server.socket.getsockname()[1]

    @property
    def url(self) -> str:
        """``http://127.0.0.1:port``, without a path, as an HTTP client wants it."""
        return f"http://127.0.0.1:{self.port}"

    def queue(self, *answers: Iterable[Any]) -> None:
        """Give these events to those who next ask for a response."""
        self._queue.extend(answers)

    def say(self, *told: Any) -> None:
        """Send events to everybody, unasked."""
        with self._lock:
            for outgoing in self._open.values():
                outgoing.put(told)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        with self._lock:
            connections = list(self._open)
        for connection in connections:
            connection.close()
        self._server.shutdown()
        self._thread.join()

    def _talk(self, connection: ServerConnection) -> None:
        outgoing: Queue[Iterable[Any] | None] = Queue()
        outgoing.put([{"type": "session.created", "session": session(**self._session)}])
        with self._lock:
            self._open[connection] = outgoing
            self.paths.append(connection.request.path if connection.request else "")
        sender = Thread(target=self._send, args=(connection, outgoing), daemon=True)
        sender.start()
        try:
            for message in connection:
                self._take(json.loads(message), outgoing)
        except ConnectionClosed:
            pass
        finally:
            with self._lock:
                del self._open[connection]
            outgoing.put(None)
            sender.join(30)

    def _take(self, event: Body, outgoing: Queue[Iterable[Any] | None]) -> None:
        self.received.append(event)
        if event["type"] == "response.create":
            outgoing.put(self._queue.popleft() if self._queue else events())

    def _send(self, connection: ServerConnection, outgoing: Queue[Iterable[Any] | None]) -> None:
        with suppress(ConnectionClosed):
            while (told := outgoing.get()) is not None:
                for step in told:
                    _do(connection, step)


def _do(connection: ServerConnection, step: Any) -> None:
    if isinstance(step, Mapping):
        connection.send(json.dumps(step))
    elif isinstance(step, Event):
        step.wait(30)
    elif step is CUT:
        with suppress(OSError):  # the client was faster
            connection.socket.shutdown(socket.SHUT_RDWR)
    else:
        connection.close(step)
