"""Processes that are forked, and hosts that end or freeze a process without an exit of its own."""

from __future__ import annotations

import signal
import sys

import pytest

PREPARED = """
import multiprocessing, random
from concurrent.futures import ProcessPoolExecutor
from opentelemetry import metrics, trace
def work(number):
    ask()
    return number
def send():
    global client
    client.close()  # as a program has to before it forks
    client = client.with_options(http_client=openai.DefaultHttpxClient())
    trace.get_tracer_provider().force_flush()
    metrics.get_meter_provider().force_flush()
"""
PROCESS = """
if __name__ == "__main__":
    children = [multiprocessing.get_context({method!r}).Process(target=ask) for _ in range(2)]
    for child in children:
        child.start()
    for child in children:
        child.join()
    print([child.exitcode for child in children])
"""
POOL = """
if __name__ == "__main__":
    with multiprocessing.get_context({method!r}).Pool(2) as pool:
        print(pool.map(work, [0, 0], chunksize=1))
"""
EXECUTOR = """
if __name__ == "__main__":
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context({method!r})) as pool:
        print(list(pool.map(work, [0, 0])))
"""


@pytest.mark.parametrize(
    ("program", "method"),
    [
        *[(PROCESS, "fork"), (POOL, "fork"), (EXECUTOR, "fork")],
        *[(PROCESS, "forkserver"), (POOL, "spawn")],
    ],
)
def test_children_deliver_what_they_did_before_they_end(run, program, method):
    done, sink = run(PREPARED + program.format(method=method))

    assert (done.returncode, done.stdout, done.stderr) == (0, "[0, 0]\n", "")
    assert [span.name for span in sink.spans()] == ["chat gpt-4o"] * 2


HEARD_ELSEWHERE = """
import threading, time
told, tell = os.pipe()
def interrupt_nobody():
    os.read(told, 1)
    time.sleep(2)  # till it waits for the next task
    signal.pthread_kill(threading.get_ident(), signal.SIGTERM)
def begin():
    threading.Thread(target=interrupt_nobody, daemon=True).start()
if __name__ == "__main__":
    pool = multiprocessing.get_context("fork").Pool(1, begin, maxtasksperchild={tasks})
    [first] = pool._pool
    print(pool.map(work, [0]))
    while {tasks} and pool._pool in ([], [first]):  # the next is forked by the pool's own thread
        time.sleep(0.01)
    [worker] = pool._pool
    type(pool)._repopulate_pool_static = lambda *_: None  # another would outlive this process
    os.write(tell, b"!")
    while worker.exitcode is None:  # the pool's own thread waits for it too, and one is told
        time.sleep(0.01)
    print(worker.exitcode, flush=True)
    os._exit(0)  # whoever ends while waiting takes the lock along, and a pool waits for that
"""


@pytest.mark.parametrize("tasks", [None, 1], ids=["the first", "a later one"])
def test_a_worker_of_a_pool_ends_also_where_the_signal_does_not_interrupt_its_waiting(run, tasks):
    done, sink = run(PREPARED + HEARD_ELSEWHERE.format(tasks=tasks))

    assert (done.returncode, done.stdout, done.stderr) == (0, "[0]\n-15\n", "")
    assert [span.name for span in sink.spans()] == ["chat gpt-4o"]


@pytest.mark.parametrize("protocol", ["grpc", "http/protobuf"])
def test_children_of_a_process_that_has_sent_send_by_themselves_and_count_from_nothing(
    run, protocol
):
    done, sink = run(PREPARED + "ask(); send()" + PROCESS.format(method="fork"), protocol=protocol)

    assert (done.returncode, done.stdout, done.stderr) == (0, "[0, 0]\n", "")
    assert len({span.span_id for span in sink.spans()}) == 3
    assert sorted(counted(sink).values()) == [1, 1, 1]


def counted(sink) -> dict[str, int]:
    """Return how many calls each instance counted last."""
    last = {}
    for request in sink.metrics:
        for resource in request.resource_metrics:
            attributes = {a.key: a.value.string_value for a in resource.resource.attributes}
            for metric in (metric for scope in resource.scope_metrics for metric in scope.metrics):
                if metric.name == "gen_ai.client.operation.duration":
                    count = sum(point.count for point in metric.histogram.data_points)
                    last[attributes["service.instance.id"]] = count
    return last


def test_a_worker_of_a_pool_dies_at_once_in_the_middle_of_a_task(run):
    program = """
def look(_):
    return signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
if __name__ == "__main__":
    with multiprocessing.get_context("fork").Pool(1) as pool:
        print(pool.map(look, range(2)))
"""

    done, _ = run(PREPARED + program)

    assert (done.stdout, done.stderr) == ("[True, True]\n", "")


