"""What must not leave: it is gone from everywhere on a span, and nothing else is."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode

import pytest
from benchmarks import corpus
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from otel_llm.collector.component import Arrival
from otel_llm.collector.data import Batch, SpanView
from otel_llm.collector.errors import Malformed, Permanent
from otel_llm.collector.pipeline import BROKEN, RecordPipeline, TracePipeline
from otel_llm.collector.processors.normalize import NormalizeProcessor
from otel_llm.collector.processors.redact import RedactConfig, RedactProcessor
from otel_llm.collector.redaction import Redactor
from tests.collector.calls import any_value, attributes, batch, request
from tests.collector.records import event, events, logs, metrics, pairs, points, processed

CHAT = {"gen_ai.operation.name": "chat"}
LEAKS = {
    "email": "jane.doe@example.com",
    "card": "4111 1111 1111 1111",
    "iban": "DE89 3704 0044 0532 0130 00",
    "us_ssn": "123-45-6789",
    "phone": "+1 415-555-0132",
    "openai_key": "sk-proj-abcdefghijklmnop0123456789",
    "aws_key": "AKIAIOSFODNN7EXAMPLE",
    "github_token": "ghp_abcdefghijklmnopqrstuvwxyz0123456789",
    "private_key": "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\n-----END RSA PRIVATE KEY-----",
}


def redacted(sent: dict[str, object], **config) -> dict[str, object]:
    opened = batch({**CHAT, **sent})
    RedactProcessor(RedactConfig(**config)).process(opened)
    (span,) = Batch.open(opened.to_bytes()).genai()
    return attributes(span)


@pytest.mark.parametrize("kind", LEAKS)
def test_every_kind_is_taken_out_of_messages_and_the_messages_keep_their_shape(kind):
    message = {"role": "user", "parts": [{"type": "text", "content": f"It is {LEAKS[kind]}, ok?"}]}

    got = redacted({"gen_ai.input.messages": json.dumps([message])})

    assert json.loads(str(got["gen_ai.input.messages"])) == [
        {"role": "user", "parts": [{"type": "text", "content": f"It is [{kind}], ok?"}]}
    ]


@pytest.mark.parametrize(
    "name",
    [
        "gen_ai.output.messages",
        "gen_ai.system_instructions",
        "gen_ai.tool.call.arguments",
        "gen_ai.tool.call.result",
        "gen_ai.retrieval.query.text",
        "gen_ai.retrieval.documents",
        "gen_ai.memory.records",
        "gen_ai.prompt.variable.customer",
        "gen_ai.prompt.0.content",
        "input.value",
        "otel_llm.output.preview",
        "user.id",
        "something.of.mine",
    ],
)
@pytest.mark.parametrize(
    "wrapped", ["mail {}", '{{"to": "{}"}}', '["{}"]', '{{"deep": "[\\"{}\\"]"}}']
)
def test_no_text_on_the_span_is_passed_over(name, wrapped):
    got = redacted({name: wrapped.format(LEAKS["email"])})

    assert LEAKS["email"] not in str(got[name])
    assert "[email]" in str(got[name])


def test_structured_values_and_lists_are_looked_into():
    sent = {"gen_ai.input.messages": [{"role": "user", "parts": [{"content": LEAKS["email"]}]}]}

    got = redacted({**sent, "tags": ["a", LEAKS["email"]]})

    assert got["tags"] == ["a", "[email]"]
    assert json.loads(str(got["gen_ai.input.messages"]))[0]["parts"] == [{"content": "[email]"}]


def test_a_leak_written_in_escapes_is_found():
    got = redacted({"gen_ai.tool.call.arguments": '{"to": "jane\\u0040acme.org"}'})

    assert got["gen_ai.tool.call.arguments"] == '{"to": "[email]"}'


def test_a_leak_in_a_name_or_a_number_inside_is_found():
    got = redacted({"gen_ai.tool.call.arguments": '{"jane@acme.org": 4111111111111111}'})

    assert got["gen_ai.tool.call.arguments"] == '{"[email]": "[card]"}'


def test_words_of_the_conventions_and_what_holds_no_leak_stay_as_they_are():
    payload = corpus.request("genai", 20)
    opened = Batch.open(payload)

    RedactProcessor().process(opened)

    assert opened.to_bytes() is payload


def test_events_and_the_status_message_are_looked_into():
    message = ExportTraceServiceRequest.FromString(request(CHAT, error=True))
    span = message.resource_spans[0].scope_spans[0].spans[0]
    span.status.message = f"no mail to {LEAKS['email']}"
    pairs = [KeyValue(key="gen_ai.prompt", value=any_value(f"I am {LEAKS['email']}"))]
    span.events.add(name="gen_ai.content.prompt", time_unix_nano=5, attributes=pairs)
    opened = Batch.open(message.SerializeToString())

    RedactProcessor().process(opened)

    span.status.message = "no mail to [email]"
    span.events[0].attributes[0].value.string_value = "I am [email]"
    assert ExportTraceServiceRequest.FromString(opened.to_bytes()) == message


def test_a_key_makes_the_same_word_of_the_same_value_and_another_of_another():
    sent = {"user.id": LEAKS["email"], "x": LEAKS["email"], "y": "john@acme.org"}

    got, other = redacted(sent, key="k1"), redacted(sent, key="k2")

    assert got["user.id"] == got["x"]
    assert len({got["x"], got["y"], other["x"]}) == 3
    assert str(got["x"]).startswith("[email:")


def test_a_key_comes_from_a_file_too(tmp_path):
    (tmp_path / "key").write_text("k1\n")

    assert redacted({"x": LEAKS["email"]}, key_file=tmp_path / "key") == redacted(
        {"x": LEAKS["email"]}, key="k1"
    )


def test_what_is_allowed_stays_and_patterns_of_ones_own_are_found():
    got = redacted(
        {"x": "help@acme.org, jane@acme.org, order A-1234"},
        allow=(r"(?:help|sales)@acme\.org",),
        patterns={"order": r"A-\d{4}"},
    )

    assert got["x"] == "help@acme.org, [email], order [order]"


def test_kinds_can_be_chosen():
    got = redacted({"x": f"{LEAKS['email']} {LEAKS['us_ssn']}"}, kinds=("us_ssn",))

    assert got["x"] == f"{LEAKS['email']} [us_ssn]"


@pytest.mark.parametrize(
    "wrong",
    [{"kinds": ("emails",)}, {"patterns": {"x": "("}}, {"key": "k", "key_file": "f"}],
)
def test_a_setting_that_makes_no_sense_is_refused(wrong):
    with pytest.raises(
        ValueError, match=r"kinds: nothing is called 'emails'|regular expression|not both"
    ):
        RedactConfig(**wrong)


def test_the_key_is_in_no_representation():
    assert "hush" not in repr(RedactConfig(key="hush"))


@pytest.mark.parametrize("depth", [500, 50_000])
def test_what_is_nested_too_deeply_to_look_into_is_taken_out(depth):
    deep = "[" * depth + f'"{LEAKS["email"]}"' + "]" * depth

    got = redacted({"gen_ai.tool.call.result": deep})

    assert LEAKS["email"] not in str(got["gen_ai.tool.call.result"])


def test_when_redaction_itself_fails_nothing_of_the_text_is_left(monkeypatch):
    def broken(self: Redactor, text: str) -> str:
        raise RuntimeError

    monkeypatch.setattr(Redactor, "encoded", broken)

    got = redacted({"gen_ai.input.messages": "secret"})

    assert got["gen_ai.input.messages"] == "[redaction failed]"


def test_other_dialects_are_redacted_before_and_after_they_are_rewritten():
    sent = {
        "openinference.span.kind": "LLM",
        "llm.input_messages.0.message.role": "user",
        "llm.input_messages.0.message.content": LEAKS["email"],
        "input.value": LEAKS["email"],
    }
    for processors in ([RedactProcessor()], [NormalizeProcessor(), RedactProcessor()]):
        opened = batch(sent)
        for processor in processors:
            processor.process(opened)

        assert LEAKS["email"].encode() not in opened.to_bytes()


DETAILS = "gen_ai.client.inference.operation.details"


def test_events_are_redacted_and_keep_their_structure():
    leak = LEAKS["email"]
    before = logs(
        event(DETAILS, {**CHAT, "gen_ai.input.messages": [{"parts": [{"content": leak}]}]}),
        event("gen_ai.user.message", {}, {"content": f"I am {leak}", "role": "user"}),
        event("", {"event.name": "gen_ai.choice", "n": 1}, f"I am {leak}"),
        event("of.mine", {"a": leak}),
    )

    after = processed(RedactProcessor(), "logs", before)

    assert events(after) == [
        event(DETAILS, {**CHAT, "gen_ai.input.messages": [{"parts": [{"content": "[email]"}]}]}),
        event("gen_ai.user.message", {}, {"content": "I am [email]", "role": "user"}),
        event("", {"event.name": "gen_ai.choice", "n": 1}, "I am [email]"),
        event("of.mine", {"a": leak}),
    ]


def test_metrics_are_redacted():
    after = processed(
        RedactProcessor(), "metrics", metrics(("gen_ai.client.token.usage", {"u": LEAKS["email"]}))
    )

    assert points(after) == [("gen_ai.client.token.usage", {"u": "[email]"})]


def test_the_name_of_a_span_and_its_links_are_looked_into():
    message = ExportTraceServiceRequest.FromString(request(CHAT))
    span = message.resource_spans[0].scope_spans[0].spans[0]
    span.name = f"chat {LEAKS['email']}"
    pairs = [KeyValue(key="why", value=any_value(LEAKS["email"]))]
    span.links.add(trace_id=bytes(16), attributes=pairs)
    opened = Batch.open(message.SerializeToString())

    RedactProcessor().process(opened)

    span.name = "chat [email]"
    span.links[0].attributes[0].value.string_value = "[email]"
    assert ExportTraceServiceRequest.FromString(opened.to_bytes()) == message


@pytest.mark.parametrize("signal", ["logs", "metrics"])
def test_what_cannot_be_looked_into_is_not_accepted(signal):
    pipeline = RecordPipeline(signal, {"redact": RedactProcessor()}, lambda *_: None)
    broken = {
        "logs": logs(event(DETAILS, {"a": "PLANT"})),
        "metrics": metrics(("gen_ai.x", {"a": "PLANT"})),
    }[signal].replace(b"PLANT", b"\xffPLAN")

    with pytest.raises(Malformed):
        pipeline.consume(broken)


def test_a_span_at_which_it_fails_is_refused_alone(monkeypatch, caplog):
    sound = SpanView.rewrite_rest

    def broken(self: SpanView, change) -> None:
        if self.index == 1:
            raise RuntimeError(LEAKS["email"])
        sound(self, change)

    given: list[bytes] = []
    pipeline = TracePipeline({"redact": RedactProcessor()}, {}, lambda _, p: given.append(p))
    monkeypatch.setattr(SpanView, "rewrite_rest", broken)
    arrival = Arrival()

    pipeline.consume(request(CHAT, {**CHAT, "x": LEAKS["email"]}, CHAT), arrival)

    assert len(Batch.open(given[0])) == 2
    assert arrival.rejected == {BROKEN: 1}
    assert LEAKS["email"] not in caplog.text
    assert "RuntimeError at one of" in caplog.text


def test_when_it_fails_as_a_whole_nothing_goes_on(monkeypatch, caplog):
    def broken(self: Batch) -> None:
        raise RuntimeError(LEAKS["email"])

    given: list[object] = []
    pipeline = TracePipeline({"redact": RedactProcessor()}, {}, lambda *a: given.append(a))
    monkeypatch.setattr(Batch, "genai", broken)

    with pytest.raises(Permanent, match="redact failed, and nothing may go on without it"):
        pipeline.consume(request(CHAT))

    assert given == []
    assert LEAKS["email"] not in caplog.text
    assert pipeline.counters.get("otelcol_receiver_accepted_spans") == 0


def test_a_span_that_cannot_be_read_does_not_pass():
    good, sent = request(CHAT), request(CHAT, {**CHAT, "x": LEAKS["email"]})
    spans = ExportTraceServiceRequest.FromString(sent).resource_spans[0].scope_spans[0].spans
    encoded = spans[1].SerializeToString()
    broken = sent.replace(encoded, b"\x2a\x7f" + encoded[2:])
    given: list[bytes] = []
    pipeline = TracePipeline({"redact": RedactProcessor()}, {}, lambda _, p: given.append(p))

    pipeline.consume(broken)

    assert ExportTraceServiceRequest.FromString(given[0]) == ExportTraceServiceRequest.FromString(
        good
    )
    assert pipeline.counters.get("otel_llm_pipeline_dropped_spans") == 1


def everywhere(sent: ExportTraceServiceRequest) -> bytes:
    opened = Batch.open(sent.SerializeToString())
    RedactProcessor().process(opened)
    return opened.to_bytes()


def one_span(**attributes: object) -> tuple[ExportTraceServiceRequest, Span]:
    message = ExportTraceServiceRequest.FromString(request({**CHAT, **attributes}))
    return message, message.resource_spans[0].scope_spans[0].spans[0]


def test_a_leak_under_a_name_that_is_sent_twice_is_found():
    message, span = one_span()
    for value in (LEAKS["email"], "nothing"):
        span.attributes.append(KeyValue(key="x", value=any_value(value)))

    assert LEAKS["email"].encode() not in everywhere(message)


def test_a_leak_under_a_key_that_is_in_a_map_twice_is_found():
    message, span = one_span()
    twice = any_value({"a": LEAKS["email"]})
    twice.kvlist_value.values.add(key="a").value.string_value = "nothing"
    span.attributes.append(KeyValue(key="x", value=twice))
    span.events.add(name="e").attributes.append(KeyValue(key="x", value=twice))

    assert LEAKS["email"].encode() not in everywhere(message)


def test_lists_in_events_are_looked_into():
    message, span = one_span()
    listed = KeyValue(key="x", value=any_value([LEAKS["email"]]))
    span.events.add(name="e").attributes.append(listed)

    assert LEAKS["email"].encode() not in everywhere(message)


def test_a_value_that_is_nested_too_deeply_to_be_read_is_taken_out():
    deep = any_value(LEAKS["email"]).SerializeToString()
    for _ in range(3000):
        item = b"\x0a" + _varint(len(deep)) + deep
        deep = b"\x2a" + _varint(len(item)) + item
    message, span = one_span(x="PLACE", y="z")
    pair = span.attributes[1].SerializeToString()
    value = b"\x12" + _varint(len(deep)) + deep
    changed = b"\x0a\x01x" + value
    payload = _replaced(message.SerializeToString(), pair, changed)
    opened = Batch.open(payload)

    RedactProcessor().process(opened)

    assert LEAKS["email"].encode() not in opened.to_bytes()
    (left,) = Batch.open(opened.to_bytes()).genai()
    assert attributes(left) == {**CHAT, "x": "[redaction failed]", "y": "z"}


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes([*out, number])


def _replaced(payload: bytes, pair: bytes, changed: bytes) -> bytes:
    """Put other bytes in place of an attribute of the only span, all lengths adjusted."""
    message = ExportTraceServiceRequest.FromString(payload)
    span = message.resource_spans[0].scope_spans[0].spans[0].SerializeToString()
    span = span.replace(
        b"\x4a" + _varint(len(pair)) + pair, b"\x4a" + _varint(len(changed)) + changed
    )
    scope = b"\x12" + _varint(len(span)) + span
    group = b"\x12" + _varint(len(scope)) + scope
    return b"\x0a" + _varint(len(group)) + group


def test_a_span_that_is_broken_in_an_event_goes_alone():
    good = request(CHAT)
    message, span = one_span()
    event = span.events.add(name=LEAKS["email"]).SerializeToString()
    broken = message.SerializeToString().replace(event, event[:1] + b"\x7f" + event[2:])
    opened = Batch.open(broken + good)

    RedactProcessor().process(opened)

    assert LEAKS["email"].encode() not in opened.to_bytes()
    assert (len(Batch.open(opened.to_bytes())), opened.dropped) == (1, 1)


def test_a_leak_that_a_log_record_says_twice_is_found():
    payload = logs(event(DETAILS, {"x": LEAKS["email"]}))
    message = ExportLogsServiceRequest.FromString(payload)
    record = message.resource_logs[0].scope_logs[0].log_records[0]
    record.attributes.append(KeyValue(key="x", value=any_value("nothing")))

    after = processed(RedactProcessor(), "logs", message.SerializeToString())

    assert LEAKS["email"].encode() not in after


KEY = "sk-proj-aB3dE5fG7hJ9kL1mN3pQ5rS7tU9vW1xY"
DISGUISES = {
    "escapes in the middle of a text": 'it said {"to": "jane.doe\\u0040example.com"}',
    "escapes after a space": ' {"to": "jane.doe\\u0040example.com"}',
    "escapes in a line of many": '{"a": 1}\n{"to": "jane.doe\\u0040example.com"}',
    "the address of a page": "https://example.org/?to=jane.doe%40example.com",
    "HTML": "jane.doe&#64;example.com, jane.doe&#x40;example.com",
    "letters of full width": "\uff4a\uff41\uff4e\uff45\uff0e\uff44\uff4f\uff45\uff20example.com",
    "signs that nobody sees": "jane.doe\u200b@exam\u00adple.com",
    "letters that look alike": "j\u0430ne.d\u043ee@\u0435xample.com",
    "base64": b64encode(b"write to jane.doe@example.com").decode(),
    "base64 of JSON": b64encode(b'{"to": "jane.doe\\u0040example.com"}').decode(),
}


@pytest.mark.parametrize("said", DISGUISES.values(), ids=DISGUISES)
def test_a_leak_in_disguise_is_found(said):
    shown = json.dumps(redacted({"gen_ai.tool.call.result": said}))

    assert "jane" not in shown
    assert "\uff4a\uff41\uff4e\uff45" not in shown
    assert (
        "[email]" in shown
        or "[email]" in b64decode(json.loads(shown)["gen_ai.tool.call.result"]).decode()
    )


@pytest.mark.parametrize(
    "said",
    [
        "\u4eca\u5929\u5929\u6c14\u600e\u4e48\u6837\uff1f\u6211\u60f3\u53bb\u5317\u4eac\uff0c\u8c22\u8c22\uff01",
        "\u041f\u043e\u0433\u043e\u0434\u0430 \u0432 \u041c\u043e\u0441\u043a\u0432\u0435?",
        "100% of a&#98;c %20 \\u0041",
        "call get_current_weather_information_of_a_city and 0123456789abcdefABCDEF0123456789",
        "\ufb01ne\u3000\uff57\uff49\uff44\uff54\uff48 \u200b",
    ],
)
def test_a_text_that_hides_nothing_stays_as_it_is(said):
    assert redacted({"gen_ai.tool.call.result": said})["gen_ai.tool.call.result"] == said


def test_a_leak_in_the_name_of_an_attribute_or_an_event_is_found():
    message = ExportTraceServiceRequest.FromString(request({**CHAT, LEAKS["email"]: "v"}))
    span = message.resource_spans[0].scope_spans[0].spans[0]
    span.events.add(name=f"mail to {LEAKS['email']}").attributes.add(key=LEAKS["email"])
    span.events[0].attributes[0].value.string_value = "v"
    opened = Batch.open(message.SerializeToString())

    RedactProcessor().process(opened)

    (after,) = Batch.open(opened.to_bytes()).genai()
    assert attributes(after) == {**CHAT, "[email]": "v"}
    assert list(after.events()) == [("mail to [email]", {})]


def test_who_sent_it_is_looked_into_but_for_the_names_of_services_and_machines():
    sent = {"owner": LEAKS["email"], "service.name": "shop", "host.id": LEAKS["card"]}
    message = ExportTraceServiceRequest.FromString(request(CHAT))
    message.resource_spans[0].resource.attributes.extend(pairs(sent))
    scope = message.resource_spans[0].scope_spans[0].scope
    scope.name, scope.version = "lib", "1"
    scope.attributes.extend(pairs({"who": KEY}))
    opened = Batch.open(message.SerializeToString())

    RedactProcessor().process(opened)

    after = ExportTraceServiceRequest.FromString(opened.to_bytes()).resource_spans[0]
    said = {pair.key: pair.value.string_value for pair in after.resource.attributes}
    assert said == {**sent, "owner": "[email]"}
    assert after.scope_spans[0].scope.version == "1"
    assert after.scope_spans[0].scope.attributes[0].value.string_value == "[openai_key]"
    assert len(after.scope_spans[0].spans) == 1


def test_spans_of_others_go_on_with_the_very_bytes_of_who_sent_them():
    message = ExportTraceServiceRequest.FromString(request({"http.route": "/"}))
    message.resource_spans[0].resource.attributes.extend(pairs({"owner": LEAKS["email"]}))
    opened = Batch.open(message.SerializeToString())

    RedactProcessor().process(opened)

    assert opened.to_bytes() == message.SerializeToString()


@pytest.mark.parametrize("signal", ["logs", "metrics"])
def test_who_sent_logs_and_metrics_is_looked_into(signal):
    given = {"owner": LEAKS["email"]}
    payload = (
        logs(event("gen_ai.choice", {}), resource=given)
        if signal == "logs"
        else metrics(("gen_ai.client.token.usage", {"u": LEAKS["email"]}))
    )

    assert LEAKS["email"].encode() not in processed(RedactProcessor(), signal, payload)


def test_what_stands_for_a_word_or_an_id_is_only_left_alone_where_it_looks_like_one():
    said = [
        {
            "role": "user",
            "parts": [
                {"type": "tool_call", "id": "call_4111111111111111", "name": "f"},
                {"type": KEY, "id": LEAKS["email"]},
                {"type": "tool_call_response", "id": "123-45-6789", "response": "x"},
            ],
        }
    ]

    got = redacted({"gen_ai.input.messages": json.dumps(said)})["gen_ai.input.messages"]

    assert json.loads(str(got))[0]["parts"] == [
        said[0]["parts"][0],
        {"type": "[openai_key]", "id": "[email]"},
        {"type": "tool_call_response", "id": "[us_ssn]", "response": "x"},
    ]


def test_numbers_are_looked_into_and_counts_that_are_texts():
    card = int(LEAKS["card"].replace(" ", ""))

    got = redacted({"x": card, "gen_ai.usage.input_tokens": 3, "gen_ai.usage.note": LEAKS["email"]})

    assert got == {**CHAT, "x": "[card]", "gen_ai.usage.input_tokens": 3,
                   "gen_ai.usage.note": "[email]"}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("claude_code.user_prompt", None),
        ("", "claude_code.user_prompt"),
        ("codex.user_prompt", None),
        ("gemini_cli.user_prompt", None),
    ],
)
def test_what_coding_agents_log_is_redacted(name, body):
    sent = event(name, {"prompt": f"write to {LEAKS['email']}", "user.email": LEAKS["email"]}, body)

    after = events(processed(RedactProcessor(), "logs", logs(sent)))

    assert [one["attributes"] for one in after] == [
        {"prompt": "write to [email]", "user.email": "[email]"}
    ]


def test_a_pseudonym_is_the_same_after_a_restart_and_in_another_disguise():
    said = [LEAKS["email"], "write to jane.doe%40example.com"]

    words = [redacted({"x": one}, key="k")["x"].removeprefix("write to ") for one in said]

    assert words[0] == words[1]
    assert words[0].startswith("[email:")


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ('{"to": "jane@doe.org", "to": "ok"}', '{"to": "ok"}'),
        ('[{"a": {"b": "jane@doe.org", "b": 1}}]', '[{"a": {"b": 1}}]'),
        ('{"to": "ok", "to": "jane@doe.org"}', '{"to": "[email]"}'),
        ('{"in": "{\\"to\\": \\"jane@doe.org\\", \\"to\\": 1}"}', r'{"in": "{\"to\": 1}"}'),
        ('{"to":"ok"}', '{"to":"ok"}'),
    ],
)
def test_what_json_says_twice_under_one_key_hides_nothing(said: str, kept: str):
    opened = batch({**CHAT, "gen_ai.tool.call.arguments": said})

    RedactProcessor().process(opened)

    (span,) = Batch.open(opened.to_bytes()).genai()
    assert span.text("gen_ai.tool.call.arguments") == kept
