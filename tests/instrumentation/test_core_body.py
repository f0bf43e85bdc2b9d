"""Bodies that callers read by hand, byte by byte."""

from __future__ import annotations

import gzip
import zlib

import pytest

from otel_llm.instrumentation.core import body
from otel_llm.instrumentation.core.body import Along

EVENTS = (
    b'event: a\r\ndata: {"n": 1}\r\n\r\n: a comment\n\ndata:{"n": "\xc3\xa9"}\n\ndata: [DONE]\n\n'
)
SAID = [{"n": 1}, {"n": "é"}]


def read(pieces: list[bytes], encoding: str = "", kind: str = "text/event-stream; charset=utf-8"):
    along = Along({"content-encoding": encoding, "content-type": kind})
    return [event for piece in pieces for event in along.take(piece)], along.whole()


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
@pytest.mark.parametrize(
    ("encoding", "encode"),
    [("", bytes), ("identity", bytes), ("GZIP", gzip.compress), ("deflate", zlib.compress)],
)
def test_events_are_found_however_the_wire_cuts_them(size, encoding, encode):
    sent = encode(EVENTS)

    events, whole = read([sent[at : at + size] for at in range(0, len(sent), size)], encoding)

    assert (events, whole) == (SAID, None)


@pytest.mark.parametrize("encoding", ["", "gzip"])
def test_any_other_body_is_kept_whole(encoding):
    sent = gzip.compress(b'{"id": 1}') if encoding else b'{"id": 1}'

    assert read([sent[:5], sent[5:]], encoding, "application/json") == ([], b'{"id": 1}')


def test_what_cannot_be_decoded_says_nothing():
    assert read([EVENTS], "br") == ([], None)
    assert read([b"{}"], "gzip, br", "application/json") == ([], None)


def test_nothing_that_is_too_long_is_kept(monkeypatch):
    monkeypatch.setattr(body, "MAX_BODY_BYTES", 20)

    assert read([b"data: " + b"x" * 30, b'\ndata: {"n": 1}\n']) == ([], None)
    assert read([b"x" * 15, b"x" * 15], kind="application/json") == ([], None)


@pytest.mark.parametrize(
    "line", [b"data: {", b"data: 3", b"data: \xff\xfe", b"data", b"[" * 99_999]
)
def test_what_is_no_event_is_passed_over(line):
    assert read([line + b"\n" + EVENTS]) == (SAID, None)


def test_an_event_that_comes_in_many_pieces_is_put_together_once():
    sent = b'data: {"n": "' + b"x" * 2**20 + b'"}\n'
    along = Along({"content-type": "text/event-stream"})

    for at in range(0, len(sent) - 1, 1024):
        assert list(along.take(sent[at : min(at + 1024, len(sent) - 1)])) == []
        assert len(along._line[-1]) <= 1024, "nothing is copied while it goes on"

    assert list(along.take(b"\n")) == [{"n": "x" * 2**20}]


def test_sound_and_pictures_are_never_kept():
    assert read([b"{}"], kind="audio/mpeg") == ([], None)
    assert read([b"{}"], kind="image/png") == ([], None)
