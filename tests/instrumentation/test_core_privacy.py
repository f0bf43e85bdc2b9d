"""What leaves the process of content, and what of it never does."""

from __future__ import annotations

import json
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import pytest

from otel_llm.instrumentation.core import privacy
from otel_llm.instrumentation.core.fitting import fitted, fitted_value
from otel_llm.instrumentation.core.json_text import to_json
from otel_llm.instrumentation.core.redaction import Redactor
from otel_llm.instrumentation.core.settings import Settings
from tests.instrumentation import toy

KEY = "sk-proj-8fK2mQ9xLw4ZtR7vNc3Yb6Hj1Ds5Gp0A"
MAIL = "ada.lovelace@analytical.engine.org"
LEAKS = {
    "openai_key": KEY,
    "aws_key": "AKIAQ3EGRT7ZLMPWX5VN",
    "github_token": "ghp_a8Kq2Lx9Zt4Vn7Rw3Yb6Hj1Ds5Gp0McQe2Tf",
    "email": MAIL,
    "card": "4532 0151 1283 0366",
    "iban": "DE89 3704 0044 0532 0130 00",
    "us_ssn": "512-73-8461",
    "phone": "+47 915 73 824 60",
}


@pytest.fixture
def sdk():
    yield from toy.install()


@pytest.fixture
def call(sdk, telemetry):
    """Instruments with the given settings, calls once, and returns the span."""

    def call(prompt: str = "hello", answer: Any = None, **settings: Any) -> dict[str, Any]:
        toy.Toy().instrument(**telemetry.providers, **settings)
        try:
            list(sdk.Client().call("m", prompt, stream=True))
        finally:
            toy.Toy().uninstrument()
        return telemetry.spans()[-1]

    return call


# Redaction


@pytest.mark.parametrize(("kind", "leak"), LEAKS.items())
def test_a_leak_is_replaced_by_its_kind_and_nothing_else_is(kind, leak):
    assert Redactor().text(f"It is {leak}, keep it.") == f"It is [{kind}], keep it."


@pytest.mark.parametrize(
    ("kind", "leak"),
    [
        ("openai_key", "sk-proj-your12345678your12345678"),
        ("openai_key", "sk-ant-api03-AbC9x7Yz_12345678901234567890-AA"),
        ("aws_key", "AKIAIOSFODNN7EXAMPLE"),
        ("email", "jane.doe@example.com"),
        ("us_ssn", "123-45-6789"),
        ("phone", "+1 212 555 0123"),
    ],
)
def test_what_may_be_an_example_goes_too(kind, leak):
    assert Redactor().text(f"It is {leak}, keep it.") == f"It is [{kind}], keep it."


@pytest.mark.parametrize(
    "text", ["", "nothing here", "call 911", "sk-learn", "order 4532 0151 1283 0367", "a@b"]
)
def test_what_only_looks_like_one_stays(text):
    assert Redactor().text(text) == text


def test_leaks_inside_each_other_go_as_one():
    assert Redactor().text(f"https://bob:hunter22x@host mail {MAIL} {KEY}").count("[") == 3


def test_a_private_key_goes_to_its_foot_or_to_the_end():
    head, foot = "-----BEGIN RSA PRIVATE KEY-----\nMIIEow", "-----END RSA PRIVATE KEY-----"

    assert Redactor().text(f"a {head}\n{foot} b") == "a [private_key] b"
    assert Redactor().text(f"a {head}") == "a [private_key]"


def test_values_are_walked_and_their_structure_kept():
    value = {
        "role": "user",
        "parts": [{"type": "tool_call", "arguments": {"to": [MAIL], "n": 3, "ok": True}}],
    }

    assert Redactor().value(value) == {
        "role": "user",
        "parts": [{"type": "tool_call", "arguments": {"to": ["[email]"], "n": 3, "ok": True}}],
    }
    assert value["parts"][0]["arguments"]["to"] == [MAIL]


