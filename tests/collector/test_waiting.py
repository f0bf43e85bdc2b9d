"""A request that waits for the disk holds up no other, and is answered when it is there."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from http.client import HTTPConnection

import grpc
import pytest

from otel_llm.collector.errors import Refused
from otel_llm.collector.intake.config import GrpcConfig, HttpConfig, OtlpConfig, ProtocolsConfig
from otel_llm.collector.journal import Journal, JournalConfig
from otel_llm.collector.journal.segments import HEAD as RECORD_HEAD
from otel_llm.collector.protocol import METHODS
from otel_llm.collector.receivers.otlp import OtlpReceiver
from tests.collector.otlp_faults import traces
from tests.collector.receiving import LOCAL

PATIENCE_S = 60
SLOW = traces(1)
HEAD = b"POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-protobuf\r\n"


class Disk:
    """Takes ``SLOW`` when told, everything else at once."""

    def __init__(self) -> None:
        self.kept = Future[None]()
        self.reached = threading.Event()

    def __call__(self, signal: str, payload: bytes, _: object) -> Future[None] | None:
        if payload != SLOW:
            return None
        self.reached.set()
        return self.kept


@contextmanager
def receiving(consume: Callable[..., object]) -> Iterator[OtlpReceiver]:
    config = OtlpConfig(ProtocolsConfig(GrpcConfig(LOCAL), HttpConfig(LOCAL)))
    receiver = OtlpReceiver(config)
    receiver.start(consume)  # type: ignore[arg-type]
    try:
        yield receiver
    finally:
        receiver.stop(PATIENCE_S)


def over_grpc(receiver: OtlpReceiver, payload: bytes) -> str:
    with grpc.insecure_channel(f"127.0.0.1:{receiver.grpc_port}") as channel:
        try:
            channel.unary_unary(METHODS["traces"])(payload, timeout=PATIENCE_S)
        except grpc.RpcError as error:
            return error.code().name
    return "OK"


def over_http(receiver: OtlpReceiver, payload: bytes) -> str:
    connection = HTTPConnection("127.0.0.1", receiver.http_port or 0, timeout=PATIENCE_S)
    try:
        connection.request(
            "POST", "/v1/traces", payload, {"content-type": "application/x-protobuf"}
        )
        return {200: "OK", 503: "UNAVAILABLE"}[connection.getresponse().status]
    finally:
        connection.close()


@pytest.mark.parametrize("send", [over_grpc, over_http])
@pytest.mark.parametrize("outcome", ["OK", "UNAVAILABLE"])
def test_others_are_answered_meanwhile(send, outcome):
    disk = Disk()
    answers: list[str] = []
    with receiving(disk) as receiver:
        waiting = threading.Thread(target=lambda: answers.append(send(receiver, SLOW)))
        waiting.start()
        assert disk.reached.wait(PATIENCE_S)

        others = [other(receiver, traces(n)) for n in (2, 3) for other in (over_grpc, over_http)]
        assert (others, answers) == (["OK"] * 4, [])
        if outcome == "OK":
            disk.kept.set_result(None)
        else:
            disk.kept.set_exception(Refused("the disk is full"))
        waiting.join(PATIENCE_S)

        assert answers == [outcome]


def test_answers_on_one_connection_stay_in_order():
    disk = Disk()
    sent = [SLOW, traces(2), b"garbage", traces(3)]
    with (
        receiving(disk) as receiver,
        socket.create_connection(("127.0.0.1", receiver.http_port), PATIENCE_S) as sender,
    ):
        sender.sendall(b"".join(HEAD + b"Content-Length: %d\r\n\r\n" % len(b) + b for b in sent))
        assert disk.reached.wait(PATIENCE_S)
        sender.shutdown(socket.SHUT_WR)
        disk.kept.set_result(None)

        came = b"".join(iter(lambda: sender.recv(65536), b""))

    assert re.findall(rb"HTTP/1.1 (\d+)", came) == [b"200", b"200", b"400", b"200"]


def test_a_sender_that_goes_away_while_waiting_harms_nobody():
    disk = Disk()
    with receiving(disk) as receiver:
        with socket.create_connection(("127.0.0.1", receiver.http_port), PATIENCE_S) as sender:
            sender.sendall(HEAD + b"Content-Length: %d\r\n\r\n" % len(SLOW) + SLOW)
            assert disk.reached.wait(PATIENCE_S)
        with grpc.insecure_channel(f"127.0.0.1:{receiver.grpc_port}") as channel:
            channel.unary_unary(METHODS["traces"]).future(SLOW).cancel()
        disk.kept.set_result(None)

        assert over_http(receiver, traces(2)) == over_grpc(receiver, traces(2)) == "OK"


def test_senders_that_wait_together_share_a_sync(tmp_path, monkeypatch):
    journal = Journal(JournalConfig(tmp_path), "traces")
    syncs: list[int] = []
    first, go_on = threading.Event(), threading.Event()

    def sync(file: int) -> None:
        syncs.append(file)
        first.set()
        assert go_on.wait(PATIENCE_S)

    monkeypatch.setattr("otel_llm.collector.journal.log._sync_file", sync)
    with receiving(lambda signal, payload, _: journal.begin(payload)) as receiver:
        answers: list[str] = []
        senders = [
            threading.Thread(target=lambda n=n: answers.append(over_http(receiver, traces(n))))
            for n in range(1, 20)
        ]
        senders[0].start()
        assert first.wait(PATIENCE_S)
        for sender in senders[1:]:
            sender.start()
        while journal.size_bytes < 19 * (RECORD_HEAD.size + len(SLOW)):
            threading.Event().wait(0.01)
        go_on.set()
        for sender in senders:
            sender.join(PATIENCE_S)
    journal.close()

    assert answers == ["OK"] * 19
    assert len(syncs) <= 3
