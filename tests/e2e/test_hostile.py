"""What a real collector does under hostile senders: it says no, stays small, and serves others."""

from __future__ import annotations

import gzip
import random
import socket
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from http.client import HTTPConnection
from pathlib import Path

import grpc
import pytest
import zstandard
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue

from otel_llm.collector.protocol import METHODS
from tests.collector.otlp_faults import traces
from tests.e2e.running import Running, collector

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/clear_refs").exists(), reason="memory is read from /proc"
)

PATIENCE_S = 60
PROTOBUF, JSON = "application/x-protobuf", "application/json"
MIB = 2**20
BOUND_MIB = 400
"""More than what one largest request of 64 MiB costs, far less than what the attacks stand for."""
BOMB = bytes(200 * MIB)


@pytest.fixture(scope="module")
def victim(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with collector(tmp_path_factory.mktemp("victim")) as running:
        yield running


@pytest.fixture(autouse=True)
def _stays_small_and_serves_others(victim: Running) -> Iterator[None]:
    before = _resident_mib(victim)
    yield
    assert victim.process.poll() is None
    assert _served(victim)
    assert _peak_mib(victim) - before < BOUND_MIB, victim.log.read_text()


def _resident_mib(victim: Running) -> int:
    """Also forgets the peak so far."""
    Path(f"/proc/{victim.process.pid}/clear_refs").write_text("5")
    return _memory_mib(victim, "VmRSS")


def _peak_mib(victim: Running) -> int:
    return _memory_mib(victim, "VmHWM")


def _memory_mib(victim: Running, name: str) -> int:
    lines = Path(f"/proc/{victim.process.pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(name)).split()[1]) // 1024


def _served(victim: Running) -> bool:
    """Whether an honest sender gets through over both transports."""
    return over_grpc(victim, traces(1)) == "OK" and post(victim, traces(1))[0] == 200


def over_grpc(victim: Running, payload: bytes, **options) -> str:
    unlimited = [("grpc.max_send_message_length", -1), ("grpc.use_local_subchannel_pool", 1)]
    with grpc.insecure_channel(f"127.0.0.1:{victim.grpc}", unlimited) as channel:
        try:
            answer = channel.unary_unary(METHODS["traces"])(payload, timeout=PATIENCE_S, **options)
        except grpc.RpcError as error:
            return error.code().name
    partial = ExportTraceServiceResponse.FromString(answer).partial_success
    return f"OK but {partial.rejected_spans}" if partial.rejected_spans else "OK"


def post(
    victim: Running, body: bytes, media_type: str = PROTOBUF, encoding: str = "identity"
) -> tuple[int, bytes]:
    connection = HTTPConnection("127.0.0.1", victim.http, timeout=PATIENCE_S)
    headers = {"content-type": media_type, "content-encoding": encoding}
    try:
        connection.request("POST", "/v1/traces", body, headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("encoding", "pack"),
    [
        ("gzip", lambda data: gzip.compress(data, 1)),
        ("deflate", lambda data: zlib.compress(data, 1)),
        ("zstd", zstandard.compress),
    ],
)
def test_many_bombs_at_once_are_too_large(victim, encoding, pack):
    bomb = pack(BOMB)

    answers = _at_once(8, lambda: post(victim, bomb, encoding=encoding)[0])

    assert answers == [413] * 8


@pytest.mark.parametrize("compression", [grpc.Compression.Gzip, grpc.Compression.Deflate])
def test_many_bombs_over_grpc_are_resource_exhausted(victim, compression):
    bomb = BOMB[: len(BOMB) // 2]  # the client packs it anew each time

    answers = _at_once(3, lambda: over_grpc(victim, bomb, compression=compression))

    assert answers == ["RESOURCE_EXHAUSTED"] * 3


def test_a_bomb_in_a_bomb_of_many_gzip_members_is_too_large(victim):
    members = gzip.compress(bytes(MIB), 9) * 200

    assert post(victim, members, encoding="gzip")[0] == 413


def test_deep_nesting_is_refused_in_json_and_rejected_alone_in_protobuf(victim):
    for deep in (b'{"resourceSpans":' * 100_000, b"[" * 1_000_000, _deep_json(5000)):
        assert post(victim, deep, JSON)[0] == 400
    assert over_grpc(victim, _deep_protobuf(150)) == "OK"
    assert over_grpc(victim, _deep_protobuf(20_000)) == "OK but 1"
    status, answer = post(victim, _deep_protobuf(20_000))
    partial = ExportTraceServiceResponse.FromString(answer).partial_success
    assert (status, partial.rejected_spans) == (200, 1)
    assert "nested" in partial.error_message


def _deep_json(depth: int) -> bytes:
    value = '{"arrayValue":{"values":[' * depth + "]}}" * depth
    ids = b'"traceId":"%b","spanId":"%b"' % (b"1" * 32, b"1" * 16)
    attribute = b'{"key":"gen_ai.x","value":%b}' % value.encode()
    span = b"{%b,%b}" % (ids, b'"attributes":[%b]' % attribute)
    return b'{"resourceSpans":[{"scopeSpans":[{"spans":[%b]}]}]}' % span


def _deep_protobuf(depth: int) -> bytes:
    value = AnyValue(string_value="x").SerializeToString()
    for _ in range(depth):
        value = _field(5, _field(1, value))
    attribute = _field(1, b"gen_ai.operation.name") + _field(2, value)
    span = _field(1, b"t" * 16) + _field(2, b"s" * 8) + _field(9, attribute)
    return _field(1, _field(2, _field(2, span)))


def _field(number: int, content: bytes) -> bytes:
    size, out = len(content), [number << 3 | 2]
    while size > 127:
        out.append(size & 127 | 128)
        size >>= 7
    return bytes([*out, size]) + content


def test_a_million_attributes_cost_their_span_alone(victim):
    request = ExportTraceServiceRequest.FromString(traces(1))
    crowded = (
        request.resource_spans[0].scope_spans[0].spans.add(trace_id=b"t" * 16, span_id=b"s" * 8)
    )
    for number in range(1_000_000):
        crowded.attributes.add(key=str(number))

    assert over_grpc(victim, request.SerializeToString()) == "OK but 1"
    status, answer = post(victim, request.SerializeToString())
    partial = ExportTraceServiceResponse.FromString(answer).partial_success
    assert (status, partial.rejected_spans) == (200, 1)
    assert "10000 attributes" in partial.error_message


@pytest.mark.parametrize("path", [(1,), (1, 2), (1, 2, 2)])
def test_millions_of_empty_messages_are_too_large(victim, path):
    body = bytes([path[-1] << 3 | 2, 0]) * 15_000_000
    for number in reversed(path[:-1]):
        body = _field(number, body)

    assert post(victim, body)[0] == 413
    assert over_grpc(victim, body) == "RESOURCE_EXHAUSTED"


def test_json_of_millions_of_values_is_too_large(victim):
    values = b'{"resourceSpans":[' + b"{}," * 15_000_000 + b"{}]}"

    assert post(victim, values, JSON)[0] == 413


def test_garbage_of_all_kinds_is_answered_or_hung_up_on(victim):
    chance = random.Random(7)
    sound = traces(*range(50), size=100)
    for _ in range(60):
        broken = bytearray(sound)
        for _ in range(chance.randrange(1, 20)):
            broken[chance.randrange(len(broken))] = chance.randrange(256)
        assert over_grpc(victim, bytes(broken)).split()[0] in ("OK", "INVALID_ARGUMENT")
        assert post(victim, bytes(broken))[0] in (200, 400)
        assert post(victim, chance.randbytes(1000), JSON)[0] == 400
        assert post(victim, chance.randbytes(1000), encoding="gzip")[0] == 400
    for port in (victim.grpc, victim.http, victim.api):
        for noise in (
            chance.randbytes(5000),
            b"\x16\x03\x01" + bytes(500),
            b"GET / HTTP/9.9\r\n\r\n",
        ):
            with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as stranger:
                stranger.sendall(noise)


def test_hundreds_of_slow_senders_over_http_hold_up_nobody(victim):
    head = b"POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-protobuf\r\n"
    with _connections(victim.http, 300) as slow:
        for number, connection in enumerate(slow):
            connection.sendall(head[: 20 + number % 60] if number % 2 else head)
            if not number % 2:
                connection.sendall(b"Content-Length: 60000000\r\n\r\n" + bytes(1000))

        assert all(_served(victim) for _ in range(20))


def test_hundreds_of_slow_senders_over_grpc_hold_up_nobody(victim):
    """They open calls and never say what they came for."""
    never = threading.Event()

    def request() -> Iterator[bytes]:
        never.wait()
        yield b""

    options = [("grpc.use_local_subchannel_pool", 1)]
    with ExitStack() as stack:
        channels = [
            stack.enter_context(grpc.insecure_channel(f"127.0.0.1:{victim.grpc}", options))
            for _ in range(4)
        ]
        calls = [
            channels[number % 4].stream_unary(METHODS["traces"]).future(request())
            for number in range(200)
        ]
        idle = stack.enter_context(_connections(victim.grpc, 200))
        idle[0].sendall(b"PRI * HTTP/2.0\r\n\r\nSM")

        assert all(_served(victim) for _ in range(20))
        never.set()
        for call in calls:
            call.cancel()


def test_as_many_connections_are_open_as_the_system_allows(victim):
    lines = Path(f"/proc/{victim.process.pid}/limits").read_text().splitlines()

    soft, hard = next(line for line in lines if line.startswith("Max open files")).split()[3:5]
    assert soft == hard


@contextmanager
def _connections(port: int, count: int) -> Iterator[list[socket.socket]]:
    with ExitStack() as stack:
        yield [
            stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S))
            for _ in range(count)
        ]


def _at_once(count: int, ask: Callable[[], object]) -> list[object]:
    answers: list[object] = []
    threads = [threading.Thread(target=lambda: answers.append(ask())) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(2 * PATIENCE_S)
    return answers