@dataclass
class Person:
    address: str


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"type": f"to {MAIL}", "role": MAIL}, {"type": "to [email]", "role": "[email]"}),
        ({"role": "user", "mime_type": "image/png"}, {"role": "user", "mime_type": "image/png"}),
        ({MAIL: 1, "city": 2, 3: 4}, {"[email]": 1, "city": 2, "3": 4}),
        ({"whom": Person(MAIL)}, {"whom": {"address": "[email]"}}),
        ([{MAIL}], [["[email]"]]),
        ({"n": 1.5, "yes": True, "none": None}, {"n": 1.5, "yes": True, "none": None}),
    ],
)
def test_leaks_are_found_wherever_in_a_value_they_are(value, expected):
    found = Redactor().value(value)

    assert json.loads(to_json(found)) == expected


def test_half_a_character_hides_nothing():
    assert Redactor().text(f"\ud800 {MAIL} é") == "? [email] é"


def test_patterns_of_your_own_and_a_hook_come_after():
    redactor = Redactor(("pii",), (r"ACME-\d+",), lambda text: text.upper())

    assert redactor.text(f"acme ACME-77 {MAIL} {KEY}") == f"ACME [REDACTED] [EMAIL] {KEY.upper()}"


@pytest.mark.parametrize("broken", [lambda text: 1 / 0, lambda text: None])
def test_a_hook_that_fails_takes_the_text_with_it(broken):
    assert "secret" not in Redactor((), (), broken).text("secret")


def test_captured_content_is_redacted_before_it_is_an_attribute_or_an_event(call, telemetry):
    span = call(f"mail {MAIL} with {KEY}", capture="span_and_event", redact="secrets,pii")

    (event,) = telemetry.events()
    said = [
        {"role": "user", "parts": [{"type": "text", "content": "mail [email] with [openai_key]"}]}
    ]
    assert json.loads(span["gen_ai.input.messages"]) == said
    assert MAIL not in str(event.log_record.attributes)
    assert KEY not in str(event.log_record.attributes)


# Hash, preview, flags


def test_the_same_words_have_the_same_hash_under_the_same_key_only(call):
    settings = {"derive": "hash", "hash_key": "k1"}
    one = call("hello  there", **settings)["otel_llm.input.hash"]
    same = call("hello there", **settings)["otel_llm.input.hash"]
    other = call("hello you", **settings)["otel_llm.input.hash"]
    keyed = call("hello there", derive="hash", hash_key="k2")["otel_llm.input.hash"]

    assert one == same
    assert len({one, other, keyed}) == 3
    assert len(one) == 64


def test_a_hash_without_a_key_is_not_made_and_that_is_said(call, caplog):
    assert "otel_llm.input.hash" not in call(derive="hash")
    assert "OTEL_LLM_HASH_KEY" in caplog.text


def test_the_hash_key_is_shown_nowhere():
    assert "k-secret" not in repr(Settings(hash_key="k-secret"))


def test_a_preview_is_the_redacted_start_of_the_answer(call, sdk, monkeypatch):
    answer = f"Write to {MAIL} {KEY} " + "and so on " * 40
    monkeypatch.setattr(sdk, "words", lambda n=3: [{"word": answer, "n": 0}])

    span = call(derive="preview")

    assert (
        span["otel_llm.output.preview"]
        == ("Write to [email] [openai_key] " + "and so on " * 40)[:100]
    )
    assert "gen_ai.output.messages" not in span


@pytest.mark.parametrize("length", [7, 5_000])
def test_a_preview_is_as_long_as_is_asked_for(call, sdk, monkeypatch, length):
    answer = f"{KEY} " + "and so on " * 2_000
    monkeypatch.setattr(sdk, "words", lambda n=3: [{"word": answer, "n": 0}])

    span = call(derive="preview", preview_length=length)

    assert span["otel_llm.output.preview"] == ("[openai_key] " + "and so on " * 2_000)[:length]


