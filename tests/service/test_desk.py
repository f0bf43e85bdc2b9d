"""A call that comes again, because the answer to it was lost with a worker, counts once."""

from __future__ import annotations

import socket
from dataclasses import replace

from otel_llm.collector.calls.codec import pack
from otel_llm.genai import Call
from otel_llm.service import check
from otel_llm.service.assembly import Service
from otel_llm.service.desk import Desk
from otel_llm.service.handover import Channel, Kind

CALL = Call("00" * 16, "00" * 8, None, "chat", 1, 2, operation="chat")


def test_a_call_that_is_handed_over_again_counts_once():
    nothing = {"service": {"pipelines": {}}, "api": None, "alerting": None, "store": None}
    service = Service(check(nothing))
    desk = Desk(service, 1)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        for calls in ([CALL, CALL], [CALL, replace(CALL, span_id="01" * 8)]):
            desk.take(Kind.CALLS, pack(calls), Channel(ours))
    desk.close()

    counted = [f for f in service.office.totals.families() if f.name == "otel_llm_calls"]
    assert sum(sample.value for sample in counted[0].samples) == 2
