"""SIGTERM ends an instrumented program as ever, once its telemetry is delivered."""

from __future__ import annotations

import signal

import pytest

SERVER = """
import asyncio, uvicorn
async def app(scope, receive, send):
    await receive()
    ask()
    await send({"type": "lifespan.startup.complete"})
    asyncio.get_running_loop().call_later(0.1, terminate)
    await receive()
    await send({"type": "lifespan.shutdown.complete"})
uvicorn.run(app, host="127.0.0.1", port=0, lifespan="on")
"""


@pytest.mark.parametrize("program", ["ask(); terminate(); signal.pause()", SERVER])
def test_what_sigterm_ends_has_sent_its_spans_and_metrics_before(run, program):
    done, sink = run(program)

    assert done.returncode == -signal.SIGTERM
    assert [span.name for span in sink.spans()] == ["chat gpt-4o"]
    assert "gen_ai.client.operation.duration" in sink.metric_names()


def test_an_endpoint_that_is_dead_holds_the_end_up_no_longer_than_the_exit(run):
    program = "ask(); terminate(); signal.pause()"
    dead = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", "OTEL_LLM_EXIT_TIMEOUT": "0.5"}

    done, _ = run(program, **dead)

    assert done.returncode == -signal.SIGTERM
    assert "took no telemetry within 0.5 s" in done.stderr


def test_a_handler_of_the_applications_own_is_the_only_one(run):
    program = "signal.signal(signal.SIGTERM, lambda *_: sys.exit(7)); ask(); terminate()"

    done, sink = run(program)

    assert (done.returncode, len(sink.spans())) == (7, 1)


def test_a_handler_that_passes_the_signal_on_still_decides_how_the_program_ends(run):
    program = """
before = signal.getsignal(signal.SIGTERM)
def handle(*received):
    if callable(before):
        before(*received)
    sys.exit(7)
signal.signal(signal.SIGTERM, handle)
ask()
terminate()
"""

    done, sink = run(program)

    assert (done.returncode, len(sink.spans())) == (7, 1)


@pytest.mark.parametrize(
    ("program", "environ"),
    [
        (
            "print(signal.getsignal(signal.SIGTERM) is signal.SIG_DFL)",
            {"OTEL_LLM_EXIT_TIMEOUT": "0"},
        ),
        (
            "if not os.fork():\n"
            "    print(signal.getsignal(signal.SIGTERM) is signal.SIG_DFL, flush=True)\n"
            "    os._exit(0)\n"
            "os.wait()",
            {},
        ),
    ],
)
def test_without_time_and_in_forked_children_the_signal_is_what_it_was(run, program, environ):
    done, _ = run(program, **environ)

    assert (done.returncode, done.stdout) == (0, "True\n")


def test_a_variable_that_the_sdk_refuses_is_named_in_one_line_and_the_program_runs(run):
    done, sink = run("ask(); print('ran')", OTEL_EXPORTER_OTLP_PROTOCOL="carrier-pigeon")

    assert (done.returncode, done.stdout, sink.spans()) == (0, "ran\n", [])
    assert done.stderr == (
        "otel-llm: nothing is sent, for the SDK cannot be set up: "
        "Unsupported OTLP protocol 'carrier-pigeon' is configured\n"
    )


def test_a_stream_that_is_still_open_at_exit_is_a_span_with_what_is_known(run):
    program = """
import threading
ask_for = {"model": "gpt-4o", "messages": [{"role": "user", "content": "2+2?"}], "stream": True}
stream = client.chat.completions.create(**ask_for)
next(stream)
first = threading.Event()
def read():
    kept = client.chat.completions.create(**ask_for)
    next(kept)
    first.set()
    threading.Event().wait()
threading.Thread(target=read, daemon=True).start()
first.wait()
"""

    done, sink = run(program)

    assert (done.returncode, done.stderr) == (0, "")
    assert [span.name for span in sink.spans()] == ["chat gpt-4o"] * 2
    assert "otel_llm.client.stream.outcomes" in sink.metric_names()


def test_flush_hands_on_what_there_is_before_a_process_is_ended(run):
    done, sink = run("import otel_llm; ask(); print(otel_llm.flush(100)); os._exit(3)")

    assert (done.returncode, done.stdout, done.stderr) == (3, "True\n", "")
    assert [span.name for span in sink.spans()] == ["chat gpt-4o"]


def test_flush_waits_no_longer_than_it_is_told_to(run):
    dead = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}

    done, _ = run("import otel_llm; ask(); print(otel_llm.flush(0.1)); os._exit(3)", **dead)

    assert (done.returncode, done.stdout) == (3, "False\n")