def test_flags_are_raised_here_and_the_content_stays(call, sdk, monkeypatch):
    monkeypatch.setattr(sdk, "words", lambda n=3: [{"word": f"The key is {KEY}.", "n": 0}])

    span = call(derive="flags")

    assert "secrets" in span["otel_llm.quality.flags"]
    assert span["otel_llm.output.length"] == len(f"The key is {KEY}.")
    assert KEY not in str(span)


def test_nothing_is_derived_unless_asked_for(call):
    assert not [name for name in call(f"x {KEY}") if name.startswith("otel_llm.")]


@pytest.mark.parametrize("capture", ["no_content", "span_only", "event_only", "span_and_event"])
@pytest.mark.parametrize("derive", ["", "hash,preview,flags"])
def test_no_planted_secret_leaves_with_redaction_on(
    call, telemetry, capture, derive, monkeypatch, sdk
):
    planted = " ".join(LEAKS.values())
    monkeypatch.setattr(sdk, "words", lambda n=3: [{"word": planted, "n": 0}])

    call(planted, capture=capture, derive=derive, hash_key="k", redact="secrets,pii")

    emitted = "".join(
        [
            *(span.to_json() for span in telemetry.finished),
            *(str(event.log_record.attributes) for event in telemetry.events()),
            *(metric.to_json() for metric in telemetry.metrics()),
        ]
    )
    assert [leak for leak in LEAKS.values() if leak in emitted] == []


@pytest.mark.parametrize("derive", ["flags", "preview"])
def test_checks_are_compiled_before_an_answer_would_wait_for_them(derive, monkeypatch):
    compiled = []
    monkeypatch.setattr(privacy, "_made", compiled)

    privacy.Privacy(Settings(derive=frozenset({derive})))

    assert bool(compiled) == (derive == "flags")


def test_of_a_long_text_no_more_is_looked_at_than_is_kept():
    seen = []
    redactor = Redactor((), (), lambda text: seen.append(text) or text, longest=100)

    assert redactor.text(f"{MAIL} {'long ' * 100_000}") == seen[0]
    assert (len(seen[0]), seen[0][-6:]) == (106, "…[cut]")


@pytest.mark.parametrize("leak", [MAIL, "of ACME itself"])
def test_a_leak_where_a_long_text_is_cut_is_not_halved(leak):
    text = f"{leak} " * 5_000
    whole = f"[{'email' if leak == MAIL else 'redacted'}]"

    for longest in range(400, 400 + len(leak)):
        kept = Redactor(patterns=["of ACME itself"], longest=longest).text(text)

        assert kept.endswith("…[cut]")
        assert set(kept.removesuffix("…[cut]").split()) == {whole}


def test_long_media_are_their_digest_before_anybody_looks_for_leaks_in_them():
    picture = {"type": "blob", "modality": "image", "content": f"{MAIL} " * 20}
    said = [{"role": "user", "parts": [picture]}]

    ((kept,),) = [message["parts"] for message in Redactor(longest=100).value(said)]

    content = picture["content"].encode()
    digest = {"sha256": sha256(content).hexdigest(), "size": len(content)}
    assert kept == {"type": "blob_digest", "modality": "image", **digest}


# Size


def message(role: str, *texts: str) -> dict[str, Any]:
    return {"role": role, "parts": [{"type": "text", "content": text} for text in texts]}


def test_what_fits_is_left_alone():
    said = [message("user", "hello")]

    assert fitted(said, 1000, to_json) == (said, to_json(said))


def test_media_go_first_by_digest_and_size():
    blob = {"type": "blob", "modality": "image", "mime_type": "image/png", "content": "A" * 5000}
    said = [message("system", "be kind"), {"role": "user", "parts": [blob]}]

    kept, encoded = fitted(said, 1000, to_json)

    assert kept[0] == said[0]
    (part,) = kept[1]["parts"]
    assert (part["type"], part["modality"], part["size"]) == ("blob_digest", "image", 5000)
    assert json.loads(encoded) == kept