def test_a_dead_endpoint_holds_a_forked_child_up_no_longer_than_its_parent(run):
    dead = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", "OTEL_LLM_EXIT_TIMEOUT": "0.5"}

    done, _ = run("child = os.fork(); ask(); child and os.wait()", **dead)

    assert done.returncode == 0
    assert done.stderr.count("took no telemetry within 0.5 s at exit") == 2


def test_a_program_that_seeds_has_its_own_numbers_and_calls_with_ids_of_their_own(run):
    program = """
for _ in range(2):
    random.seed(42)
    ask()
    print(random.random() == random.Random(42).random())
"""

    done, sink = run(PREPARED + program)

    assert done.stdout == "True\nTrue\n"
    assert len({span.trace_id for span in sink.spans()}) == 2


def test_ids_are_made_as_the_operator_says(run):
    program = "print(type(trace.get_tracer_provider().id_generator).__name__)"

    done, _ = run(PREPARED + program, OTEL_PYTHON_ID_GENERATOR="random")

    assert done.stdout == "RandomIdGenerator\n"


FORKING = """
child = os.fork()
if child:
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    os._exit(0)
"""
GUNICORN = """
from gunicorn.workers.base import Worker
signal.signal(signal.SIGTERM, signal.SIG_DFL)
Worker().load_wsgi()
ask()
terminate()
"""
RQ = """
from rq.worker import BaseWorker
BaseWorker().main_work_horse(ask)
"""
BILLIARD = """
from billiard.pool import Worker
ask()
Worker()._do_exit(os.getpid(), 4)
"""
LAMBDA = """
from types import SimpleNamespace
from awslambdaric.bootstrap import _get_handler
handler = _get_handler(lambda event, context: ask())
handler({}, SimpleNamespace(get_remaining_time_in_millis=lambda: 60_000))
os.kill(os.getpid(), signal.SIGKILL)
"""
HOSTS = {
    "gunicorn/workers/base.py": "class Worker:\n    def load_wsgi(self): ...",
    "rq/worker.py": """
import os
class BaseWorker:
    is_horse = True
    def main_work_horse(self, job):
        self.perform_job(job)
        os._exit(3)
    def perform_job(self, job):
        job()
""",
    "billiard/pool.py": """
import os
class Worker:
    def _do_exit(self, pid, exitcode):
        os._exit(exitcode)
""",
    "awslambdaric/bootstrap.py": "def _get_handler(handler):\n    return handler",
}


@pytest.mark.parametrize(
    ("program", "code"),
    [(GUNICORN, -signal.SIGTERM), (RQ, 3), (BILLIARD, 4), (LAMBDA, -signal.SIGKILL)],
    ids=["gunicorn", "rq", "celery", "lambda"],
)
def test_hosts_that_end_or_freeze_a_process_leave_time_to_deliver(run, program, code):
    done, sink = run(FORKING + program, modules=HOSTS)

    assert (done.returncode, done.stdout, done.stderr) == (0, f"{code}\n", "")
    assert [span.name for span in sink.spans()] == ["chat gpt-4o"]
    assert "gen_ai.client.operation.duration" in sink.metric_names()


def test_a_host_that_is_built_otherwise_is_left_alone(run):
    modules = {"rq/worker.py": "class Worker: ..."}

    done, _ = run("import rq.worker, multiprocessing.pool; print('ran')", modules=modules)

    assert (done.returncode, done.stdout, done.stderr) == (0, "ran\n", "")


def test_a_child_of_a_program_with_greenlets_begins_nothing_before_they_may_run(run):
    greenlets = {
        "gevent/__init__.py": "later = []\nspawn = later.append",
        "gevent/monkey.py": "def is_module_patched(name):\n    return name == 'threading'",
    }
    program = """
import gevent.monkey, threading
child = os.fork()
if not child:
    before = threading.active_count()
    for begin in gevent.later:
        begin()
    print(before, threading.active_count() > 1, flush=True)
    ask()
    sys.exit()
os.wait()
"""

    done, sink = run(program, modules=greenlets)

    assert (done.returncode, done.stdout, done.stderr) == (0, "1 True\n", "")
    assert len(sink.spans()) == 1


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="they load no module of wrapt there")
def test_an_interpreter_inside_that_may_start_no_threads_says_so_in_one_line(run):
    program = """
import _xxsubinterpreters as interpreters
interpreters.run_string(interpreters.create(), "print('ran', flush=True)")
ask()
"""

    done, sink = run(program)

    assert (done.returncode, done.stdout) == (0, "ran\n")
    assert done.stderr == (
        "otel-llm: nothing is sent, for the SDK cannot be set up: "
        "thread is not supported for isolated subinterpreters\n"
    )
    assert len(sink.spans()) == 1
