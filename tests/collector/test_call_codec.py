"""Calls between the processes of one collector."""

from __future__ import annotations

from otel_llm.collector.calls.codec import pack, unpack
from otel_llm.genai import Call, Cost, Document, Usage

BARE = Call("00" * 16, "00" * 8, None, "chat", 1, 2)
FULL = Call(
    "0a" * 16,
    "0b" * 8,
    "0c" * 8,
    "chat gpt",
    2**62,
    2**63 + 5,
    service="shöp",
    finish_reasons=("stop", "length"),
    usage=Usage(1, 2, cache_read=3, image_cache_read=4, web_searches=5),
    time_to_first_chunk_s=0.25,
    streamed=True,
    cost=Cost(0.5, 0.25, 0.25, source="custom", tier="batch", tools=0.05),
    flags=(),
    tags={"plan": "free", "odd": "\ud800"},
    documents=(Document("a", 0.5), Document()),
    score=1.0,
)


def test_calls_come_back_as_they_were():
    assert unpack(pack([BARE, FULL])) == [BARE, FULL]
    assert unpack(pack([])) == []