def test_media_that_a_tool_answered_with_go_too():
    blob = {"type": "blob", "modality": "image", "content": "A" * 5000}
    seen = {"type": "text", "content": "a chart " * 20}
    answered = {"type": "tool_call_response", "id": "c1", "response": [seen, blob]}

    ((kept,), _) = fitted([{"role": "tool", "parts": [answered]}], 1000, to_json)

    (part,) = kept["parts"]
    assert part["response"][0] == seen
    assert (part["response"][1]["type"], part["response"][1]["size"]) == ("blob_digest", 5000)


def test_then_the_oldest_turns_and_never_the_users_last():
    said = [message("user" if i % 2 == 0 else "assistant", f"turn {i} " * 30) for i in range(9)]

    kept, encoded = fitted(said, 700, to_json)

    assert kept == said[-len(kept) :]
    assert kept[-1] == said[8]
    assert len(encoded) <= 700


@pytest.mark.parametrize("text", ["x" * 50_000, "ø" * 50_000, '"' * 50_000])
@pytest.mark.parametrize("limit", [300, 1000, 5000])
def test_at_last_long_texts_are_cut_and_the_json_stays_json(text, limit):
    kept, encoded = fitted([message("user", text)], limit, to_json)

    assert len(encoded.encode()) <= limit
    assert json.loads(encoded) == kept
    assert kept[0]["parts"][0]["content"].endswith("…[cut]")


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ("short", "short"),
        ("é" * 100, "é" * 45 + "…[cut]"),
        ({"text": "a" * 500, "n": 1}, None),
        ({"rows": [1.5] * 500}, "{}"),
        ([1] * 500, "[]"),
    ],
)
def test_a_value_that_is_too_long_is_cut_and_stays_what_it_was(value, kept):
    fitted = fitted_value(value, 99, to_json)

    assert len(fitted.encode()) <= 99
    assert json.loads(fitted)["n"] == 1 if kept is None else fitted == kept


def test_a_limit_is_held_on_the_span(call):
    span = call("long " * 10_000, capture="span_only", max_content_bytes=2000)

    assert len(span["gen_ai.input.messages"].encode()) <= 2000
    assert json.loads(span["gen_ai.input.messages"])[0]["role"] == "user"


# JSON


@pytest.mark.parametrize(
    "value",
    [
        {"a": b"\xff\xfe"},
        {"a": float("nan")},
        {"a": "\ud800 lone"},
        {"a": object()},
        {1: {2, 3}},
        [1, None, True, "ø"],
    ],
)
def test_anything_becomes_json_that_utf8_can_carry(value):
    json.loads(to_json(value).encode())


@pytest.mark.parametrize(
    ("name", "value", "field", "expected"),
    [
        ("OTEL_LLM_CAPTURE", "Hash, preview", "derive", frozenset({"hash", "preview"})),
        ("OTEL_LLM_REDACT", "PII", "redact", ("pii",)),
        ("OTEL_LLM_REDACT", "everything", "redact", ("secrets", "pii")),
        ("OTEL_LLM_REDACT_PATTERNS", "a+\n(\nb", "redact_patterns", ("a+", "b")),
        ("OTEL_LLM_MAX_CONTENT_BYTES", "1000", "max_content_bytes", 1000),
        ("OTEL_LLM_MAX_CONTENT_BYTES", "-1", "max_content_bytes", 262_144),
        ("OTEL_LLM_PREVIEW_LENGTH", "40", "preview_length", 40),
        ("OTEL_LLM_PREVIEW_LENGTH", "none", "preview_length", 100),
        ("OTEL_LLM_BAGGAGE", "user.id, otel_llm.team,", "baggage", ("user.id", "otel_llm.team")),
    ],
)
def test_variables_of_privacy_become_settings(name, value, field, expected):
    assert getattr(Settings.from_environment({name: value}), field) == expected
