"""May I spend? What an application is told, from the collector's file and from its API."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from opentelemetry.sdk.trace import TracerProvider

import otel_llm
from otel_llm.instrumentation.core import budget, guard
from otel_llm.stats.denial import Denial, written

SEARCH = Denial("budget", "search", {"team": "search"})


@pytest.fixture(autouse=True)
def _apart(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every test asks anew, and no second has to pass between two questions."""
    budget._source.cache_clear()
    monkeypatch.setattr(budget, "_FRESH_S", 0.0)
    yield
    budget._source.cache_clear()


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("OTEL_LLM_BUDGET_FILE", str(tmp_path / "spending.json"))
    return tmp_path / "spending.json"


def _say(file: Path, *denials: Denial, valid_s: float = 60.0) -> None:
    file.write_bytes(written(denials, time.time() + valid_s))


def test_without_a_collector_the_answer_is_yes():
    assert otel_llm.budget_ok(team="search")


def test_a_file_that_is_not_there_yet_means_yes(file: Path):
    assert otel_llm.budget_ok(team="search")


def test_what_the_file_denies_is_denied_to_whom_it_names(file: Path):
    _say(file, SEARCH)

    assert [otel_llm.budget_ok(team=team) for team in ("search", "ads")] == [False, True]
    assert otel_llm.budget_ok()


def test_an_old_answer_is_none(file: Path):
    _say(file, SEARCH, valid_s=-1.0)

    assert otel_llm.budget_ok(team="search")


def test_a_denial_that_is_taken_back_is_gone(file: Path):
    _say(file, SEARCH)
    before = otel_llm.budget_ok(team="search")
    _say(file)

    assert (before, otel_llm.budget_ok(team="search")) == (False, True)


def test_the_file_is_read_once_a_second_at_most(file: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(budget, "_FRESH_S", 3600.0)
    _say(file, SEARCH)
    before = otel_llm.budget_ok(team="search")
    _say(file)

    assert (before, otel_llm.budget_ok(team="search")) == (False, False)


@pytest.mark.parametrize(
    "denial",
    [
        Denial("runaway", "tool_repeats", {"session": "s-1"}),
        Denial("budget", "b", {"user": "ann"}),
        Denial("budget", "b", {"tag.plan": "free"}),
        Denial("budget", "b", {}, {"feature": "sear*|ads", "team": "!hr"}),
    ],
)
def test_the_asker_is_who_was_named_around_the_call(file: Path, denial: Denial):
    _say(file, denial)

    @otel_llm.workflow
    def asked() -> bool:
        with (
            otel_llm.set_user("ann"),
            otel_llm.set_session("s-1"),
            otel_llm.set_tags(feature="search", plan="free"),
        ):
            return otel_llm.budget_ok()

    assert (asked(), otel_llm.budget_ok(user="bob")) == (False, True)


def test_the_asker_is_the_current_trace(file: Path):
    tracer = TracerProvider().get_tracer("test")
    with tracer.start_as_current_span("loop") as span:
        _say(
            file, Denial("runaway", "calls_per_minute", {"trace": f"{span.context.trace_id:032x}"})
        )
        inside = otel_llm.budget_ok()

    assert (inside, otel_llm.budget_ok()) == (False, True)


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b'{"until": "x", "denied": []}', b"\xff"])
def test_a_file_that_is_no_answer_means_yes_and_is_said_once(
    file: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, text: bytes
):
    monkeypatch.setattr(guard, "strict", False)
    monkeypatch.setattr(guard, "_reported", set())
    file.write_bytes(text)

    assert [otel_llm.budget_ok(team="search") for _ in range(2)] == [True, True]
    assert caplog.text.count("asking for the budget") == 1


@contextmanager
def _api(answer: Callable[[BaseHTTPRequestHandler], bytes]) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = answer(self)
            self.send_response(200 if body else 503)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _until(holds: Callable[[], bool]) -> None:
    limit = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < limit
        time.sleep(0.005)


def test_the_api_is_asked_with_its_token_and_past_every_proxy(monkeypatch: pytest.MonkeyPatch):
    asked: list[tuple[str, str | None]] = []

    def answer(request: BaseHTTPRequestHandler) -> bytes:
        asked.append((request.path, request.headers["Authorization"]))
        return written([SEARCH], time.time() + 60)

    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("OTEL_LLM_BUDGET_TOKEN", "t0ken")
    with _api(answer) as url:
        monkeypatch.setenv("OTEL_LLM_BUDGET_URL", url + "/")
        _until(lambda: not otel_llm.budget_ok(team="search"))

    assert otel_llm.budget_ok(team="ads")
    assert asked[0] == ("/v1/spending/denied", "Bearer t0ken")


def test_nobody_waits_for_an_api_that_does_not_answer(monkeypatch: pytest.MonkeyPatch):
    asked, let_go = threading.Event(), threading.Event()
    before = {*threading.enumerate()}  # who asked for a test before may still wait

    def stuck(request: BaseHTTPRequestHandler) -> bytes:
        asked.set()
        let_go.wait(60)
        return b""

    with _api(stuck) as url:
        monkeypatch.setenv("OTEL_LLM_BUDGET_URL", url)
        first = otel_llm.budget_ok()
        assert asked.wait(60)
        while_it_hangs = otel_llm.budget_ok()
        asking = [t.name for t in {*threading.enumerate()} - before if t.name == "otel-llm-budget"]
        let_go.set()

    assert (first, while_it_hangs, len(asking)) == (True, True, 1)


def test_what_was_heard_holds_when_the_api_goes_away(monkeypatch: pytest.MonkeyPatch):
    with _api(lambda _: written([SEARCH], time.time() + 60)) as url:
        monkeypatch.setenv("OTEL_LLM_BUDGET_URL", url)
        _until(lambda: not otel_llm.budget_ok(team="search"))

    assert not any(otel_llm.budget_ok(team="search") for _ in range(3))


@pytest.mark.parametrize("url", ["file:///etc/passwd", "nonsense", "http://127.0.0.1:1"])
def test_an_odd_address_means_yes(monkeypatch: pytest.MonkeyPatch, url: str):
    monkeypatch.setenv("OTEL_LLM_BUDGET_URL", url)

    assert [otel_llm.budget_ok() for _ in range(3)] == [True] * 3
